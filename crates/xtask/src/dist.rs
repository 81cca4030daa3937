//! `cargo xtask dist`: what people install who have no Rust: an archive with `gavel`, `gavel-train` and the interpreters, its
//! digest, and the script that installs it.

use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::{plugins, setup, shell};

/// The script as it lies in the tree, with the versions left open.
const INSTALL: &str = include_str!("../dist/install.sh");
const PROGRAMS: [&str; 2] = ["gavel", "gavel-train"];
const INTERPRETERS: [&str; 2] = ["python", "javascript"];
const DIGESTS: &str = "SHA256SUMS";

#[derive(clap::Args)]
pub struct Args {
    /// Pack the programs of this folder instead of building them for it.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Where the archive goes.
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    output: PathBuf,
}

/// Builds the programs without what is for debuggers alone, and packs them with the interpreters.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    let programs = match &args.from {
        Some(folder) => root.join(folder),
        None => {
            plugins::run(root, &plugins::Args::default())?;
            build(root)?
        }
    };
    let output = root.join(&args.output);
    let archive = pack(root, &programs, &output)?;
    println!("{} and what installs it: sh {}", archive.display(), output.join("install.sh").display());
    Ok(())
}

/// Compiles both programs in a folder of their own: alone, their dependencies have other features than in the workspace.
fn build(root: &Path) -> Result<PathBuf> {
    let target = root.join("target/wheel");
    let mut command = shell::cargo(root);
    command.args(["build", "--release", "--locked", "-p", "gavel-cli", "--bins"]);
    command.env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    shell::run(command.arg("--target-dir").arg(&target))?;
    Ok(target.join("release"))
}

/// Packs the archive, writes its digest and the script beside it, and returns the archive's path. The same files make the same
/// bytes.
fn pack(root: &Path, programs: &Path, output: &Path) -> Result<PathBuf> {
    let name = format!("gavel-{}-{ARCH}-unknown-linux-gnu", env!("CARGO_PKG_VERSION"));
    let work = output.join("work");
    shell::remove(output)?;
    let folder = work.join(&name);
    for program in PROGRAMS {
        copy(&programs.join(program), &folder.join("bin").join(program))?;
    }
    for interpreter in INTERPRETERS {
        let (from, to) = (
            root.join("plugins/interpreters").join(interpreter),
            folder.join("interpreters").join(interpreter),
        );
        for file in ["gavel.toml", &format!("{interpreter}.wasm")] {
            copy(&from.join(file), &to.join(file))?;
        }
    }
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        copy(&root.join(file), &folder.join(file))?;
    }
    let archive = output.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--gzip",
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
    ]);
    shell::run(tar.arg("--file").arg(&archive).arg("-C").arg(&work).arg(&name))?;
    shell::remove(&work)?;

    let bytes = fs::read(&archive).with_context(|| format!("could not read {}", archive.display()))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    write(&output.join(DIGESTS), &format!("{digest}  {name}.tar.gz\n"))?;
    let script =
        INSTALL.replace("@VERSION@", env!("CARGO_PKG_VERSION")).replace("@TORCH@", setup::TORCH_VERSION);
    ensure!(!script.contains("=@"), "install.sh leaves a version open");
    write(&output.join("install.sh"), &script)?;
    fs::set_permissions(output.join("install.sh"), fs::Permissions::from_mode(0o755))?;
    Ok(archive)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().expect("a file in a folder"))?;
    fs::copy(from, to).with_context(|| format!("could not copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

/// Packs what the workspace's build has made, installs it into an empty folder, and uses it there as its users do: programs
/// are judged, and the trainer finds its libtorch. Nothing is compiled for it.
pub fn tests_of_workspace(root: &Path) -> Result<Vec<Command>> {
    let mut pack = shell::command(root, std::env::current_exe()?);
    pack.args(["dist", "--from", "target/release", "--output", "target/dist-test"]);
    let mut test = shell::command(root, "sh");
    test.arg("crates/xtask/dist/test.sh")
        .arg(root.join("target/dist-test"))
        .arg(root.join(".gavel/libtorch"));
    Ok(vec![pack, test])
}
