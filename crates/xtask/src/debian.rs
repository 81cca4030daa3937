//! Packages of Debian that tests need, unpacked among the tools: no root is needed, and nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::setup::Step;
use crate::shell;

/// A package, and what one of its releases is known by.
struct Package {
    name: &'static str,
    reason: &'static str,
    version: &'static str,
    sha256: &'static str,
}

const REGISTRY: Package = Package {
    name: "docker-registry",
    reason: "a registry for the tests of `gavel plugin push`; 5 MB",
    version: "2.8.2+ds1-1",
    sha256: "a9bd06c0e006854608f8469b4371743f40604ad90975532bb3b7ceeb72fe2913",
};

const NIM: Package = Package {
    name: "nim",
    reason: "compiles plugins in Nim; 30 MB",
    version: "1.6.10-2",
    sha256: "1861cfaaa3e085fb091a1e0b768a2c0d2ace17796b56964b88326fe3468ac399",
};

/// The compiler of a language that few machines have.
pub fn nim(root: &Path) -> Step<'_> {
    step(root, NIM)
}

/// The registry that plugins are pushed to in tests.
pub fn docker_registry(root: &Path) -> Step<'_> {
    step(root, REGISTRY)
}

/// A step that unpacks a package. Where that cannot be done it says so and goes on: what needs the package is skipped.
fn step(root: &Path, package: Package) -> Step<'_> {
    let folder = root.join(".gavel/tools").join(package.name);
    Step {
        name: package.name,
        reason: package.reason,
        present: Box::new({
            let folder = folder.clone();
            move || folder.is_dir().then(|| folder.display().to_string())
        }),
        install: Box::new(move || {
            Ok(match unpack(&folder, &package) {
                Ok(()) => folder.display().to_string(),
                Err(error) => format!("not at all, so the tests that need it are skipped: {error:#}"),
            })
        }),
    }
}

fn unpack(folder: &Path, package: &Package) -> Result<()> {
    let part = folder.with_extension("part");
    shell::remove(&part)?;
    fs::create_dir_all(&part)?;
    let wanted = format!("{}={}", package.name, package.version);
    shell::read(shell::command(&part, "apt-get").args(["download", &wanted]))
        .context("only Debian 12 has this package")?;
    let file = the_file(&part)?;
    let digest: String = Sha256::digest(fs::read(&file)?).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(digest == package.sha256, "{} is sha256:{digest}, not what is pinned", file.display());
    shell::read(shell::command(&part, "dpkg").arg("-x").arg(&file).arg(&part))?;
    fs::remove_file(&file)?;
    // Nim looks for its configuration in /etc, or here.
    if part.join("etc/nim").is_dir() {
        fs::rename(part.join("etc/nim"), part.join("usr/config"))?;
    }
    Ok(fs::rename(&part, folder)?)
}

/// The package that apt-get has put into the folder.
fn the_file(folder: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let package = files.iter().map(fs::DirEntry::path).find(|path| path.extension() == Some("deb".as_ref()));
    package.context("apt-get reported success and left no package")
}
