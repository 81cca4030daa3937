//! The plugin's cases, natively; `gavel plugin test` runs the same in the sandbox.

use gavel_plugin::{GroupVerifier, cases};
use gavel_plugin_majority::Majority;

#[test]
fn every_case_goes_as_expected() {
    match cases::check_groups::<Majority>(include_str!("../cases.jsonl")) {
        Ok(count) => assert!(count >= 15, "only {count} cases"),
        Err(failed) => panic!("{failed}"),
    }
}

#[test]
fn the_options_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(Majority::OPTIONS_SCHEMA).unwrap();
    assert_eq!(schema["type"], "object");
}
