//! The trait that a plugin implements, and how it is asked.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, Submission, Verdict, json, schema};

/// Judges submissions. Implement it for a type of yours and hand that to [`export!`](crate::export!).
///
/// ```
/// use gavel_plugin::{Error, Submission, Verdict, Verifier, judge};
/// use serde::Deserialize;
///
/// /// The options, as a reward file writes them: `options = { limit = 100 }`.
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields, default)]
/// struct Options {
///     limit: usize,
/// }
///
/// impl Default for Options {
///     fn default() -> Self {
///         Self { limit: 280 }
///     }
/// }
///
/// struct Brief;
///
/// impl Verifier for Brief {
///     type Options = Options;
///     const NAME: &str = "brief";
///     const VERSION: &str = "0.1.0";
///     const SUMMARY: &str = "The completion has at most `limit` characters.";
///     const METRICS: &[&str] = &["length"];
///     const OPTIONS_SCHEMA: &str = r#"{
///         "type": "object",
///         "additionalProperties": false,
///         "properties": {"limit": {"type": "integer", "minimum": 0, "default": 280}}
///     }"#;
///
///     fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
///         let length = submission.completion().chars().count();
///         Ok(Verdict::right_if(length <= options.limit).metric("length", length as f64))
///     }
/// }
///
/// let submission = Submission::new("Brevity is the soul of wit.");
/// assert_eq!(judge::<Brief>(&submission, "{}").unwrap().reward, 1.0);
/// assert_eq!(judge::<Brief>(&submission, r#"{"limit": 7}"#).unwrap().reward, 0.0);
/// assert_eq!(
///     judge::<Brief>(&submission, r#"{"limt": 7}"#).unwrap_err(),
///     Error::InvalidOptions("unknown field `limt` (did you mean `limit`?)".to_owned()),
/// );
/// ```
///
/// There is no `self`: a fresh instance judges every submission, so a verifier has no state to keep.
pub trait Verifier {
    /// What the reward file says under `options`; [`NoOptions`] where there is nothing to say.
    ///
    /// Give it `#[serde(deny_unknown_fields)]`, or a misspelt option is silently ignored, and a default for every
    /// field that a user may leave out.
    type Options: DeserializeOwned;

    /// Kebab-case, as the plugin is called in a reward file.
    const NAME: &str;

    /// Semantic version of the plugin; `env!("CARGO_PKG_VERSION")` keeps it in one place.
    const VERSION: &str;

    /// One sentence on what is judged.
    const SUMMARY: &str;

    /// The names of the metrics that every verdict carries; a formula reaches them as `verifier.metric`.
    const METRICS: &[&str] = &[];

    /// JSON Schema of the options object, for people and tools. Left out, it is made of the type of
    /// [`Options`](Self::Options), which is what holds; write one to say more: limits, defaults, what an option is for.
    const OPTIONS_SCHEMA: &str = "";

    /// Judges one submission.
    ///
    /// # Errors
    ///
    /// See [`Error`]. A wrong answer is a verdict.
    fn verify(submission: &Submission, options: &Self::Options) -> Result<Verdict, Error>;
}

/// The options of a verifier that takes none: any option is refused.
///
/// ```
/// use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, judge};
///
/// struct Spoken;
///
/// impl Verifier for Spoken {
///     type Options = NoOptions;
///     const NAME: &str = "spoken";
///     const VERSION: &str = "0.1.0";
///     const SUMMARY: &str = "The completion says something.";
///
///     fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
///         Ok(Verdict::right_if(!submission.completion().trim().is_empty()))
///     }
/// }
///
/// assert!(matches!(judge::<Spoken>(&Submission::new(""), r#"{"loud": true}"#), Err(Error::InvalidOptions(_))));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// Asks a verifier as the host does: the options first, then the submission. `options` is a JSON object as text;
/// empty text means `{}`.
///
/// ```
/// use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, judge};
///
/// struct Polite;
///
/// impl Verifier for Polite {
///     type Options = NoOptions;
///     const NAME: &str = "polite";
///     const VERSION: &str = "0.1.0";
///     const SUMMARY: &str = "The completion says please.";
///
///     fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
///         Ok(Verdict::right_if(submission.completion().contains("please")))
///     }
/// }
///
/// let verdict = judge::<Polite>(&Submission::new("Close the door, please."), "{}")?;
/// assert_eq!(verdict.reward, 1.0);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
///
/// [`Error::InvalidOptions`] with the name of the field, or what the verifier says.
pub fn judge<V: Verifier>(submission: &Submission, options: &str) -> Result<Verdict, Error> {
    let read = json::read(options)
        .map_err(|reason| Error::InvalidOptions(schema::misspelt::<V::Options>(options).unwrap_or(reason)))?;
    V::verify(submission, &read)
}

/// The JSON Schema of a verifier's options, as text: its [`OPTIONS_SCHEMA`](Verifier::OPTIONS_SCHEMA), or one that is made
/// of its type.
///
/// ```
/// use gavel_plugin::{Error, Submission, Verdict, Verifier, options_schema};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Options {
///     limit: u32,
/// }
///
/// struct Brief;
///
/// impl Verifier for Brief {
///     type Options = Options;
///     const NAME: &str = "brief";
///     const VERSION: &str = "0.1.0";
///     const SUMMARY: &str = "The completion has at most `limit` characters.";
///
///     fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
///         Ok(Verdict::right_if(submission.completion().chars().count() <= options.limit as usize))
///     }
/// }
///
/// let schema = options_schema::<Brief>();
/// assert!(schema.contains(r#""limit":{"type":"integer","minimum":0}"#));
/// ```
pub fn options_schema<V: Verifier>() -> String {
    if V::OPTIONS_SCHEMA.is_empty() { schema::of::<V::Options>() } else { V::OPTIONS_SCHEMA.to_owned() }
}
