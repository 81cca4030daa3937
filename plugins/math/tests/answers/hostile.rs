//! Answers that hang or exhaust other checkers: each ends in a verdict or an abstention, and none is rewarded.

use crate::data::{is_right, verdict};

fn boxed(answer: &str) -> String {
    format!("\\boxed{{{answer}}}")
}

#[test]
fn nothing_hostile_is_right() {
    let nested =
        |open: &str, close: &str, times: usize| format!("{}x{}", open.repeat(times), close.repeat(times));
    for answer in [
        "3^{10^8}".to_owned(),
        "3^{10^7}".to_owned(),
        "9^{9^9}".to_owned(),
        "2^{10^{10}}".to_owned(),
        "100000000!".to_owned(),
        r"\binom{1000000000}{100000000}".to_owned(),
        r"\sum_{k=1}^{1000000000} k".to_owned(),
        r"\sum_{a=1}^{300}\sum_{b=1}^{300} ab".to_owned(),
        r"\sum_{a=1}^{60}\sum_{b=1}^{60}\sum_{c=1}^{60}\sin(abc)".to_owned(),
        r"\prod_{k=1}^{300} k^{k}".to_owned(),
        "(x+y+z+w)^{80}".to_owned(),
        "((((x+1)^{50}+1)^{50}+1)^{50}+1)".to_owned(),
        "x^{1000000}+y^{999999}".to_owned(),
        r"\dfrac{5^{(5^{(5^{(5^5)})}-4)}-5}{16}".to_owned(),
        r"\int_0^1 x^{x^{x^x}} dx".to_owned(),
        nested("(", ")", 300),
        nested(r"\sqrt{", "}", 300),
        nested(r"\frac{1}{", "}", 300),
        nested("2^{", "}", 300),
        nested(r"\sin(", ")", 300),
        "1".repeat(200_000),
        format!("1.{}", "0".repeat(200_000)),
        "1+".repeat(3_000),
        "-".repeat(3_000),
        "|".repeat(999),
        "x!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!".to_owned(),
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}".repeat(20),
        r"e^{e^{e^{e^{e^{e}}}}}".to_owned(),
        r"\sin(10^{10^{10}})".to_owned(),
    ] {
        assert!(!is_right(&boxed(&answer), "5", "{}"), "{}", &answer[..answer.len().min(60)]);
    }
}

#[test]
fn long_texts_state_nothing() {
    for text in [
        r"\[".repeat(4_000),
        r"\(".repeat(100_000),
        "$".repeat(100_001),
        "so we have that ".repeat(66_000),
        "answer ".repeat(150_000),
        "the answer is ".repeat(75_000),
        r"\boxed{".repeat(100_000),
        "<answer>".repeat(100_000),
        "#### ".repeat(200_000),
    ] {
        for preset in ["default", "math-verify", "gsm8k"] {
            assert!(!is_right(&text, "5", &format!(r#"{{"preset": "{preset}"}}"#)), "{}", &text[..30]);
        }
    }
}

#[test]
fn a_huge_number_is_itself() {
    let huge = "7".repeat(4_000);
    assert!(is_right(&boxed(&huge), &huge, "{}"));
    assert!(!is_right(&boxed(&format!("{}8", &huge[1..])), &huge, "{}"));
    assert!(is_right(&boxed("(w+x+y+z)^{80}"), "(x+y+z+w)^{80}", "{}"));
    assert!(!is_right(&boxed("(x+y+z+w)^{79}"), "(x+y+z+w)^{80}", "{}"));
    assert!(is_right(&boxed("9^{50000000}"), "3^{10^8}", "{}"));
    assert!(!is_right(&boxed("3^{10^8}+1"), "3^{10^8}", "{}"));
}

#[test]
fn what_cannot_be_decided_is_the_fault_of_one_side() {
    const SUM: &str = r"\sum_{k=1}^{10^9} k";
    // A completion must not choose to have no verdict.
    for answer in [SUM, r"8 \pmod{10}", r"\int x\,dx", r"\lim_{x\to 0} x", r"\det A", r"\prod_{k} k"] {
        for reference in ["500000000500000000", "x^2+1", "(1,2)"] {
            let verdict = verdict(&boxed(answer), reference, "{}");
            assert!(
                verdict.as_ref().is_ok_and(|it| it.reward == 0.0),
                "{answer} for {reference}: {verdict:?}"
            );
        }
    }
    let undecided = verdict(&boxed("7"), SUM, "{}");
    assert!(matches!(undecided, Err(gavel_plugin::Error::Abstain(_))), "{undecided:?}");
}
