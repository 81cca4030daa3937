//! What can go wrong between source code and plugin, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::Language;

/// Why a plugin was not created or built.
#[derive(Debug, thiserror::Error)]
pub enum ToolkitError {
    /// A name that cannot be a plugin's.
    #[error(
        "`{name}` cannot be the name of a plugin: use small letters, digits and single hyphens, such as `my-reward`"
    )]
    BadName {
        /// What was asked for.
        name: String,
    },
    /// The folder for a new plugin has something in it.
    #[error("{} is there already; choose another name, or remove it", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
    },
    /// The manifest names a source file that is not there.
    #[error("there is no {}, which `build.source` in gavel.toml names", source_file.display())]
    NoSource {
        /// The file.
        source_file: PathBuf,
    },
    /// The manifest names a folder of modules that is not there.
    #[error("there is no folder {}, which `build.paths` in gavel.toml names", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The manifest names folders of modules for a language that has its own way to find them.
    #[error(
        "`build.paths` in gavel.toml says where Python finds modules, and means nothing in {language}: take it out"
    )]
    NoPaths {
        /// The language.
        language: Language,
    },
    /// A compiler that the language's users have is missing.
    #[error("{what} is needed to build this plugin, and {reason}; {install}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// How that was found out.
        reason: String,
        /// What to do, in words or as a command.
        install: &'static str,
    },
    /// The compiler refuses the author's code; it has said why.
    #[error("{program} refuses the plugin ({status}){output}")]
    Refused {
        /// The compiler.
        program: String,
        /// How it ended.
        status: String,
        /// What it said, on lines of its own, where that has not been shown yet.
        output: String,
    },
    /// A tool could not be installed.
    #[error("could not install {tool} into {}: {reason}; {advice}", folder.display())]
    Install {
        /// The tool.
        tool: &'static str,
        /// Where it should go.
        folder: PathBuf,
        /// What happened.
        reason: String,
        /// What to look at.
        advice: &'static str,
    },
    /// Somebody else could put programs into the folder of tools.
    #[error(
        "{} {problem}, who could have what builds plugins replaced; name another folder with --tools-dir or \
         GAVEL_TOOLS_DIR, or make it yours alone (`chown`, `chmod go-w`) if you trust what is in it",
        folder.display()
    )]
    UntrustedTools {
        /// The folder.
        folder: PathBuf,
        /// Whose it is, as the end of a sentence.
        problem: String,
    },
    /// What the compiler made is no plugin.
    #[error("what the compiler made is no plugin: {reason}")]
    NotAPlugin {
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder could not be read or written.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, `create` …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Names what was being done, and to which file, when something failed.
pub(crate) trait Doing<T> {
    /// The same result with an error that can be shown.
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, ToolkitError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T, ToolkitError> {
        self.map_err(|source| ToolkitError::Io { doing, path: path.into(), source })
    }
}
