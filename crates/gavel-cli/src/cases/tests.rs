//! What is a case, and what is wrong with one that is none.

use super::*;

fn parse(text: &str) -> Result<Case, String> {
    Case::parse_all(1, text).map(|mut cases| cases.remove(0)).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_group_is_a_case_for_each_of_its_completions() {
    let text = r#"{"name": "x", "prompt": "p", "level": 1, "completions": ["a", {"completion": "b", "level": 2}],
        "expect": [{"reward": 1}, {"status": "abstained"}]}"#;
    let cases = Case::parse_all(7, &text.replace('\n', "")).unwrap();
    let names: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.line)).collect();
    assert_eq!(names, [("x [1]", 7), ("x [2]", 7)]);
    let group = cases[1].group.as_ref().unwrap();
    assert_eq!((group.place, group.submissions.len()), (1, 2));
    assert_eq!(group.submissions[1].completion, "b");
    assert_eq!(group.submissions[1].metadata, r#"{"level":2}"#);
    assert_eq!(group.submissions[0].prompt, "p");
    assert_eq!(cases[0].expect.as_ref().unwrap().reward, Some(1.0));
}

#[test]
fn a_case_reads_the_columns_that_score_reads() {
    let flat = r#"{"name": "x", "completion": "c", "numbers": [1, 2], "reference": 7, "options": {"a": 1}}"#;
    let nested = r#"{"name": "x", "completion": "c", "metadata": {"numbers": [1, 2]}, "reference": "7", "options": {"a": 1}}"#;
    for text in [flat, nested] {
        let Case { name, submission, options, expect, .. } = parse(text).unwrap();
        assert_eq!((name.as_str(), options.as_str()), ("x", r#"{"a": 1}"#));
        assert_eq!(submission.reference.as_deref(), Some("7"));
        assert_eq!(submission.metadata, r#"{"numbers":[1, 2]}"#);
        assert!(submission.prompt.is_empty() && expect.is_none());
    }
    // Half an emoji, as Python writes it.
    assert_eq!(parse(r#"{"name": "x", "completion": "\ud83d"}"#).unwrap().submission.completion, "\u{fffd}");
}

#[test]
fn a_mistake_is_named() {
    for (text, expected) in [
        (r#"{"completion": "c"}"#, "a case needs a `name`"),
        (
            r#"{"name": "x", "completion": "c", "option": {}}"#,
            "unknown column `option` (did you mean `options`?",
        ),
        (r#"{"name": "x", "completion": "c", "expect": {"rewrad": 1}}"#, "`expect`: unknown field `rewrad`"),
        (r#"{"name": "x", "completion": "c", "expect": {}}"#, "`expect` needs a `reward` or a `status`"),
        (r#"{"name": "x", "completion": "c", "options": 1}"#, "`options` is not an object"),
        (
            r#"{"name": "x", "completion": "c", "expect": {"status": ["trap", "invalid_task"]}}"#,
            "`expect.status`: unknown status `invalid_task` (did you mean `invalid-task`?)",
        ),
        (r#"{"name": "x", "completions": "a"}"#, "`completions` is not a list"),
        (r#"{"name": "x", "completions": []}"#, "`completions` is empty"),
        (r#"{"name": "x", "completions": ["a"], "completion": "a"}"#, "a case has either"),
        (r#"{"name": "x", "completions": ["a"], "expect": []}"#, "`expect` has 0 entries, and there are 1"),
        (r#"{"name": "x", "completions": ["a"], "expect": {}}"#, "`expect` is not a list"),
        (r#"{"name": "x", "completions": ["a", 1]}"#, "completion 2: `completion` is neither a string"),
        (
            r#"{"name": "x", "completion": "a", "expect": {"reward": 1}, "exact": true}"#,
            "`exact` stands beside `expect`, where it expects nothing: write it into `expect`",
        ),
        (
            r#"{"name": "x", "completion": "a", "expect": {"status": "verdict"}, "reward": 1}"#,
            "`reward` stands beside `expect`, where it expects nothing: write it into `expect`",
        ),
        (r#"{"name": "x", "expect": 1}"#, "`expect`: invalid type: integer `1`, expected struct"),
        (
            r#"{"name": "x", "completion": "c", "expect": {"reward": "1"}}"#,
            "`expect.reward` must be a number, found \"1\"",
        ),
        (
            r#"{"name": "x", "completion": "c", "expect": {"reward": 1, "metrics": {"words": true}}}"#,
            "`expect.metrics.words` must be a number, found true",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(expected), "{error} for {text}");
    }
    let missing = parse(r#"{"name": "x"}"#).unwrap_err();
    assert_eq!(missing, "no `completion`: its columns are `prompt`");
    let likely = parse(r#"{"name": "x", "response": "r"}"#).unwrap_err();
    assert!(likely.ends_with("; if it is `response`, call it `completion`"), "{likely}");
}
