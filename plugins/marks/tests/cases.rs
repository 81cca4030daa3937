//! The plugin's cases, natively; `gavel plugin test` runs the same in the sandbox.

use gavel_plugin::{Verifier, cases};
use gavel_plugin_marks::Marks;

#[test]
fn every_case_goes_as_expected() {
    match cases::check::<Marks>(include_str!("../cases.jsonl")) {
        Ok(count) => assert!(count >= 20, "only {count} cases"),
        Err(failed) => panic!("{failed}"),
    }
}

#[test]
fn the_options_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(Marks::OPTIONS_SCHEMA).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}
