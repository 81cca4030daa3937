//! The format verifier with options and a completion from the fuzzer: a verdict, or one clear refusal.

#![no_main]

use gavel_plugin::{Error, Submission, judge};
use gavel_plugin_format::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (options, completion) = text.split_once('\n').unwrap_or(("", &text));
    match judge::<Format>(&Submission::new(completion), options) {
        Ok(verdict) => assert!((0.0..=1.0).contains(&verdict.reward), "{verdict:?}"),
        Err(Error::InvalidOptions(_)) => {}
        Err(other) => panic!("a completion cannot be at fault: {other:?}"),
    }
    judge::<Format>(&Submission::new(completion), "{}").expect("no option is wrong");
});
