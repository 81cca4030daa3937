//! Which columns of a row hold the parts of a submission, and what to say where one of them is called otherwise.

use gavel_files::closest;

use crate::rows::Row;

/// Which columns hold the parts of a submission. A name with dots that no column has leads into objects:
/// `reward_model.ground_truth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The prompt's.
    pub prompt: String,
    /// The completion's.
    pub completion: String,
    /// The reference's.
    pub reference: String,
}

impl Default for Columns {
    /// `prompt`, `completion` and `reference`.
    fn default() -> Self {
        let [prompt, completion, reference] = Part::ALL.map(|part| part.name().to_owned());
        Self { prompt, completion, reference }
    }
}

impl Columns {
    pub(crate) fn of(&self, part: Part) -> &str {
        match part {
            Part::Prompt => &self.prompt,
            Part::Completion => &self.completion,
            Part::Reference => &self.reference,
        }
    }
}

/// A part of a submission that is a column of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What the policy was asked.
    Prompt,
    /// What it wrote.
    Completion,
    /// The ground truth.
    Reference,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Prompt, Self::Completion, Self::Reference];

    /// What its column is called where nobody says otherwise.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Completion => "completion",
            Self::Reference => "reference",
        }
    }

    /// Who writes it, where it is a chat.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::Prompt => "user",
            Self::Completion | Self::Reference => "assistant",
        }
    }

    /// What data sets call it, the most usual first.
    fn other_names(self) -> &'static [&'static str] {
        match self {
            Self::Prompt => &["question", "problem", "input", "instruction", "query", "messages"],
            Self::Completion => &["response", "output", "generation", "prediction", "answer", "messages"],
            Self::Reference => &[
                "answer",
                "ground_truth",
                "solution",
                "label",
                "gold",
                "expected",
                "final_answer",
                "reward_model.ground_truth",
            ],
        }
    }

    /// The column of a row that is most likely meant to be it.
    pub fn likely(self, row: &Row) -> Option<&'static str> {
        self.other_names().iter().copied().find(|other| row.find(other).is_some())
    }

    /// How to say which of the columns of a row it is, where none is called `asked`: the one whose name is nearly that, the
    /// one that is most likely meant, or `NAME`.
    pub fn advice(self, row: &Row, asked: &str) -> String {
        let name = self.name();
        let near = (asked != name).then(|| nearest(row, asked)).flatten();
        match (near, self.likely(row)) {
            (Some(near), _) => format!("did you mean `--{name}-column {near}`?"),
            (None, Some(likely)) => format!("if it is `{likely}`, say `--{name}-column {likely}`"),
            (None, None) => format!("`--{name}-column NAME` says which one it is"),
        }
    }
}

/// The name of a column, or of a place within one, that is nearly the one that was asked for.
fn nearest(row: &Row, asked: &str) -> Option<String> {
    if let Some((object, entry)) = asked.rsplit_once('.')
        && let Some(entries) = row.entries(object)
    {
        return closest(entry, entries.iter().map(String::as_str)).map(|entry| format!("{object}.{entry}"));
    }
    closest(asked, row.own_names()).map(str::to_owned)
}
