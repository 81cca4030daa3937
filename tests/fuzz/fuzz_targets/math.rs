//! The math verifier on two texts: it comes to an end, and who is compared with whom makes no difference.

#![no_main]

use gavel_plugin::{Error, Submission, Verdict, judge};
use gavel_plugin_math::Math;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Some((one, other)) = text.split_once('\n') else { return };
    let there = boxed(one, other);
    let back = boxed(other, one);
    // Whether a text is an answer at all is asked of the reference alone, so only verdicts are compared.
    if let (Ok(there), Ok(back)) = (there, back) {
        assert_eq!(there.reward, back.reward, "{:?} and {:?}", there.reason, back.reason);
    }
    let _ = judge::<Math>(&Submission::new(one).with_reference(other), r#"{"preset": "last-number"}"#);
});

fn boxed(completion: &str, reference: &str) -> Result<Verdict, Error> {
    let completion = format!(r"\boxed{{{completion}}}");
    let reference = format!(r"\boxed{{{reference}}}");
    judge::<Math>(&Submission::new(completion).with_reference(reference), r#"{"preset": "boxed"}"#)
}
