//! Whatever a policy writes gets a verdict, and no spelling of several letters earns a reward.

use gavel_plugin::{Submission, judge};
use gavel_plugin_choice::Choice;

const PIECES: [&str; 44] = [
    "A",
    "B",
    "C",
    "b",
    "(",
    ")",
    "**",
    "\\boxed{",
    "}",
    "<answer>",
    "</answer>",
    "The answer is ",
    "Answer:",
    "答案",
    "是",
    "：",
    " or ",
    " and ",
    "/",
    ",",
    "\n",
    "\n\n",
    ". ",
    "?",
    "not ",
    "option ",
    "é",
    "Ａ",
    "ب",
    "উত্তর",
    "ঃ",
    "คำตอบ",
    "คือ",
    "\u{200b}",
    "\u{301}",
    "\\text{",
    "$",
    "is the correct answer",
    "I choose ",
    "</think>",
    "'",
    "-",
    "😀",
    " ",
];

/// A generator of pieces in any order; the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

fn reward(completion: &str, reference: &str) -> f64 {
    let columns = r#"{"choices": ["Paris", "a dog", "Rome, or so", "None of the above"]}"#;
    let submission = Submission::new(completion).with_reference(reference).with_metadata(columns);
    judge::<Choice>(&submission, "{}").unwrap().reward
}

#[test]
fn any_text_gets_a_verdict_and_earns_for_one_reference_at_most() {
    let mut dice = Dice(1);
    for _ in 0..5_000 {
        let length = 1 + dice.next(14);
        let completion: String = (0..length).map(|_| PIECES[dice.next(PIECES.len())]).collect();
        let earned: f64 =
            ["A", "B", "C", "D", "A, B", "A, C"].iter().map(|reference| reward(&completion, reference)).sum();
        assert!(earned <= 1.0, "{completion:?} earns {earned}");
    }
}

#[test]
fn two_letters_joined_in_any_way_earn_nothing() {
    for opening in
        ["", "The answer is ", "Answer: ", "\\boxed{", "<answer>", "答案是", "I choose ", "Antwort: "]
    {
        for joint in [
            " or ",
            "/",
            " / ",
            ", ",
            " and ",
            " & ",
            "|",
            " ",
            "\n",
            "、",
            "或",
            " oder ",
            "; ",
            " or maybe ",
            ", or ",
            " and/or ",
        ] {
            for (left, right) in
                [("A", "B"), ("(A)", "(B)"), ("**A**", "**B**"), ("B", "A"), ("(B)", "(A)"), ("B", "C")]
            {
                let closing = if opening.ends_with('{') {
                    "}"
                } else if opening.ends_with('>') {
                    "</answer>"
                } else {
                    ""
                };
                let completion = format!("{opening}{left}{joint}{right}{closing}");
                for reference in ["A", "B", "C"] {
                    assert_eq!(reward(&completion, reference), 0.0, "{completion:?} for {reference}");
                }
            }
        }
    }
}

#[test]
fn length_and_nesting_do_no_harm() {
    for piece in ["\\boxed{", "<answer>", "(", "The answer is ", "A or ", "答案", "\n", "A\n", "is ", "**"]
    {
        reward(&piece.repeat(20_000), "A");
    }
}
