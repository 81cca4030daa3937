//! A plugin with options and limits: one fresh instance for every submission.

use gavel_verify::{Description, Outcome, Submission, Verifier};

/// Judges submissions with one plugin, one set of options and one set of limits. Cheap to clone.
///
/// Judging runs on the calling thread, which needs at least 2 MiB of stack (the default of `std::thread`), and
/// waits for a free slot of the host.
#[derive(Debug, Clone)]
pub struct WasmVerifier {}

impl Verifier for WasmVerifier {
    fn description(&self) -> &Description {
        todo!()
    }

    fn verify(&self, submission: &Submission) -> Outcome {
        todo!("{submission:?}")
    }
}
