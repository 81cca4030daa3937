//! Python packages: pinned wheels from PyPI, in folders of their own under `.gavel/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::Step;
use crate::shell;

/// Makes components of Python programs.
pub fn componentize_py(root: &Path) -> Step<'_> {
    wheels(
        root,
        Wheels {
            name: "componentize-py",
            reason: "makes plugins of Python; 17 MB",
            requirements: "crates/xtask/componentize-py.txt",
            arguments: &[],
        },
    )
}

/// The folder of Math-Verify and all that it imports.
pub fn math_verify_folder(root: &Path) -> PathBuf {
    root.join(".gavel").join(MATH_VERIFY)
}

const MATH_VERIFY: &str = "math-verify";

/// What the plugin `math-verify` is made of.
pub fn math_verify(root: &Path) -> Step<'_> {
    wheels(
        root,
        Wheels {
            name: MATH_VERIFY,
            reason: "becomes the plugin of that name; 7 MB",
            requirements: "plugins/math-verify/requirements.txt",
            // The Python that runs it is the one in the component, whatever python3 is here.
            arguments: &["--python-version", "3.14", "--no-compile"],
        },
    )
}

/// Wheels that are pinned by version and hash.
struct Wheels {
    name: &'static str,
    reason: &'static str,
    requirements: &'static str,
    arguments: &'static [&'static str],
}

fn wheels(root: &Path, wheels: Wheels) -> Step<'_> {
    let Wheels { name, reason, requirements, arguments } = wheels;
    let folder = root.join(".gavel").join(name);
    // A copy of the requirements says what is installed.
    let record = folder.join("requirements.txt");
    let pinned = move || fs::read(root.join(requirements)).ok();
    Step {
        name,
        reason,
        present: Box::new({
            let folder = folder.clone();
            move || (fs::read(&record).ok()? == pinned()?).then(|| folder.display().to_string())
        }),
        install: Box::new(move || {
            let unpacking = folder.with_extension("part");
            remove(&unpacking)?;
            let mut pip = install(root)?;
            pip.args(arguments).args(["-r", requirements]).arg("--target").arg(&unpacking);
            shell::read(&mut pip).with_context(|| {
                format!(
                    "pip could not install the wheels pinned in {requirements}; is there a network, and pypi.org?"
                )
            })?;
            fs::copy(root.join(requirements), unpacking.join("requirements.txt"))?;
            remove(&folder)?;
            fs::rename(&unpacking, &folder)?;
            Ok(folder.display().to_string())
        }),
    }
}

/// `pip install` of wheels only, each checked against its hash.
pub fn install(root: &Path) -> Result<Command> {
    let mut pip = python(root)?;
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--require-hashes", "--only-binary=:all:"]);
    Ok(pip)
}

/// A Python with componentize-py and the Python SDK at hand, and nothing else that happens to be installed.
pub fn python_for_plugins(root: &Path) -> Result<Command> {
    // componentize-py offers the packages of the active environment to the plugin. This one has none.
    let empty = root.join(".gavel/no-packages");
    fs::create_dir_all(empty.join("lib/site-packages"))?;
    let path = [root.join("sdk/python"), root.join(".gavel/componentize-py")];
    let mut python = python(root)?;
    python.env("PYTHONPATH", std::env::join_paths(path)?).env("VIRTUAL_ENV", empty);
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(python)
}

/// A Python with pip: that of a virtual environment of our own, or the system's where Python cannot make one.
fn python(root: &Path) -> Result<Command> {
    let venv = root.join(".gavel/venv");
    let python: PathBuf = venv.join("bin/python");
    if !python.exists() {
        let made = shell::read(shell::command(root, "python3").args(["-m", "venv"]).arg(&venv));
        if let Err(reason) = made {
            remove(&venv)?;
            shell::read(shell::command(root, "python3").args(["-m", "pip", "--version"])).with_context(
                || {
                    format!(
                        "python3 has neither venv nor pip (Debian: apt-get install python3-venv): {reason:#}"
                    )
                },
            )?;
            return Ok(shell::command(root, "python3"));
        }
    }
    Ok(shell::command(root, python))
}

/// Removes a folder that may be there.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
