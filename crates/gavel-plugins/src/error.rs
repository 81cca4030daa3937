//! Why a plugin cannot be found, read, or used as it lies there.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use gavel_files::did_you_mean;
use gavel_verify::visible_name;

use crate::lock::LockError;
use crate::toml_file::{Place, TomlError};

/// Why a plugin cannot be found, read, or used as it lies there.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// A manifest or a lock cannot be read, or says what it may not.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// The plugin's file cannot be read.
    #[error("cannot read plugin {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file does not start as WebAssembly does.
    #[error("{} is not WebAssembly: it does not start with `\\0asm`", file.display())]
    NotWasm {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A plugin is not what the lock of its folder says.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A lock names a plugin that cannot have been added.
    #[error(
        "{place}: `{}` cannot be the name of a plugin: letters, digits, `-` and `_` can",
        visible_name(name, 200)
    )]
    PluginName {
        /// Where.
        place: Place,
        /// The name.
        name: String,
    },
    /// There is no file where a plugin should be.
    #[error("{} does not exist", path.display())]
    NoSuchFile {
        /// The file.
        path: PathBuf,
    },
    /// No file and no first-party plugin has this name.
    #[error(
        "no plugin called `{name}`{}: looked for {}, and among the first-party plugins ({})",
        did_you_mean(suggestion.as_deref()),
        looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
        first_party.join(", ")
    )]
    PluginNotFound {
        /// The plugin that was asked for.
        name: String,
        /// The files that would have been it.
        looked: Vec<PathBuf>,
        /// The names of the first-party plugins.
        first_party: Vec<&'static str>,
        /// A first-party plugin with a similar name.
        suggestion: Option<String>,
    },
    /// The plugin's folder has no `.wasm` file where its manifest says, and no first-party plugin has its name.
    #[error("{} does not exist: build the plugin first (`gavel plugin build`)", entry.display())]
    NotBuilt {
        /// The file that the manifest names.
        entry: PathBuf,
    },
    /// No file is the interpreter of this language.
    #[error(
        "no interpreter for `{}`: looked for {}; build it with `cargo xtask plugins`, or name the folder that \
         it is in with `--plugin-path` or GAVEL_PLUGIN_PATH",
        visible_name(language, 200),
        looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    InterpreterNotFound {
        /// The language that the plugin asks for.
        language: String,
        /// The files that would have been it.
        looked: Vec<PathBuf>,
    },
    /// The folder of an interpreter's name has a verifier in it.
    #[error("{} is of a verifier: an interpreter has `kind = \"interpreter\"` in `[plugin]`", manifest.display())]
    NotAnInterpreter {
        /// The manifest.
        manifest: PathBuf,
    },
}

/// An error and its causes, as the command line shows them.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
