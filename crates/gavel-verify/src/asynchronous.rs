//! A verifier that waits for somebody else, such as a model behind an endpoint, and holds no thread meanwhile.

use std::pin::Pin;

use crate::{Call, Description, Failure, Outcome, Submission};

/// The judging of one submission, to be polled to its end or dropped.
pub type Judging<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Judges submissions by waiting for somebody else. A [`Verifier`](crate::Verifier) computes on the thread that asks it;
/// this one is polled, on a thread that all of its kind share, so it must neither block nor compute for long.
///
/// Whoever asks bounds how many submissions it judges at once and how long one takes: a future that is dropped is to
/// leave nothing behind.
///
/// ```
/// use gavel_verify::{AsyncVerifier, Description, Judging, Outcome, Submission, Verdict};
/// use std::time::Duration;
///
/// struct Polite(Description);
///
/// impl AsyncVerifier for Polite {
///     fn description(&self) -> &Description {
///         &self.0
///     }
///
///     fn verify<'a>(&'a self, submission: &'a Submission) -> Judging<'a> {
///         Box::pin(async move {
///             let polite = submission.completion.contains("please");
///             Outcome::verdict(Verdict::new(f64::from(polite)), Duration::ZERO)
///         })
///     }
/// }
/// ```
pub trait AsyncVerifier: Send + Sync {
    /// What this verifier is. Cheap; called any number of times.
    fn description(&self) -> &Description;

    /// Judges one submission. What goes wrong meanwhile is a [`Failure`] in the outcome, and never a reward.
    ///
    /// The runtime is tokio's, with its clock and its network.
    fn verify<'a>(&'a self, submission: &'a Submission) -> Judging<'a>;

    /// Judges a submission again by what was asked and answered then, and asks nobody. `None` where the record has no
    /// call, as of a submission that was refused before anybody was asked.
    ///
    /// The same submission and the same call give the same outcome, to the last bit.
    fn replay(&self, submission: &Submission, call: Option<&Call>) -> Outcome {
        let _ = (submission, call);
        let reason = "this verifier cannot judge by what was recorded";
        Outcome::failure(Failure::HostFailed(reason.to_owned()), std::time::Duration::ZERO)
    }
}
