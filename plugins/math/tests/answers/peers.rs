//! The test cases of other graders. What the plugin sees otherwise is listed, with the reason, in `differences.jsonl`.

use crate::data::{assert_explained, is_right, rows, verdict};
use serde::Deserialize;

#[derive(Deserialize)]
struct Config {
    extract: Vec<String>,
    float_rounding: u32,
}

#[derive(Deserialize)]
struct Case {
    gold: String,
    pred: String,
    expected: bool,
    config: Config,
}

/// Math-Verify's own suite, with the places it looks at and the decimals it rounds to.
#[test]
fn math_verifys_own_cases_go_as_it_expects() {
    const FILE: &str = "math_verify_tests/cases.jsonl";
    let Some(cases) = rows::<Case>(FILE) else { return };
    assert_eq!(cases.len(), 276);
    let mut differing = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let order = match case.config.extract.join("+").as_str() {
            "latex" => r#", "order": ["final-answer", "boxed", "last-formula"]"#,
            "expr" => r#", "order": ["phrase", "whole", "last-number"]"#,
            _ => "",
        };
        // Six decimals are Math-Verify's default; what a test sets otherwise is set here as well.
        let rounding = match case.config.float_rounding {
            6 => String::new(),
            decimals => format!(r#", "rounding": {decimals}"#),
        };
        let options = format!(r#"{{"preset": "math-verify"{order}{rounding}}}"#);
        if is_right(&case.pred, &case.gold, &options) != case.expected {
            differing.push((at + 1, describe(&case.pred, &case.gold, &options)));
        }
    }
    assert!(differing.len() <= 6, "{differing:#?}");
    assert_explained(FILE, &differing, |_| true);
}

#[derive(Deserialize)]
struct Pair {
    gold: Option<String>,
    pred: Option<String>,
    expected: Option<serde_json::Value>,
    raw_string: Option<String>,
    input_str: Option<String>,
    test_case: Option<Rubric>,
    test: Option<String>,
}

#[derive(Deserialize)]
struct Rubric {
    completion: String,
    answer: String,
}

/// Pairs of bare answers: the completion is the answer.
fn assert_pairs(file: &str, options: &str, count: usize) {
    let Some(pairs) = rows::<Pair>(file) else { return };
    let mut differing = Vec::new();
    let mut seen = 0;
    for (at, pair) in pairs.iter().enumerate() {
        let (Some(gold), Some(pred)) = (&pair.gold, &pair.pred) else { continue };
        // An empty reference is a broken task.
        if gold.is_empty() {
            continue;
        }
        seen += 1;
        let expected = pair.expected.as_ref().and_then(serde_json::Value::as_bool).unwrap();
        if is_right(pred, gold, options) != expected {
            differing.push((at + 1, describe(pred, gold, options)));
        }
    }
    assert_eq!(seen, count);
    // Other rows of the same file have a test of their own.
    let explained = |line: usize| pairs.get(line - 1).is_some_and(|pair| pair.gold.is_some());
    assert_explained(file, &differing, explained);
}

#[test]
fn hendrycks_cases_go_as_expected() {
    let options = r#"{"order": ["whole"], "percent": "lenient", "lists": "ordered"}"#;
    assert_pairs("hendrycks_equiv/cases.jsonl", options, 16);
}

#[test]
fn nemo_skills_cases_go_as_expected() {
    let options = r#"{"order": ["whole"], "percent": "lenient"}"#;
    assert_pairs("other_grader_tests/nemo_skills_math_equal.jsonl", options, 58);
}

#[test]
fn skythoughts_cases_go_as_expected() {
    let options = r#"{"order": ["whole"], "percent": "lenient"}"#;
    assert_pairs("other_grader_tests/skythought_math.jsonl", options, 22);
}

/// What SkyThought makes of an answer is the same answer; what it extracts from a text is found there.
#[test]
fn skythoughts_extraction_goes_as_expected() {
    const FILE: &str = "other_grader_tests/skythought_math.jsonl";
    let Some(rows) = rows::<Pair>(FILE) else { return };
    let mut differing = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let (completion, options) = match (&row.raw_string, &row.input_str) {
            (Some(raw), _) => (raw, r#"{"order": ["whole"]}"#),
            (_, Some(text)) => (text, r#"{"preset": "math-verify"}"#),
            _ => continue,
        };
        let expected = row.expected.as_ref().and_then(serde_json::Value::as_str).unwrap();
        let agrees = if expected.is_empty() {
            verdict(completion, "0", options).is_ok_and(|it| it.reward == 0.0)
        } else {
            is_right(completion, expected, options)
        };
        if !agrees {
            differing.push((at + 1, describe(completion, expected, options)));
        }
    }
    assert_explained(FILE, &differing, |line| rows.get(line - 1).is_some_and(|row| row.gold.is_none()));
}

#[test]
fn verifiers_rubric_cases_go_as_expected() {
    let Some(rows) = rows::<Pair>("other_grader_tests/verifiers_math_rubric.jsonl") else { return };
    let mut seen = 0;
    for row in &rows {
        let Some(case) = &row.test_case else { continue };
        let expected = row.test.as_deref() == Some("test_score_valid_answers");
        assert_eq!(is_right(&case.completion, &case.answer, "{}"), expected, "{}", case.completion);
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[derive(Deserialize)]
struct Extraction {
    text: String,
    config: Vec<String>,
    parsed: Vec<String>,
}

/// Math-Verify's extraction tests: what it parses is what is found.
#[test]
fn math_verifys_extraction_cases_go_as_it_expects() {
    const FILE: &str = "math_verify_tests/extraction_cases.jsonl";
    let Some(cases) = rows::<Extraction>(FILE) else { return };
    assert_eq!(cases.len(), 12);
    let mut differing = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let options = if case.config[0].contains("boxed_match_priority=-1") {
            r#"{"order": ["phrase", "last-formula"]}"#
        } else if case.config[0].contains("boxed_match_priority=100") {
            r#"{"order": ["phrase", "boxed"]}"#
        } else if case.config[0].starts_with("String") {
            r#"{"order": ["phrase"]}"#
        } else {
            r#"{"order": ["boxed", "last-formula"]}"#
        };
        let agrees = match case.parsed.first() {
            Some(parsed) => is_right(&case.text, parsed, options),
            None => verdict(&case.text, "1", options)
                .is_ok_and(|it| it.metrics.contains(&("has_answer".to_owned(), 0.0))),
        };
        if !agrees {
            differing.push((at + 1, describe(&case.text, &format!("{:?}", case.parsed), options)));
        }
    }
    assert_explained(FILE, &differing, |_| true);
}

fn describe(completion: &str, reference: &str, options: &str) -> String {
    format!(
        "{completion:?} for {reference:?}: {:?}",
        verdict(completion, reference, options).map(|it| it.reason)
    )
}
