//! The registry that tests push plugins to and pull them from: Debian's, unpacked among the tools.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::setup::Step;
use crate::shell::{self, remove};

/// The package, as Debian 12 has it.
const PACKAGE: &str = "docker-registry=2.8.2+ds1-1";
/// sha256 of the package for amd64.
const SHA256: &str = "a9bd06c0e006854608f8469b4371743f40604ad90975532bb3b7ceeb72fe2913";

/// A registry for tests. Only they need it, and they say so where it is missing.
pub fn docker_registry(root: &Path) -> Step<'_> {
    let folder = root.join(".gavel/tools/docker-registry");
    let program = folder.join("usr/bin/docker-registry");
    let present = program.clone();
    Step {
        name: "docker-registry",
        reason: "plugins are pushed to it and pulled from it in tests",
        present: Box::new(move || present.is_file().then(|| present.display().to_string())),
        install: Box::new(move || {
            let unpacking = root.join(".gavel/tools/docker-registry.part");
            remove(&unpacking)?;
            fs::create_dir_all(&unpacking)?;
            download(&unpacking)?;
            remove(&folder)?;
            fs::rename(&unpacking, &folder)?;
            ensure!(program.is_file(), "{PACKAGE} has no usr/bin/docker-registry");
            Ok(program.display().to_string())
        }),
    }
}

/// Downloads the package into a folder, checks it, and unpacks it there.
fn download(folder: &Path) -> Result<()> {
    shell::read(shell::command(folder, "apt-get").args(["download", PACKAGE]))
        .with_context(|| format!("apt cannot get {PACKAGE}"))?;
    let files = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let package = files.iter().map(fs::DirEntry::path).find(|path| path.extension() == Some("deb".as_ref()));
    let package = package.context("apt-get reported success and left no package")?;
    let sum = shell::read(shell::command(folder, "sha256sum").arg(&package))?;
    let found = sum.split_whitespace().next().unwrap_or_default();
    ensure!(found == SHA256, "{} has sha256 {found}, not {SHA256}", package.display());
    shell::read(shell::command(folder, "dpkg").arg("--extract").arg(&package).arg(folder))?;
    fs::remove_file(&package)?;
    Ok(())
}
