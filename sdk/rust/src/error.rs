//! Why a verifier gives no verdict.

/// Why there is no verdict. A wrong answer is not an error: it is a [`Verdict`](crate::Verdict) with a low reward.
///
/// ```
/// use gavel_plugin::{Error, Submission};
///
/// fn answer_key(submission: &Submission) -> Result<char, Error> {
///     let reference = submission.reference()?; // no reference: invalid task
///     reference
///         .chars()
///         .next()
///         .filter(|key| key.is_ascii_uppercase())
///         .ok_or_else(|| Error::InvalidTask(format!("the reference starts with no letter: {reference:?}")))
/// }
///
/// assert_eq!(answer_key(&Submission::new("B").with_reference("C) Paris")), Ok('C'));
/// assert!(matches!(answer_key(&Submission::new("B")), Err(Error::InvalidTask(_))));
/// ```
///
/// Each variant becomes an outcome of its own in gavel's records, and none of them becomes a reward of 0 by itself:
/// the reward file says what a submission without verdict is worth.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The options make no sense. [`judge`](crate::judge) returns this for options that do not fit
    /// [`Verifier::Options`](crate::Verifier::Options); return it yourself for what a type cannot say, such as a
    /// pattern that does not compile, and do so before you look at the submission.
    #[error("invalid options: {0}")]
    InvalidOptions(String),
    /// The reference or the metadata is not what this verifier needs: the task is broken, not the answer.
    #[error("invalid task: {0}")]
    InvalidTask(String),
    /// The verifier cannot judge this submission; leave it out.
    #[error("abstained: {0}")]
    Abstain(String),
    /// The verifier failed, through no fault of the submission.
    #[error("internal error: {0}")]
    Internal(String),
}
