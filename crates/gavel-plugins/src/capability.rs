//! What an operator can grant to a plugin, and where what was granted lies.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::PluginError;
use crate::lookup::{FoundPlugin, Lying, lying};
use crate::manifest::{MANIFEST, Manifest, PluginKind};
use crate::watched::WatchedFiles;

/// What a verifier does not have unless the operator grants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Running untrusted programs, with the interpreters that the plugin's manifest asks for.
    Interpreter,
    /// Asking the endpoint that a judge's table names. No plugin can have it.
    Endpoint,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Interpreter, Self::Endpoint];

    /// As files and flags call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interpreter => "interpreter",
            Self::Endpoint => "endpoint",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of no capability.
#[derive(Debug, thiserror::Error)]
#[error("no such capability; gavel knows {}", Capability::ALL.map(Capability::name).join(", "))]
pub struct UnknownCapability;

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(name: &str) -> Result<Self, UnknownCapability> {
        Self::ALL.into_iter().find(|capability| capability.name() == name).ok_or(UnknownCapability)
    }
}

impl FoundPlugin {
    /// The interpreter for `language`: the first that is there of `LANGUAGE.wasm` and the entry of
    /// `LANGUAGE/gavel.toml` in each of `folders`, or what the folder's lock says.
    ///
    /// # Errors
    /// When it is not there, or what is there is none.
    pub fn interpreter(
        language: &str,
        folders: &[PathBuf],
        files: &WatchedFiles,
    ) -> Result<Self, PluginError> {
        let is_interpreter = |manifest: &Manifest, folder: &Path| match manifest.kind {
            PluginKind::Interpreter => Ok(()),
            PluginKind::Verifier => Err(PluginError::NotAnInterpreter { manifest: folder.join(MANIFEST) }),
        };
        let mut looked = Vec::new();
        // A language's name comes from a plugin's manifest: it must not lead to other folders.
        if Path::new(language).file_name().is_some_and(|name| name == language) {
            for folder in folders {
                let subfolder = folder.join(language);
                match lying(language, folder, files)? {
                    Lying::Promised(found) => {
                        if let Some(manifest) = &found.manifest {
                            is_interpreter(manifest, &subfolder)?;
                        }
                        return Ok(*found);
                    }
                    Lying::File(file) => return Self::bare(file, files),
                    Lying::Folder(subfolder) => {
                        let manifest = Manifest::read(&subfolder, files)?;
                        is_interpreter(&manifest, &subfolder)?;
                        let entry = subfolder.join(manifest.entry);
                        if files.has(&entry) {
                            return Self::bare(entry, files);
                        }
                        looked.push(entry);
                    }
                    Lying::Nowhere(places) => looked.extend(places),
                }
            }
        }
        Err(PluginError::InterpreterNotFound { language: language.to_owned(), looked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_capability_is_refused_with_the_known_ones() {
        assert_eq!("interpreter".parse::<Capability>().unwrap(), Capability::Interpreter);
        let error = "network".parse::<Capability>().unwrap_err();
        assert_eq!(error.to_string(), "no such capability; gavel knows interpreter, endpoint");
    }

    fn manifest(kind: &str) -> String {
        format!(
            "manifest_version = 1\n[plugin]\nname = 'toy'\nversion = '1.0.0'\nentry = 'built/toy.wasm'\n{kind}\n"
        )
    }

    #[test]
    fn an_interpreter_is_a_file_or_the_entry_of_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join(name);
        let folders = [folder("a"), folder("b"), folder("c")];
        let looked =
            |folders: &[PathBuf]| match FoundPlugin::interpreter("toy", folders, &WatchedFiles::default()) {
                Err(PluginError::InterpreterNotFound { looked, .. }) => looked,
                other => panic!("{other:?}"),
            };
        assert_eq!(looked(&folders).len(), 6, "two places in each folder");

        std::fs::create_dir_all(folder("b/toy/built")).unwrap();
        std::fs::write(folder("b/toy/gavel.toml"), manifest("kind = 'interpreter'")).unwrap();
        assert!(looked(&folders).contains(&folder("b/toy/built/toy.wasm")), "one that is not built is named");
        std::fs::write(folder("b/toy/built/toy.wasm"), "").unwrap();
        let found = || FoundPlugin::interpreter("toy", &folders, &WatchedFiles::default()).unwrap().shown();
        assert_eq!(Path::new(&found()), folder("b/toy/built/toy.wasm"));

        std::fs::create_dir_all(folder("a")).unwrap();
        std::fs::write(folder("a/toy.wasm"), "").unwrap();
        assert_eq!(Path::new(&found()), folder("a/toy.wasm"));
    }

    #[test]
    fn a_verifier_is_no_interpreter() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("toy")).unwrap();
        std::fs::write(root.path().join("toy/gavel.toml"), manifest("")).unwrap();
        let found = FoundPlugin::interpreter("toy", &[root.path().to_owned()], &WatchedFiles::default());
        assert!(matches!(found, Err(PluginError::NotAnInterpreter { .. })), "{found:?}");
    }

    #[test]
    fn a_language_leads_to_no_other_folder() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("inner")).unwrap();
        std::fs::write(root.path().join("toy.wasm"), "").unwrap();
        for language in ["../toy", "inner/../../toy", "", "..", "/toy"] {
            let found =
                FoundPlugin::interpreter(language, &[root.path().join("inner")], &WatchedFiles::default());
            assert!(matches!(found, Err(PluginError::InterpreterNotFound { .. })), "{language}: {found:?}");
        }
    }
}
