//! Why settings cannot be used, and where what is wrong was written.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line, from 1, of a file.
    Line(PathBuf, usize),
    /// A file that does not mention it.
    File(PathBuf),
    /// The command line.
    Override(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Override(text) => write!(f, "--set {text}"),
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The text is not TOML, or a field is unknown or of the wrong type.
    #[error("{place}: {message}")]
    Parse {
        /// Where.
        place: Place,
        /// What the parser says; it names the field.
        message: String,
    },
    /// No setting has this name.
    #[error("{place}: unknown field `{field}`{advice}")]
    Unknown {
        /// Where.
        place: Place,
        /// The name.
        field: String,
        /// The setting that was probably meant, or what does its work here.
        advice: String,
    },
    /// A field has a value that it cannot have.
    #[error("{place}: `{field}` {problem}")]
    Invalid {
        /// Where.
        place: Place,
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
}
