//! Reads a task's instructions from its columns or its reference.

use gavel_plugin::{Error, Submission};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::GradingMode;
use crate::instruction::{Instruction, Kwargs};

/// What a completion has to follow.
#[derive(Debug)]
pub(crate) struct Task {
    /// At least one.
    pub(crate) instructions: Vec<Instruction>,
    /// What the task says that following some of them is worth.
    pub(crate) grading_mode: Option<GradingMode>,
}

/// A task as IFEval and NeMo Gym write it.
#[derive(Deserialize)]
struct Columns {
    instruction_id_list: Option<Vec<String>>,
    /// One object for each instruction; keys that it does not use may be there with null.
    kwargs: Option<Vec<Option<Kwargs>>>,
    grading_mode: Option<GradingMode>,
    /// The three above, where NeMo Gym puts them.
    verifier_metadata: Option<Box<Columns>>,
}

/// Columns that may hold their JSON as text, as sets that come from CSV or Parquet have them.
const AS_TEXT: [&str; 3] = ["instruction_id_list", "kwargs", "verifier_metadata"];

/// Reads the columns, those that are JSON as text among them.
fn columns(submission: &Submission) -> Result<Columns, Error> {
    let mut columns: Map<String, Value> = submission.metadata()?;
    if !unfold(&mut columns)? {
        return submission.metadata();
    }
    Submission::new("").with_metadata(Value::Object(columns).to_string()).metadata()
}

/// Puts JSON in the place of its text; says whether there was any.
fn unfold(columns: &mut Map<String, Value>) -> Result<bool, Error> {
    let mut changed = false;
    for name in AS_TEXT {
        let Some(column) = columns.get_mut(name) else { continue };
        changed |= read_text(column, name)?;
        match column {
            Value::Object(nested) => changed |= unfold(nested)?,
            // Each entry of `kwargs` may be a text of its own.
            Value::Array(entries) if name == "kwargs" => {
                for entry in entries {
                    changed |= read_text(entry, name)?;
                }
            }
            _ => {}
        }
    }
    Ok(changed)
}

fn read_text(value: &mut Value, name: &str) -> Result<bool, Error> {
    let Value::String(text) = value else { return Ok(false) };
    *value = serde_json::from_str(text)
        .map_err(|error| Error::InvalidTask(format!("{name}: is a text that is no JSON: {error}")))?;
    Ok(true)
}

impl Task {
    /// Reads the columns, those within `verifier_metadata`, or a reference that is a JSON object of the same form.
    pub(crate) fn of(submission: &Submission) -> Result<Self, Error> {
        let mut columns = columns(submission)?;
        if let (None, Some(nested)) = (&columns.instruction_id_list, columns.verifier_metadata.take()) {
            columns = *nested;
        }
        if columns.instruction_id_list.is_none() && submission.has_reference() {
            let reference = Submission::new("").with_metadata(submission.reference()?);
            columns = self::columns(&reference).map_err(|error| match error {
                Error::InvalidTask(reason) => Error::InvalidTask(reason.replacen("metadata", "reference", 1)),
                other => other,
            })?;
        }
        let Some(ids) = columns.instruction_id_list.filter(|ids| !ids.is_empty()) else {
            return Err(Error::InvalidTask(
                "needs the columns `instruction_id_list`, with at least one instruction, and `kwargs`"
                    .to_owned(),
            ));
        };
        let kwargs = columns.kwargs.unwrap_or_else(|| ids.iter().map(|_| None).collect());
        if kwargs.len() != ids.len() {
            return Err(Error::InvalidTask(format!(
                "kwargs: has {} entries for {} instructions; give each instruction an object, {{}} if it needs nothing",
                kwargs.len(),
                ids.len()
            )));
        }
        let pairs = ids.iter().zip(kwargs).enumerate();
        let instructions = pairs.map(|(index, (id, kwargs))| {
            Instruction::new(id, kwargs.unwrap_or_default()).map_err(|reason| reason.at(index))
        });
        Ok(Self { instructions: instructions.collect::<Result<_, _>>()?, grading_mode: columns.grading_mode })
    }
}
