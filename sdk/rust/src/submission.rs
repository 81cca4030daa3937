//! One completion of one task, as a verifier sees it.

use serde::Deserialize;

use crate::{Error, json};

/// One completion of one task.
///
/// ```
/// use gavel_plugin::{Error, Submission};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Columns {
///     numbers: Vec<u64>,
///     target: i64,
/// }
///
/// let submission = Submission::new("<answer>3 + 4</answer>")
///     .with_prompt("Reach 7 with 3 and 4.")
///     .with_metadata(r#"{"numbers": [3, 4], "target": 7, "source": "unit test"}"#);
///
/// let columns: Columns = submission.metadata()?; // columns that it does not name are ignored
/// assert_eq!((columns.numbers, columns.target), (vec![3, 4], 7));
/// # Ok::<(), Error>(())
/// ```
///
/// A plugin is handed submissions; the `new` and `with_…` functions are there for its tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Submission {
    prompt: String,
    completion: String,
    reference: Option<String>,
    metadata: String,
}

impl Submission {
    /// A submission with a completion and nothing else.
    pub fn new(completion: impl Into<String>) -> Self {
        Self { completion: completion.into(), ..Self::default() }
    }

    /// The same submission with this prompt.
    #[must_use]
    pub fn with_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = prompt.into();
        self
    }

    /// The same submission with this reference.
    #[must_use]
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// The same submission with these columns: a JSON object as text.
    #[must_use]
    pub fn with_metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// The prompt as the policy saw it, or the last user message of a chat.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The text that the policy wrote.
    pub fn completion(&self) -> &str {
        &self.completion
    }

    /// The ground truth.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTask`] when the task has none; see [`has_reference`](Self::has_reference) for verifiers that
    /// can do without.
    pub fn reference(&self) -> Result<&str, Error> {
        self.reference.as_deref().ok_or_else(|| Error::InvalidTask("the task has no reference".to_owned()))
    }

    /// Whether the task has a ground truth.
    pub fn has_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// The ground truth, read as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTask`] when there is none, or when it does not fit `T`; the text names the field.
    pub fn reference_json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        json::read(self.reference()?).map_err(|reason| Error::InvalidTask(format!("reference: {reason}")))
    }

    /// The task's other columns, read into a type of yours that names those you need.
    ///
    /// gavel adds what it knows of the completion (`completion_tokens`, `truncated`), so do not use
    /// `deny_unknown_fields` here.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTask`] when the columns do not fit `T`; the text names the field.
    pub fn metadata<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        json::read(&self.metadata).map_err(|reason| Error::InvalidTask(format!("metadata: {reason}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Target {
        target: i64,
    }

    #[test]
    fn a_missing_reference_is_an_invalid_task() {
        assert!(matches!(Submission::new("42").reference(), Err(Error::InvalidTask(_))));
    }

    #[test]
    fn a_reference_can_be_an_object() {
        let submission = Submission::new("").with_reference(r#"{"target": 98, "numbers": [44, 19, 35]}"#);
        assert_eq!(submission.reference_json(), Ok(Target { target: 98 }));
    }

    #[test]
    fn a_wrong_column_is_an_invalid_task_that_names_it() {
        let submission = Submission::new("").with_metadata(r#"{"target": "ninety"}"#);
        let Err(Error::InvalidTask(reason)) = submission.metadata::<Target>() else {
            panic!("a text was read as a number");
        };
        assert!(reason.starts_with("metadata: target: "), "{reason}");
    }

    #[test]
    fn no_metadata_is_an_empty_object() {
        #[derive(Deserialize)]
        struct Nothing {
            target: Option<i64>,
        }
        assert_eq!(Submission::new("").metadata::<Nothing>().unwrap().target, None);
    }
}
