//! Node packages: what `componentize-js/package-lock.json` pins, in `.gavel/componentize-js`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::setup::Step;
use crate::shell::{self, remove};

const PINNED: &str = "crates/xtask/componentize-js";
const LOCK: &str = "package-lock.json";

/// Where the packages are.
pub fn folder(root: &Path) -> PathBuf {
    root.join(".gavel/componentize-js")
}

/// Makes components of JavaScript programs.
pub fn componentize_js(root: &Path) -> Step<'_> {
    Step {
        name: "componentize-js",
        reason: "makes plugins of JavaScript; 400 MB on disk",
        present: Box::new(move || {
            let pinned = fs::read(root.join(PINNED).join(LOCK)).ok()?;
            let installed = fs::read(folder(root).join(LOCK)).ok()?;
            (pinned == installed).then(|| folder(root).display().to_string())
        }),
        install: Box::new(move || install(root)),
    }
}

fn install(root: &Path) -> Result<String> {
    let (folder, unpacking) = (folder(root), root.join(".gavel/componentize-js.part"));
    remove(&unpacking)?;
    fs::create_dir_all(&unpacking)?;
    for file in ["package.json", LOCK] {
        fs::copy(root.join(PINNED).join(file), unpacking.join(file))?;
    }
    let mut npm = shell::command(&unpacking, "npm");
    // No package here needs its install script, and none should run one.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    shell::read(&mut npm).context(
        "npm could not install what crates/xtask/componentize-js/package-lock.json pins; \
         is Node (20 or later) there, and the network?",
    )?;
    remove(&folder)?;
    fs::rename(&unpacking, &folder)?;
    Ok(folder.display().to_string())
}
