//! Installs what cargo cannot: libtorch, the WebAssembly target, what makes components of Python and JavaScript, and a
//! registry for tests.
//!
//! Everything goes into `.gavel/` at the root, which git ignores. Each step looks first whether its work is done,
//! so a second run only looks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::remove;
use crate::{debian, npm, pip, shell};

/// The libtorch that tch 0.24 is made for.
pub const TORCH_VERSION: &str = "2.11.0";
/// Plugins are components for WASI 0.2.
const WASM_TARGET: &str = "wasm32-wasip2";

#[derive(clap::Args, Default)]
pub struct Args {
    /// Use the libtorch in this folder (it holds lib/ and include/) instead of installing one.
    #[arg(long, value_name = "DIR", conflicts_with = "pytorch")]
    libtorch: Option<PathBuf>,
    /// Use the PyTorch of this Python interpreter instead of installing libtorch.
    #[arg(long, value_name = "PYTHON")]
    pytorch: Option<PathBuf>,
}

/// One thing to have, why, and how to get it.
pub struct Step<'a> {
    pub name: &'a str,
    pub reason: &'a str,
    /// What is there already, if it is.
    pub present: Box<dyn Fn() -> Option<String> + 'a>,
    /// Gets it and says what it got.
    pub install: Box<dyn Fn() -> Result<String> + 'a>,
}

/// Everything that building and testing need.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    take(&[
        crates(root),
        wasm_target(root),
        libtorch(root, args)?,
        pip::componentize_py(root),
        pip::math_verify(root),
        pip::reasoning_gym(root),
        pip::chat_templates(root),
        pip::smollm2(root),
        npm::componentize_js(root),
        debian::docker_registry(root),
        debian::nim(root),
    ])
}

/// Takes the steps whose work is not done, and says what each came to.
pub fn take(steps: &[Step<'_>]) -> Result<()> {
    for (index, step) in steps.iter().enumerate() {
        let heading = format!("setup {}/{}: {} ({})", index + 1, steps.len(), step.name, step.reason);
        if let Some(what) = (step.present)() {
            eprintln!("{heading}: there, {what}");
            continue;
        }
        eprintln!("{heading}: installing ...");
        let what = (step.install)()
            .with_context(|| format!("set-up step {} of {} failed: {}", index + 1, steps.len(), step.name))?;
        eprintln!("{heading}: installed, {what}");
    }
    Ok(())
}

/// Every crate that Cargo.lock names, those of other platforms among them: cargo reads the manifests of all of them
/// where it is to answer without the network, as tests ask it to.
fn crates(root: &Path) -> Step<'_> {
    let metadata = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let fetched = move || {
        shell::read(shell::cargo(root).args(metadata)).ok()?;
        Some("all of Cargo.lock".to_owned())
    };
    Step {
        name: "crates",
        reason: "what Cargo.lock names, for every platform",
        present: Box::new(fetched),
        install: Box::new(move || {
            shell::read(shell::cargo(root).args(["fetch", "--locked"]))
                .context("cargo could not fetch what Cargo.lock names; check the network and CARGO_HOME")?;
            fetched().context("cargo fetched all crates, and still cannot read them without the network")
        }),
    }
}

fn wasm_target(root: &Path) -> Step<'_> {
    let installed = move || {
        let sysroot = shell::read(shell::command(root, "rustc").args(["--print", "sysroot"])).ok()?;
        let library = Path::new(sysroot.trim()).join("lib/rustlib").join(WASM_TARGET);
        library.exists().then(|| WASM_TARGET.to_owned())
    };
    Step {
        name: WASM_TARGET,
        reason: "plugins are compiled to it",
        present: Box::new(installed),
        install: Box::new(move || {
            shell::read(shell::command(root, "rustup").args(["target", "add", WASM_TARGET]))
                .context("is rustup there, and the network? see https://rustup.rs")?;
            installed().context("rustup reported success, but the target is not in rustc's sysroot")
        }),
    }
}

fn libtorch<'a>(root: &'a Path, args: &'a Args) -> Result<Step<'a>> {
    let chosen = chosen_libtorch(root, args)?;
    let wanted = chosen.clone();
    Ok(Step {
        name: "libtorch",
        reason: "the trainer computes with it; gavel itself does not need it",
        present: Box::new(move || {
            let link = fs::canonicalize(link(root)).ok()?;
            let other_was_asked_for = match &wanted {
                Some(folder) => fs::canonicalize(folder).ok()? != link,
                None => has_nvidia_gpu() && link.starts_with(root) && !has_cuda_libraries(root),
            };
            if other_was_asked_for {
                return None;
            }
            check_libtorch(&link).ok().map(|version| format!("{version} in {}", link.display()))
        }),
        install: Box::new(move || {
            let folder = match &chosen {
                Some(folder) => fs::canonicalize(folder)?,
                None => install_wheels(root)?,
            };
            let version = check_libtorch(&folder)?;
            relink(&folder, &link(root))?;
            Ok(format!("{version} in {}", folder.display()))
        }),
    })
}

