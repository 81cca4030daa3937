//! Judges whether a completion is JSON that is valid under the task's JSON Schema.

mod document;
mod extract;
mod multiple;
mod numbers;
mod schema;
mod strict;

use std::collections::BTreeSet;

use extract::Found;
use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};
use jsonschema::Validator;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub use extract::Place;
pub use schema::Draft;
use schema::Schema;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The schema of every task; when left out, each task brings its own.
    pub schema: Option<Box<RawValue>>,
    /// The column that holds the task's schema, as an object or as its text.
    pub column: Option<String>,
    /// Where the JSON may stand; the first place that holds JSON counts.
    pub order: Vec<Place>,
    /// The name of the tag of the place `tag`.
    pub tag: String,
    /// Objects must have all properties that the schema names, and no other.
    pub strict: bool,
    /// `format` is checked, and not a mere remark.
    pub formats: bool,
    /// What a schema without `$schema` is written in; 2020-12 when left out.
    pub draft: Option<Draft>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: None,
            column: None,
            order: vec![Place::Whole, Place::Fenced, Place::Tag],
            tag: "answer".to_owned(),
            strict: false,
            formats: false,
            draft: None,
        }
    }
}

/// The `json-schema` verifier.
#[derive(Debug)]
pub struct JsonSchema;

impl Verifier for JsonSchema {
    type Options = Options;
    const NAME: &str = "json-schema";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The completion is JSON that is valid under the task's JSON Schema.";
    const METRICS: &[&str] = &["is_json", "valid", "errors", "properties"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        extract::check(options)?;
        let schema = Schema::of(submission, options)?;
        let validator = schema.compile(options)?;
        Ok(match extract::json(submission.completion(), options) {
            Ok(Found { value, text, place }) => match schema.numbers.confused(text) {
                Some(why) => verdict(true, 1, 0.0).because(format!("{place} is invalid: {why}")),
                None => judge(&value, place, &schema, &validator),
            },
            Err(reason) => verdict(false, 0, 0.0).because(reason),
        })
    }
}

/// Beyond this size no errors are listed: they could be many times the completion.
const LARGEST_WITH_ERRORS: usize = 100_000;
/// Beyond this depth no errors are listed under a schema that may refer to itself: each level can multiply them, as
/// every branch of an `anyOf` has its own.
const DEEPEST_WITH_ERRORS: usize = 8;

fn judge(value: &Value, place: Place, schema: &Schema, validator: &Validator) -> Verdict {
    if validator.is_valid(value) {
        return verdict(true, 0, 1.0).because(format!("{place} is valid"));
    }
    let is_deep = schema.has_references() && document::depth(value) > DEEPEST_WITH_ERRORS;
    if is_deep || document::size(value) > LARGEST_WITH_ERRORS {
        return verdict(true, 1, 0.0)
            .because(format!("{place} is invalid; it is too large to list its errors"));
    }
    let errors: Vec<(String, String)> = validator
        .iter_errors(value)
        .map(|error| (error.instance_path().as_str().to_owned(), excerpt(&error.to_string())))
        .collect();
    let (path, reason) = errors.first().map_or(("", ""), |(path, reason)| (path, reason));
    let at = if path.is_empty() { "the root" } else { path };
    verdict(true, errors.len().max(1), share_of_properties(value, schema, &errors))
        .because(format!("{place} is invalid at {}: {reason}", excerpt(at)))
}

/// The share of the properties that the schema names at its top which are there and without error.
fn share_of_properties(value: &Value, schema: &Schema, errors: &[(String, String)]) -> f64 {
    let Some(properties) = schema.properties() else { return 0.0 };
    let wrong: BTreeSet<String> = errors.iter().filter_map(|(path, _)| top_of(path)).collect();
    let right = properties.keys().filter(|name| value.get(name).is_some() && !wrong.contains(*name)).count();
    right as f64 / properties.len() as f64
}

/// The first name in a JSON pointer.
fn top_of(pointer: &str) -> Option<String> {
    let name = pointer.strip_prefix('/')?.split('/').next()?;
    Some(name.replace("~1", "/").replace("~0", "~"))
}

fn verdict(is_json: bool, errors: usize, properties: f64) -> Verdict {
    let valid = is_json && errors == 0;
    Verdict::right_if(valid)
        .metric("is_json", is_json)
        .metric("valid", valid)
        .metric("errors", errors as f64)
        .metric("properties", properties)
}

export!(JsonSchema);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_starts_with_a_property() {
        assert_eq!(top_of("/a~1b/0").as_deref(), Some("a/b"));
        assert_eq!(top_of(""), None);
    }
}
