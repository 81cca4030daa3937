//! Node packages: what the toolkit makes plugins of JavaScript with.

use std::path::{Path, PathBuf};

use gavel_toolkit::JAVASCRIPT;

use crate::setup::Step;
use crate::tools;

/// Where the packages are.
pub fn folder(root: &Path) -> PathBuf {
    root.join(".gavel/tools").join(JAVASCRIPT.name)
}

/// Makes components of JavaScript programs.
pub fn componentize_js(root: &Path) -> Step<'_> {
    Step {
        name: JAVASCRIPT.name,
        reason: JAVASCRIPT.reason,
        present: Box::new(move || Some(tools(root).has_packages(&JAVASCRIPT)?.display().to_string())),
        install: Box::new(move || Ok(tools(root).packages(&JAVASCRIPT, &|_| {})?.display().to_string())),
    }
}
