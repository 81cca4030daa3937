//! Answers that look alike and are not equal, and answers that take back what they say.

use crate::data::is_right;

fn assert_different(a: &str, b: &str) {
    for (answer, reference) in [(a, b), (b, a)] {
        assert!(!is_right(&format!("\\boxed{{{answer}}}"), reference, "{}"), "{answer} for {reference}");
    }
}

#[test]
fn what_holds_anyway_is_not_the_same() {
    assert_different("1+1=2", "3+3=6");
    assert_different("2<3", "5<7");
    assert_different("6=7", "7");
    assert_different(r"\sin^2x+\cos^2x=1", "x=3");
}

#[test]
fn a_chain_that_does_not_hold_says_nothing() {
    assert_different(r"P=\frac96=\frac12", r"\frac12");
    assert_different(r"\ln2\approx0.093", r"\ln2");
    assert_different(r"\cos(e)\approx-0.912", r"\cos(e)\approx-0.92");
    assert_different(r"7\sim8", "7");
    assert!(is_right(r"\boxed{x=\frac{10}{3}=3.33}", "3.33", "{}"));
    assert!(is_right(r"\boxed{x=2\text{ km}=2000\text{ m}}", r"2000\text{ m}", "{}"));
    assert!(is_right(r"\boxed{v=343\text{ m/s}\approx340\text{ m/s}}", r"343\text{ m/s}", "{}"));
    assert!(is_right(r"\boxed{\cos(e)\approx-0.91}", r"\cos(e)\approx-0.912", "{}"));
}

#[test]
fn infinity_is_computed_with_only_where_that_is_determined() {
    for (formula, number) in [
        (r"\infty-\infty", "0"),
        (r"\frac{\infty}{\infty}", "1"),
        (r"0\cdot\infty", "0"),
        (r"\infty^0", "1"),
        (r"-\infty", r"\infty"),
        (r"\infty", r"6.02\times10^{23}"),
        (r"\infty", r"1+\sqrt2"),
    ] {
        assert_different(formula, number);
    }
    assert!(is_right(r"\boxed{2\infty+1}", r"\infty", "{}"));
}

#[test]
fn a_term_too_small_to_be_seen_is_no_agreement() {
    for formula in [r"x+e^{-10^6(x-3)^2}", r"x+10^{-100}\sin x", r"\frac{x}{1+10^{-100}\cos x}"] {
        assert_different(formula, "x");
    }
    assert_different("(-1)^{2x}", "1");
    assert_different(r"\frac{1000001}{1000000}", "1.0000");
    assert!(is_right(r"\boxed{(-1)^n}", r"\cos(n\pi)", "{}"));
}

#[test]
fn labels_keep_their_parts() {
    assert_different(r"\text{(a) }5\text{ (b) }6", r"\text{(a) }6\text{ (b) }5");
    assert_different(r"\text{max }5,\text{ min }3", r"\text{max }3,\text{ min }5");
    assert!(is_right(r"\boxed{5, 6}", r"\text{(a) }5\text{ (b) }6", "{}"));
}

#[test]
fn derivatives_are_no_fractions() {
    assert_different(r"\frac{d}{dx}x^2=2x", r"\frac{d}{dx}x^2=3x");
    assert!(is_right(r"\boxed{2x}", r"\frac{d}{dx}x^2=2x", "{}"));
    assert!(is_right(r"\boxed{2x}", r"\frac{dy}{dx}=2x", "{}"));
}

#[test]
fn what_is_said_behind_a_unit_counts() {
    assert_different(r"\$5\text{ profit}", r"\$5\text{ loss}");
    assert_different(r"\$5\text{ per day}", r"\$5\text{ per hour}");
    assert_different(r"12\text{ units}^2", r"12\text{ units}^3");
    assert!(is_right(r"\boxed{\$5}", r"\$5\text{ per day}", "{}"));
    assert!(is_right(r"\boxed{12\text{ cm}^2}", r"12\text{ square units}", "{}"));
}

#[test]
fn the_same_text_is_the_same_answer() {
    for text in [r"x=\frac{\mathrm{gb}}{f}", r"x<-7:(-\infty,-7)", r"615\mathbb{C}, 925\mathbb{C}"] {
        assert!(is_right(&format!("\\boxed{{{text}}}"), &format!("${text}$"), "{}"), "{text}");
    }
}

#[test]
fn commas_between_digits_are_read_one_way() {
    assert_different("10,20", "10,2");
    assert_different("35,000", "35,00");
    assert_different("0,1", r"\frac{1}{10}");
    assert_different("1,2", "12");
    assert_different("10,20", "10.2");
}

#[test]
fn a_value_of_a_function_is_no_product() {
    assert_different("I(0)", "y(0)");
    assert_different("y(0)", "0");
    assert_different("f(x)", "f(y)");
    assert_different("f(x)=2x+1", "g(x)=2x+1");
}

#[test]
fn hedges_are_no_answer() {
    for hedge in [r"(C) \text{ or } (D)", r"\text{C or D}", "C, D", r"\text{not C}"] {
        assert_different(hedge, "C");
    }
    for hedge in [
        r"7 \text{ is wrong}",
        r"7 \text{ is not the answer}",
        r"7 \text{ or } 8",
        "6 < x < 8",
        r"7\pm1",
        "7, 8",
    ] {
        assert_different(hedge, "7");
    }
    assert_different("(B) 25", "(C) 25");
}

#[test]
fn words_that_change_a_number_are_no_unit() {
    assert_different("7 squared", "7");
    for words in ["half", "times something", "degrees below zero", "is wrong", "factorial"] {
        assert_different(&format!("7\\text{{ {words}}}"), "7");
    }
    assert_different("7 dozen", "7");
    assert!(is_right(r"\boxed{7\text{ dozen}}", "84", "{}"));
}

#[test]
fn an_order_that_is_given_counts() {
    assert_different("a=2,b=3", "3,2");
    assert_different(r"\overrightarrow{AB}", r"\overrightarrow{BA}");
    assert!(is_right(r"\boxed{2,3}", "a=2,b=3", "{}"));
    assert!(is_right(r"\boxed{a=4,-8,-10}", "-10,-8,4", "{}"));
}

#[test]
fn a_list_of_intervals_that_overlap_is_no_union() {
    assert_different("[1,2],[0,3]", "[0,3]");
    assert_different(r"\{x\mid x\ge3\},\{x\mid x\ge0\}", r"\{x\mid x\ge0\}");
    assert_different(r"x=1\text{ or }x=2", "(1,2)");
    assert!(is_right(r"\boxed{(-\infty,1)\text{ or }(3,\infty)}", r"(-\infty,1)\cup(3,\infty)", "{}"));
}
