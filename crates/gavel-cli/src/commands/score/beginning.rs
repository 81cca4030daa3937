//! The first lines of an input. Where none of them is a submission, the input is something else, and that is one error
//! rather than one for each of its lines.

use std::fmt;
use std::path::Path;

use crate::cases::place;

use super::workers::{Done, Unfit};

/// How many lines have to be unfit, and no other before them, for nothing more to be read.
const FEW: usize = 5;

/// What an input begins with, up to the first line that is a submission.
#[derive(Default)]
pub(super) struct Beginning {
    /// What its first bytes look like, where these are no rows.
    looks: Option<&'static str>,
    lines: Vec<Done>,
}

impl Beginning {
    /// Notes what the first bytes look like, where these are no rows.
    pub(super) fn looks_like(&mut self, looks: Option<&'static str>) {
        self.looks = looks;
    }

    /// Keeps a line that is no submission. Returns whether that is enough of them.
    pub(super) fn keep(&mut self, line: Done) -> bool {
        self.lines.push(line);
        self.lines.len() == FEW
    }

    /// The lines that were kept, to be reported one by one.
    pub(super) fn lines(self) -> Vec<Done> {
        self.lines
    }

    /// What the input is, where it has ended or enough of it is unfit; or the lines that were kept, where these are just
    /// a few mistakes.
    pub(super) fn end(self) -> Result<Vec<Done>, NoSubmissions> {
        let unfit = self.lines.len();
        let first = self.lines.first().and_then(|line| Some((line.line, line.result.as_ref().err()?)));
        match (first, self.looks) {
            (Some(_), Some(looks)) => Err(NoSubmissions::SomethingElse { looks }),
            (Some((line, Unfit { error, .. })), None) if unfit == FEW => {
                Err(NoSubmissions::AllUnfit { line, error: error.to_string() })
            }
            _ => Ok(self.lines),
        }
    }
}

/// Why nothing of an input is scored.
pub(super) enum NoSubmissions {
    /// It has no rows.
    SomethingElse { looks: &'static str },
    /// It may be, and its first lines are all wrong, the first of them for this reason.
    AllUnfit { line: u64, error: String },
}

impl NoSubmissions {
    /// What to say of it.
    pub(super) fn of<'a>(&'a self, input: &'a Path) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| match self {
            Self::SomethingElse { looks } => {
                write!(f, "{} has no rows: it looks like {looks}", input.display())
            }
            Self::AllUnfit { line, error } => write!(
                f,
                "{}: {error}; the {} lines after it are no submissions either, so nothing more is read",
                place(input, *line),
                FEW - 1
            ),
        })
    }
}
