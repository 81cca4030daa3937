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
}

#[test]
fn commas_between_digits_are_read_one_way() {
    assert_different("10,20", "10,2");
    assert_different("35,000", "35,00");
    assert_different("0,1", r"\frac{1}{10}");
    assert_different("1,2", "12");
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
    assert!(is_right(r"\boxed{(-\infty,1)\text{ or }(3,\infty)}", r"(-\infty,1)\cup(3,\infty)", "{}"));
}