/// The place that `.cargo/config.toml` names as LIBTORCH.
fn link(root: &Path) -> PathBuf {
    root.join(".gavel/libtorch")
}

/// The libtorch that the user points at, by option or by LIBTORCH.
fn chosen_libtorch(root: &Path, args: &Args) -> Result<Option<PathBuf>> {
    if let Some(python) = &args.pytorch {
        let script = "import os, torch; print(os.path.dirname(torch.__file__))";
        let folder = shell::read(Command::new(python).args(["-c", script]))?;
        return Ok(Some(PathBuf::from(folder.trim())));
    }
    if args.libtorch.is_some() {
        return Ok(args.libtorch.clone());
    }
    // Cargo sets LIBTORCH to our own link where the user has not set it.
    let from_environment = std::env::var_os("LIBTORCH").map(PathBuf::from);
    Ok(from_environment.filter(|folder| folder != &link(root)))
}

/// Finds the version of the libtorch in `folder`, and that it is the one that tch is made for.
fn check_libtorch(folder: &Path) -> Result<String> {
    let library = folder.join("lib/libtorch_cpu.so");
    if !library.exists() {
        bail!("{} does not exist; `{}` is not a libtorch folder", library.display(), folder.display());
    }
    let version = libtorch_version(folder)?;
    let release = version.split('+').next().unwrap_or_default();
    if release != TORCH_VERSION {
        bail!("{} is libtorch {version}; gavel needs {TORCH_VERSION}", folder.display());
    }
    Ok(version)
}

/// A libtorch archive says its version in `build-version`, a PyTorch wheel in `version.py`.
fn libtorch_version(folder: &Path) -> Result<String> {
    if let Ok(version) = fs::read_to_string(folder.join("build-version")) {
        return Ok(version.trim().to_owned());
    }
    let path = folder.join("version.py");
    let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "));
    let line = line.with_context(|| format!("{} names no __version__", path.display()))?;
    Ok(line.trim_matches(['\'', '"']).to_owned())
}

/// Unpacks the pinned PyPI wheels and returns the folder of libtorch.
///
/// The wheels are only a container here: nothing of Python runs, so one CPython version is pinned whatever
/// `python3` is, and one hash checks each file.
fn install_wheels(root: &Path) -> Result<PathBuf> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!(
            "libtorch is installed on x86-64 Linux only; elsewhere install PyTorch {TORCH_VERSION} and run \
             `cargo xtask setup --pytorch python3`"
        );
    }
    let folder = root.join(".gavel/pytorch");
    let unpacking = root.join(".gavel/pytorch.part");
    remove(&unpacking)?;
    let mut install = pip::install(root)?;
    install.args(["--implementation", "cp", "--python-version", "3.11"]);
    // pip matches the number exactly, so every one that a pinned wheel carries is named.
    for number in [5, 12, 17, 18, 24, 25, 27, 28] {
        install.args(["--platform", &format!("manylinux_2_{number}_x86_64")]);
    }
    install.args(["--platform", "manylinux1_x86_64", "--platform", "manylinux2014_x86_64"]);
    install.args(["-r", "crates/xtask/libtorch-cpu.txt"]);
    if has_nvidia_gpu() {
        eprintln!("      an NVIDIA GPU is here: the CUDA libraries too (about 4 GB)");
        install.args(["-r", "crates/xtask/libtorch-cuda.txt"]);
    } else {
        eprintln!("      no NVIDIA GPU is here: the CPU's three wheels alone (530 MB)");
    }
    shell::read(install.arg("--target").arg(&unpacking)).context(
        "pip could not install the pinned wheels; check the network and the disk (2 GB, with CUDA 8 GB), \
         or point at a PyTorch of your own with --pytorch PYTHON",
    )?;
    remove(&folder)?;
    fs::rename(&unpacking, &folder)?;
    Ok(folder.join("torch"))
}

fn has_nvidia_gpu() -> bool {
    Path::new("/proc/driver/nvidia/version").exists() || Path::new("/dev/nvidia0").exists()
}

fn has_cuda_libraries(root: &Path) -> bool {
    root.join(".gavel/pytorch/nvidia/cudnn").exists()
}

fn relink(target: &Path, link: &Path) -> Result<()> {
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("could not link {} to {}", link.display(), target.display()))
}
