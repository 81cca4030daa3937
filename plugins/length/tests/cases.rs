//! The plugin's cases, natively; `gavel plugin test` runs the same in the sandbox.

use gavel_plugin::{Verifier, cases};
use gavel_plugin_length::Length;

#[test]
fn every_case_goes_as_expected() {
    match cases::check::<Length>(include_str!("../cases.jsonl")) {
        Ok(count) => assert!(count >= 40, "only {count} cases"),
        Err(failed) => panic!("{failed}"),
    }
}

#[test]
fn the_options_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(Length::OPTIONS_SCHEMA).unwrap();
    assert_eq!(schema["type"], "object");
}
