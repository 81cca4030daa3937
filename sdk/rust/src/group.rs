//! Verifiers that judge the completions of a prompt together.

use serde::de::DeserializeOwned;

use crate::{Error, Submission, Verdict, json, schema};

/// What one completion is worth, or why it has no verdict.
pub type Judged = Result<Verdict, Error>;

/// Judges all completions of one prompt. Implement it for a type of yours, and hand that to
/// [`export_group!`](crate::export_group!).
///
/// ```
/// use gavel_plugin::{Error, GroupVerifier, Judged, NoOptions, Submission, Verdict, judge_group};
///
/// /// The shortest of a group is right.
/// struct Shortest;
///
/// impl GroupVerifier for Shortest {
///     type Options = NoOptions;
///     const NAME: &str = "shortest";
///     const VERSION: &str = "0.1.0";
///     const SUMMARY: &str = "No other completion of the prompt is shorter.";
///
///     fn verify_group(submissions: &[Submission], _: &NoOptions) -> Result<Vec<Judged>, Error> {
///         let least = submissions.iter().map(|submission| submission.completion().len()).min();
///         let is_shortest = |submission: &Submission| Some(submission.completion().len()) == least;
///         Ok(submissions.iter().map(|submission| Ok(Verdict::right_if(is_shortest(submission)))).collect())
///     }
/// }
///
/// let group = ["two words", "one"].map(Submission::new);
/// let rewards: Vec<f64> = judge_group::<Shortest>(&group, "{}").into_iter().map(|it| it.unwrap().reward).collect();
/// assert_eq!(rewards, [0.0, 1.0]);
/// ```
///
/// There is at least one submission. A fresh instance judges every group, within the limits of one call.
pub trait GroupVerifier {
    /// See [`Verifier::Options`](crate::Verifier::Options).
    type Options: DeserializeOwned;

    /// See [`Verifier::NAME`](crate::Verifier::NAME).
    const NAME: &str;

    /// See [`Verifier::VERSION`](crate::Verifier::VERSION).
    const VERSION: &str;

    /// See [`Verifier::SUMMARY`](crate::Verifier::SUMMARY).
    const SUMMARY: &str;

    /// See [`Verifier::METRICS`](crate::Verifier::METRICS).
    const METRICS: &[&str] = &[];

    /// See [`Verifier::OPTIONS_SCHEMA`](crate::Verifier::OPTIONS_SCHEMA).
    const OPTIONS_SCHEMA: &str = "";

    /// Judges the completions of a prompt: a verdict, or an error, for each of them in their order. Another number of them
    /// costs all their verdicts.
    ///
    /// # Errors
    ///
    /// Why none of them has a verdict; see [`Error`].
    fn verify_group(submissions: &[Submission], options: &Self::Options) -> Result<Vec<Judged>, Error>;
}

/// Asks a verifier of groups as the host does: the options first, then the submissions. `options` is a JSON object as
/// text; empty text means `{}`. What is said of all of them is said of each.
pub fn judge_group<V: GroupVerifier>(submissions: &[Submission], options: &str) -> Vec<Judged> {
    let read = json::read(options)
        .map_err(|reason| Error::InvalidOptions(schema::misspelt::<V::Options>(options).unwrap_or(reason)));
    let judged = read.and_then(|options| V::verify_group(submissions, &options));
    judged.unwrap_or_else(|error| submissions.iter().map(|_| Err(error.clone())).collect())
}

/// The JSON Schema of the options of a verifier of groups, as text; see [`options_schema`](crate::options_schema).
pub fn group_options_schema<V: GroupVerifier>() -> String {
    if V::OPTIONS_SCHEMA.is_empty() { schema::of::<V::Options>() } else { V::OPTIONS_SCHEMA.to_owned() }
}
