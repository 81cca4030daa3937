//! The plugin's cases, natively; `gavel plugin test` runs the same in the sandbox.

use gavel_plugin::{Verifier, cases};
use gavel_plugin_string::StringMatch;

#[test]
fn every_case_goes_as_expected() {
    match cases::check::<StringMatch>(include_str!("../cases.jsonl")) {
        Ok(count) => assert!(count >= 40, "only {count} cases"),
        Err(failed) => panic!("{failed}"),
    }
}

#[test]
fn the_options_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(StringMatch::OPTIONS_SCHEMA).unwrap();
    assert_eq!(schema["type"], "object");
}

/// What is too long to be compared within the limits is wrong, also where a text is forbidden.
#[test]
fn what_is_too_long_is_wrong() {
    for (options, length) in [
        (r#"{"match": "contains"}"#, 1_000_002),
        (r#"{"match": "contains", "negate": true}"#, 250_002),
        (r#"{"match": "edit-distance"}"#, 200_002),
        (r#"{"match": "fuzzy"}"#, 200_002),
    ] {
        let submission = gavel_plugin::Submission::new("ab".repeat(length / 2)).with_reference("Paris");
        let verdict = gavel_plugin::judge::<StringMatch>(&submission, options).unwrap();
        assert_eq!(verdict.reward, 0.0, "{options}");
        assert!(verdict.metrics.contains(&("has_answer".to_owned(), 0.0)), "{options}: {verdict:?}");
    }
}
