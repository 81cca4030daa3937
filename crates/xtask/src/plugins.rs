//! Builds the plugins that are not in Rust, where their sources have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{npm, pip, setup, shell};

#[derive(clap::Args, Default)]
pub struct Args {
    /// Build this plugin alone.
    #[arg(long, value_name = "NAME")]
    only: Option<Name>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Name {
    Python,
    Javascript,
    MathVerify,
    ReasoningGym,
}

impl Name {
    const ALL: [Self; 4] = [Self::Python, Self::Javascript, Self::MathVerify, Self::ReasoningGym];

    /// The component, from the root.
    fn component(self) -> &'static str {
        match self {
            Self::Python => "plugins/interpreters/python/python.wasm",
            Self::Javascript => "plugins/interpreters/javascript/javascript.wasm",
            Self::MathVerify => "plugins/math-verify/math-verify.wasm",
            Self::ReasoningGym => "plugins/reasoning-gym/reasoning-gym.wasm",
        }
    }

    /// Files and folders that the component is made of, from the root.
    fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::Python => &[
                "crates/gavel-toolkit/tools/componentize-py.txt",
                "plugins/code/src/python",
                "plugins/interpreters/python/build.py",
                "plugins/interpreters/python/gavel_interpreter",
                "sdk/python/gavel_plugin/build.py",
                "sdk/wit",
            ],
            Self::Javascript => &[
                "crates/gavel-toolkit/tools/javascript",
                "plugins/interpreters/javascript/build.mjs",
                "plugins/interpreters/javascript/src",
                "plugins/interpreters/javascript/wit",
                "sdk/wit",
            ],
            Self::MathVerify => &[
                "crates/gavel-toolkit/tools/componentize-py.txt",
                "plugins/math-verify/math_verify_plugin",
                "plugins/math-verify/requirements.txt",
                "sdk/python/gavel_plugin",
                "sdk/wit",
            ],
            Self::ReasoningGym => &[
                "crates/gavel-toolkit/tools/componentize-py.txt",
                "plugins/reasoning-gym/reasoning_gym_plugin",
                "plugins/reasoning-gym/requirements.txt",
                "sdk/python/gavel_plugin",
                "sdk/wit",
            ],
        }
    }

    fn steps(self, root: &Path) -> Vec<setup::Step<'_>> {
        match self {
            Self::Python => vec![pip::componentize_py(root)],
            Self::Javascript => vec![npm::componentize_js(root)],
            Self::MathVerify => vec![pip::componentize_py(root), pip::math_verify(root)],
            Self::ReasoningGym => vec![pip::componentize_py(root), pip::reasoning_gym(root)],
        }
    }

    /// What builds the component.
    fn command(self, root: &Path) -> Result<Command> {
        let mut command = match self {
            Self::Python | Self::MathVerify | Self::ReasoningGym => pip::python_for_plugins(root)?,
            Self::Javascript => shell::command(root, "node"),
        };
        match self {
            Self::Python => command.args(["plugins/interpreters/python/build.py", self.component()]),
            Self::Javascript => command
                .arg("plugins/interpreters/javascript/build.mjs")
                .arg(npm::folder(root))
                .arg(self.component()),
            Self::MathVerify => command
                .args(["-m", "gavel_plugin", "build", "plugins/math-verify/math_verify_plugin"])
                .args(["--path", ".gavel/tools/math-verify", "--output", self.component()]),
            Self::ReasoningGym => command
                .args(["-m", "gavel_plugin", "build", "plugins/reasoning-gym/reasoning_gym_plugin"])
                .args(["--path", ".gavel/tools/reasoning-gym", "--output", self.component()]),
        };
        Ok(command)
    }
}

/// Installs what the plugins are built with, and builds them.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    match args.only {
        Some(name) => setup::take(&name.steps(root))?,
        None => {
            setup::take(&[
                pip::componentize_py(root),
                pip::math_verify(root),
                pip::reasoning_gym(root),
                npm::componentize_js(root),
            ])?;
        }
    }
    build(root, args.only)
}

/// Builds each plugin, or the only one wanted, unless it is there and made of what is here now.
pub fn build(root: &Path, only: Option<Name>) -> Result<()> {
    let wanted: Vec<Name> =
        Name::ALL.into_iter().filter(|name| only.is_none_or(|only| only == *name)).collect();
    for (index, name) in wanted.iter().enumerate() {
        let heading = format!("plugins {}/{}: {}", index + 1, wanted.len(), name.component());
        let component = root.join(name.component());
        let record = component.with_extension("inputs");
        let inputs = digest(root, name.inputs())?;
        if component.exists() && fs::read_to_string(&record).is_ok_and(|recorded| recorded == inputs) {
            eprintln!("{heading}: there, nothing changed");
            continue;
        }
        eprintln!("{heading}: building ...");
        let started = Instant::now();
        remove_file(&record)?;
        shell::run(&mut name.command(root)?)?;
        let size =
            fs::metadata(&component).with_context(|| format!("{} was not built", component.display()))?.len();
        fs::write(&record, inputs)?;
        eprintln!("{heading}: built, {} MB in {} s", size / 1_000_000, started.elapsed().as_secs());
    }
    Ok(())
}

/// The folders of the plugins that judge, from the root, in alphabetical order.
pub fn verifiers(root: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root.join("plugins"))?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    let mut folders: Vec<PathBuf> = names.into_iter().map(|name| Path::new("plugins").join(name)).collect();
    folders.retain(|folder| root.join(folder).join("gavel.toml").is_file());
    folders.sort();
    Ok(folders)
}

/// One digest of the names and contents of all files in `inputs`.
fn digest(root: &Path, inputs: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for input in inputs {
        collect(&root.join(input), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        for part in [name.as_bytes(), &content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files below `path`, without what Python caches there.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("could not read {}", path.display()))? {
        let entry = entry?.path();
        if entry.file_name().is_some_and(|name| name != "__pycache__") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn remove_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", file.display()))
        }
        _ => Ok(()),
    }
}
