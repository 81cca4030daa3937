//! `cargo xtask wheel`: the Python package as a wheel, and its tests against a wheel in a virtual environment of its own.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{pip, setup, shell};

/// Where the package lies, and its tests.
const PACKAGE: &str = "crates/gavel-py";

/// Builds the wheel that is published, with maturin, and tests it. It is compiled in a folder of its own: alone, the crate's
/// dependencies have other features than in the workspace.
pub fn run(root: &Path) -> Result<()> {
    setup::take(&[pip::maturin(root)])?;
    let target = root.join("target/wheel");
    let mut command = shell::cargo(root);
    command.args(["build", "--release", "-p", "gavel-cli", "--bin", "gavel", "--no-default-features"]);
    // Two thirds of it would be for debuggers.
    command.env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    shell::run(command.arg("--target-dir").arg(&target))?;
    let beside = root.join(PACKAGE).join("python/gavel_rl/bin");
    fs::create_dir_all(&beside)?;
    fs::copy(target.join("release/gavel"), beside.join("gavel")).context("could not copy the command")?;

    let wheels = root.join("target/wheels");
    shell::remove(&wheels)?;
    let maturin = crate::tools(root).wheels(&pip::MATURIN, &|progress| eprintln!("{progress}"))?;
    let mut build = shell::command(root, maturin.join("bin/maturin"));
    build.args(["build", "--release", "--locked", "--compatibility", "linux"]);
    build.arg("--manifest-path").arg(root.join(PACKAGE).join("Cargo.toml"));
    shell::run(build.arg("--target-dir").arg(&target).arg("--out").arg(&wheels))?;
    tests(root, &wheels)?.iter_mut().try_for_each(shell::run)?;
    println!("The wheel is in {}.", wheels.display());
    Ok(())
}

/// Compiles the library that the package is, where the tests of the workspace are compiled already: with the examples, cargo
/// chooses the packages and the features that it chooses for tests, so that only PyO3 and the library itself are missing.
pub fn library_of_workspace(root: &Path) -> Command {
    let mut build = shell::cargo(root);
    build.args(["build", "--release", "--workspace", "--lib", "--examples"]);
    build
}

/// Packs what the workspace's build has made as a wheel, and tests that. Nothing is compiled for it.
pub fn tests_of_workspace(root: &Path) -> Result<Vec<Command>> {
    let (library, wheels) = (root.join("target/release"), root.join("target/python/wheels"));
    let mut pack = crate::tools(root).python(root)?;
    pack.arg(root.join(PACKAGE).join("pack.py")).args(["--version", env!("CARGO_PKG_VERSION")]);
    pack.arg("--library").arg(library.join(format!("{DLL_PREFIX}gavel_native{DLL_SUFFIX}")));
    pack.arg("--command").arg(library.join("gavel")).arg(&wheels);
    let mut commands = vec![pack];
    commands.extend(tests(root, &wheels)?);
    Ok(commands)
}

/// Installs the wheel of this folder into an empty environment, and runs the package's tests there.
fn tests(root: &Path, wheels: &Path) -> Result<Vec<Command>> {
    let venv = root.join("target/python/venv");
    let python: PathBuf = venv.join("bin/python");
    let mut create = crate::tools(root).python(root)?;
    create.args(["-m", "venv", "--clear"]).arg(&venv);
    let mut install = shell::command(root, &python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ]);
    install.arg("--find-links").arg(wheels).arg("gavel-rl");
    let tests = root.join(PACKAGE).join("tests");
    ensure!(tests.is_dir(), "there are no tests in {}", tests.display());
    // From another folder, so that the package that is imported is the one that was installed.
    let mut test = shell::command(&venv, &python);
    test.args(["-m", "unittest", "discover", "--start-directory"]).arg(tests);
    test.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
    Ok(vec![create, install, test])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever cargo is asked for beside the tests may have other features, and then half of the workspace is compiled again.
    #[test]
    fn the_tests_of_the_package_compile_nothing() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let cargo = shell::cargo(root);
        let commands = tests_of_workspace(root).unwrap();
        assert!(commands.len() > 3);
        assert!(commands.iter().all(|command| command.get_program() != cargo.get_program()));
        let arguments: Vec<_> = library_of_workspace(root).get_args().map(ToOwned::to_owned).collect();
        assert_eq!(arguments, ["build", "--release", "--workspace", "--lib", "--examples"]);
    }
}
