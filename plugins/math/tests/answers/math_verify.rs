//! What Math-Verify 0.9.0 gets wrong or lacks, as measured: here it goes right, from either side.

use crate::data::is_right;

/// Compares two answers from both sides, each in a box.
fn equal(a: &str, b: &str, options: &str) -> bool {
    let judged =
        |answer: &str, reference: &str| is_right(&format!("\\boxed{{{answer}}}"), reference, options);
    let (one, other) = (judged(b, a), judged(a, b));
    assert_eq!(one, other, "{a:?} and {b:?} compare differently when exchanged");
    one
}

/// The sign of percent may be missing on one side only if an option says so; that rule has sides.
const VALUE: &str = r#"{"percent": "value"}"#;
const LENIENT: &str = r#"{"percent": "lenient"}"#;

#[test]
fn what_it_takes_for_equal_and_is_not() {
    for (a, b) in [
        // Letters of units are variables in a formula.
        ("4t", "4"),
        ("4t", "4s"),
        ("2g", "2"),
        (r"12\text{ cm}", r"12\text{ m}"),
        // Differences are relative.
        ("10^{-20}", "10^{-21}"),
        (r"\frac1{2^{99}}", r"\frac1{2^{98}}"),
        (r"\frac1{2004!}", r"\frac1{2006!}"),
        ("0.0000001", "0.0000002"),
        (r"1-\frac{1}{\mathrm{e}}", r"1+\frac{1}{\mathrm{e}}"),
        // An equation that is not solved is no solution.
        ("5", "2x+3=5"),
        ("(3,5)", r"\{3,5\}"),
        ("10", r"10\%"),
        ("1,2", "1,2,2"),
        ("27,93", "27,93,27"),
        ("2516_8", "2516"),
    ] {
        assert!(!equal(a, b, VALUE), "{a} is not {b}");
    }
}

#[test]
fn ten_percent_is_a_tenth_and_ten_by_option() {
    assert!(equal("0.1", r"10\%", VALUE));
    assert!(!equal("10", r"10\%", VALUE));
    assert!(equal("10", r"10\%", LENIENT));
    // By default the answer may leave out the sign that the reference has, and not the other way round.
    assert!(is_right(r"\boxed{7.2}", r"7.2\%", "{}"));
    assert!(!is_right(r"\boxed{10\%}", "10", "{}"));
}

#[test]
fn a_text_that_states_nothing_is_not_judged_by_its_last_number() {
    let unfinished = "First we add 3 and 4. That makes 7, and then we would still have to";
    assert!(!is_right(unfinished, "7", "{}"));
    assert!(is_right(unfinished, "7", r#"{"preset": "last-number"}"#));
}

#[test]
fn what_it_takes_for_different_and_is_equal() {
    for (a, b) in [
        (r"\text{4:30 p.m.}", r"4:30 \text{ p.m.}"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"\text{east}", "east"),
        ("E", "(E)"),
        (r"\text{(E)}", "E"),
        ("5", "5."),
        ("26000", "1000(26)"),
        (r"\frac{\pi}{6}", r"30^\circ"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)"),
        (r"A \cup B", r"B \cup A"),
        (r"\text{no solution}", r"\emptyset"),
        ("[1,2]", r"1\le x\le 2"),
        (r"3\sqrt2", "4.24264"),
        ("1000", "1e3"),
        ("1234567", "1.234.567"),
        ("i", "1i"),
        (r"k\pi", r"n\pi"),
        (r"\frac{\pi}{2}+k\pi, k\in\mathbb{Z}", r"\frac{\pi}{2}+n\pi, n\in\mathbb{Z}"),
        ("f(x)=x+1", "f(t)=t+1"),
    ] {
        assert!(equal(a, b, VALUE), "{a} is {b}");
    }
    for (a, b) in [("10", r"10.0\%"), (r"7.2\%", "7.2"), ("-3", r"-3\%")] {
        assert!(equal(a, b, LENIENT), "{a} is {b}");
    }
    assert!(is_right("The fastest was Evelyn. The answer is Evelyn.", r"\text{Evelyn}", "{}"));
    assert!(is_right("<answer>42</answer>", "42", "{}"));
    assert!(is_right(r"The answer is $5.$", "5", "{}"));
}
