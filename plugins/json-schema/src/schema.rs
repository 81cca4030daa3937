//! The schema of a task: where it is, and how it is compiled.

use std::collections::BTreeMap;

use gavel_plugin::{Error, Submission, excerpt};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::numbers::{self, Numbers};
use crate::{Options, multiple, strict};

/// How often a pattern of a schema may go back and try again before it is given up.
const BACKTRACKS: usize = 100_000;

/// Which JSON Schema a schema without `$schema` is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Draft {
    /// Draft 4.
    #[serde(rename = "4")]
    Draft4,
    /// Draft 6.
    #[serde(rename = "6")]
    Draft6,
    /// Draft 7.
    #[serde(rename = "7")]
    Draft7,
    /// Draft 2019-09.
    #[serde(rename = "2019-09")]
    Draft201909,
    /// Draft 2020-12.
    #[serde(rename = "2020-12")]
    Draft202012,
}

impl From<Draft> for jsonschema::Draft {
    fn from(draft: Draft) -> Self {
        match draft {
            Draft::Draft4 => Self::Draft4,
            Draft::Draft6 => Self::Draft6,
            Draft::Draft7 => Self::Draft7,
            Draft::Draft201909 => Self::Draft201909,
            Draft::Draft202012 => Self::Draft202012,
        }
    }
}

/// A schema and where it stands.
pub(crate) struct Schema {
    value: Value,
    /// `options.schema`, `reference`, or a column.
    origin: String,
    /// All numbers in it, as they are written.
    pub(crate) numbers: Numbers,
}

/// Columns that hold a schema when the options name none and there is no reference.
const COLUMNS: [&str; 3] = ["schema", "json_schema", "schema_str"];

impl Schema {
    /// The schema from the options, the named column, the reference, or one of [`COLUMNS`].
    pub(crate) fn of(submission: &Submission, options: &Options) -> Result<Self, Error> {
        let mut schema = match (&options.schema, &options.column) {
            (Some(_), Some(_)) => {
                return Err(Error::InvalidOptions(
                    "column: leave it out, the option schema has the schema".to_owned(),
                ));
            }
            (Some(schema), None) => Self::written(schema.get(), "schema").map_err(Error::InvalidOptions)?,
            (None, Some(column)) => Self::in_columns(submission, &[column.as_str()])?,
            (None, None) if submission.has_reference() => {
                Self::written(submission.reference()?, "reference").map_err(Error::InvalidTask)?
            }
            (None, None) => Self::in_columns(submission, &COLUMNS)?,
        };
        if !(schema.value.is_object() || schema.value.is_boolean()) {
            return Err(schema.error(options, "a schema is an object, true or false"));
        }
        if options.strict {
            strict::tighten(&mut schema.value);
        }
        Ok(schema)
    }

    fn in_columns(submission: &Submission, names: &[&str]) -> Result<Self, Error> {
        let mut columns: BTreeMap<String, Box<RawValue>> = submission.metadata()?;
        let found = names.iter().find_map(|name| columns.remove(*name).map(|json| (json, *name)));
        let Some((json, name)) = found else {
            return Err(Error::InvalidTask(format!(
                "no schema: the task has no reference and no column {}",
                names.join(" or ")
            )));
        };
        // A schema may be written as an object or as the text of one.
        let text = serde_json::from_str::<String>(json.get()).ok();
        Self::written(text.as_deref().unwrap_or(json.get()), name).map_err(Error::InvalidTask)
    }

    /// Reads a schema with every digit of its numbers.
    fn written(json: &str, origin: &str) -> Result<Self, String> {
        let no_json = |error| format!("{origin}: is no JSON: {error}");
        serde_json::from_str::<IgnoredAny>(json).map_err(no_json)?;
        let json = numbers::with_whole_numbers(json);
        let value = serde_json::from_str(&json).map_err(no_json)?;
        Ok(Self { value, origin: origin.to_owned(), numbers: Numbers::of(&json) })
    }

    /// The properties that the schema names at its top, if any.
    pub(crate) fn properties(&self) -> Option<&Map<String, Value>> {
        self.value.get("properties")?.as_object().filter(|properties| !properties.is_empty())
    }

    /// Whether the schema refers to parts of itself, and so may do so without end.
    pub(crate) fn has_references(&self) -> bool {
        refers(&self.value)
    }

    /// Ready to validate. Nothing is fetched: what `$ref` names must stand in the schema itself.
    pub(crate) fn compile(&self, options: &Options) -> Result<Validator, Error> {
        let mut settings = jsonschema::options()
            .offline()
            .should_validate_formats(options.formats)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS));
        if multiple::is_needed(&self.value) {
            settings = settings.with_keyword("multipleOf", multiple::of);
        }
        if let Some(draft) = options.draft.filter(|_| self.value.get("$schema").is_none()) {
            settings = settings.with_draft(draft.into());
        }
        settings.build(&self.value).map_err(|error| {
            let path = error.instance_path().as_str();
            let text = excerpt(&error.to_string());
            self.error(
                options,
                &match error.kind() {
                    ValidationErrorKind::Referencing(_) => {
                        format!("a $ref leads nowhere in the schema, and nothing is fetched: {text}")
                    }
                    _ if path.is_empty() => format!("is no valid JSON Schema: {text}"),
                    _ => format!("is no valid JSON Schema at {}: {text}", excerpt(path)),
                },
            )
        })
    }

    fn error(&self, options: &Options, reason: &str) -> Error {
        let text = format!("{}: {reason}", self.origin);
        if options.schema.is_some() { Error::InvalidOptions(text) } else { Error::InvalidTask(text) }
    }
}

fn refers(schema: &Value) -> bool {
    const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
    match schema {
        Value::Object(map) => {
            map.iter().any(|(name, value)| REFERENCES.contains(&name.as_str()) || refers(value))
        }
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}
