//! Compiles the first-party plugins to WebAssembly, so that they can be embedded.
//!
//! A cargo of its own builds them into a subfolder of the target folder: the outer cargo holds the lock of the
//! target folder itself.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "plugin";

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let plugins = plugins(&workspace)?;
    let inputs =
        ["crates/gavel-text", "sdk/rust", "sdk/wit", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"];
    // From this crate's folder, so that a target folder that was copied with the repository notices its own changes.
    for input in inputs {
        println!("cargo::rerun-if-changed=../../{input}");
    }
    // Not the folder above them: the components of the plugins that are not in Rust are written there, and each of them
    // would have half of the workspace compiled again. A new plugin in Rust is a new entry of Cargo.lock.
    for name in &plugins {
        println!("cargo::rerun-if-changed=../../plugins/{name}");
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // OUT_DIR is target/PROFILE/build/PACKAGE/out.
    let target = out.ancestors().nth(3).ok_or("OUT_DIR is not where cargo puts it")?.join("gavel-plugins");
    require_target()?;
    compile(&workspace, &target, &plugins)?;
    embed(&workspace, &target.join(TARGET).join(PROFILE), &plugins, &out)
}

/// The names of the folders of `plugins/` that hold a plugin in Rust, in alphabetical order.
fn plugins(workspace: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace.join("plugins"))? {
        let folder = entry?.path();
        if folder.join("gavel.toml").is_file() && folder.join("Cargo.toml").is_file() {
            let name =
                folder.file_name().and_then(|name| name.to_str()).ok_or("a plugin's folder is not UTF-8")?;
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Says how to get the standard library for WebAssembly, rather than leave it to rustc's `can't find crate`.
fn require_target() -> Result<(), Box<dyn Error>> {
    let rustc = std::env::var("RUSTC")?;
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output()?;
    if Path::new(String::from_utf8(output.stdout)?.trim()).is_dir() {
        return Ok(());
    }
    Err(format!(
        "the first-party plugins are compiled to {TARGET}, which this Rust lacks: \
         run `cargo xtask setup`, or `rustup target add {TARGET}`"
    )
    .into())
}

fn compile(workspace: &Path, target: &Path, plugins: &[String]) -> Result<(), Box<dyn Error>> {
    if plugins.is_empty() {
        return Ok(()); // Without a `--package`, cargo would build everything.
    }
    let mut cargo = Command::new(std::env::var("CARGO")?);
    cargo.current_dir(workspace).args([
        "build",
        "--quiet",
        "--lib",
        "--target",
        TARGET,
        "--profile",
        PROFILE,
    ]);
    cargo.arg("--target-dir").arg(target);
    for plugin in plugins {
        cargo.arg("--package").arg(format!("gavel-plugin-{plugin}"));
    }
    // What the outer build was told about its own target and compiler wrappers (clippy is one) is not for this one.
    for name in
        ["RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"]
    {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace));
    match cargo.status()? {
        status if status.success() => Ok(()),
        status => {
            Err(format!("compiling the first-party plugins failed ({status}); the errors are above").into())
        }
    }
}

/// Flags that let plugins compare sixteen bytes in one instruction, and that keep this machine's folders out of them, so
/// that they have the same digest everywhere.
fn flags(workspace: &Path) -> String {
    let mut flags =
        format!("-Ctarget-feature=+simd128\u{1f}--remap-path-prefix={}=/gavel", workspace.display());
    let home = std::env::var("CARGO_HOME").ok().map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    if let Some(home) = home {
        // Writing to a string cannot fail.
        let _ = write!(flags, "\u{1f}--remap-path-prefix={}=/cargo", home.display());
    }
    flags
}

/// Writes the table of plugins that `src/first_party.rs` includes.
fn embed(workspace: &Path, built: &Path, plugins: &[String], out: &Path) -> Result<(), Box<dyn Error>> {
    let mut table = String::from("static FIRST_PARTY: &[FirstParty] = &[\n");
    for name in plugins {
        let wasm = built.join(format!("gavel_plugin_{}.wasm", name.replace('-', "_")));
        let copy = out.join(format!("{name}.wasm"));
        fs::copy(&wasm, &copy).map_err(|error| format!("cannot copy {}: {error}", wasm.display()))?;
        let folder = workspace.join("plugins").join(name);
        let (manifest, cases) = (folder.join("gavel.toml"), folder.join("cases.jsonl"));
        writeln!(
            table,
            "    FirstParty {{ name: {name:?}, wasm: include_bytes!({copy:?}), manifest: include_str!({manifest:?}), \
             cases: include_str!({cases:?}) }},"
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("first_party.rs"), table)?;
    Ok(())
}
