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
    // Which part of a text is the answer may differ: boxes in it, or braces that do not match, are cut otherwise in a
    // completion. Where both sides were taken as they are, the verdict is the same.
    let taken = |verdict: &Verdict| verdict.metrics.contains(&("has_answer".to_owned(), 1.0));
    let cut = |text: &str| text.contains(['{', '}', '\\', '<', '#']);
    if let (Ok(there), Ok(back)) = (there, back)
        && taken(&there)
        && taken(&back)
        && !cut(one)
        && !cut(other)
    {
        assert_eq!(there.reward, back.reward, "{:?} and {:?}", there.reason, back.reason);
    }
    let _ = judge::<Math>(&Submission::new(one).with_reference(other), r#"{"preset": "last-number"}"#);
});

fn boxed(completion: &str, reference: &str) -> Result<Verdict, Error> {
    let completion = format!(r"\boxed{{{completion}}}");
    let reference = format!(r"\boxed{{{reference}}}");
    judge::<Math>(
        &Submission::new(completion).with_reference(reference),
        r#"{"preset": "boxed", "percent": "value"}"#,
    )
}
