//! Reads a task's instructions from its columns or its reference.

use gavel_plugin::{Error, Submission};
use serde::Deserialize;

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

impl Task {
    /// Reads the columns, those within `verifier_metadata`, or a reference that is a JSON object of the same form.
    pub(crate) fn of(submission: &Submission) -> Result<Self, Error> {
        let mut columns: Columns = submission.metadata()?;
        if let (None, Some(nested)) = (&columns.instruction_id_list, columns.verifier_metadata.take()) {
            columns = *nested;
        }
        if columns.instruction_id_list.is_none() && submission.has_reference() {
            columns = submission.reference_json()?;
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
