//! The SDKs and templates, embedded: `gavel` alone is enough to write a plugin.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use crate::error::Doing;
use crate::project::FOLDER;
use crate::tools::create_folder;
use crate::{Language, ToolkitError};

/// `sdk/` of the repository.
#[derive(RustEmbed)]
#[folder = "../../sdk"]
#[exclude = "*/target/*"]
#[exclude = "*/.gavel/*"]
#[exclude = "*/node_modules/*"]
#[exclude = "*/__pycache__/*"]
#[exclude = "*/Cargo.lock"]
#[exclude = "*.wasm"]
struct Files;

/// A file of an SDK or a template.
pub(crate) struct File {
    /// Relative to the folder that was asked for.
    pub(crate) path: PathBuf,
    pub(crate) content: Cow<'static, [u8]>,
}

/// The files below a folder of `sdk/`, in the order of their paths.
pub(crate) fn files(folder: &str) -> impl Iterator<Item = File> {
    let mut paths: Vec<_> = Files::iter().collect();
    paths.sort_unstable();
    paths.into_iter().filter_map(move |path| {
        let relative = path.strip_prefix(folder)?.strip_prefix('/')?;
        let content = Files::get(&path)?.data;
        Some(File { path: relative.into(), content })
    })
}

/// The contract: name and text of each WIT file.
pub(crate) fn contract() -> impl Iterator<Item = (String, String)> {
    files("wit").map(|File { path, content }| {
        (path.to_string_lossy().into_owned(), String::from_utf8_lossy(&content).into_owned())
    })
}

/// Lays the SDK of a language down in a plugin's folder, at `.gavel/sdk`, with the contract. A file that is there as
/// it should be is not touched, so that compilers see what has changed.
///
/// # Errors
/// When a file cannot be written.
pub fn lay(plugin: &Path, language: Language) -> Result<(), ToolkitError> {
    for folder in language.folders().iter().chain(&["wit"]) {
        let target = plugin.join(FOLDER).join("sdk").join(folder);
        for File { path, content } in files(folder) {
            if path.starts_with("template") || path.starts_with("tests") {
                continue;
            }
            write(&target.join(path), &content)?;
        }
    }
    Ok(())
}

/// Writes a file, with the folders above it, unless it is there with this content.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), ToolkitError> {
    if fs::read(path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        create_folder(folder).doing("create", folder)?;
    }
    fs::write(path, content).doing("write", path)
}
