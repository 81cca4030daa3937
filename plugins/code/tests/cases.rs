//! The plugin's cases, natively with python3; `gavel plugin test` runs the same in the sandbox.

mod cpython;

use gavel_plugin::interpreter;
use gavel_plugin::{Verifier, cases};
use gavel_plugin_code::Code;

#[test]
fn every_case_goes_as_expected() {
    if !cpython::python_is_there() {
        return;
    }
    match interpreter::with(cpython::run, || cases::check::<Code>(include_str!("../cases.jsonl"))) {
        Ok(count) => assert!(count >= 60, "only {count} cases"),
        Err(failed) => panic!("{failed}"),
    }
}

#[test]
fn the_options_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(Code::OPTIONS_SCHEMA).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}
