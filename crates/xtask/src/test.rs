//! Every test of every part, one after the other.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use gavel_toolkit::{GO, ZIGLANG};

use crate::{conformance, pip, plugins, setup, shell};

/// A test that cannot run here prints a line that begins so, with what was skipped and why.
const SKIPPED: &str = "skipped:";

pub fn run(root: &Path) -> Result<()> {
    setup::run(root, &setup::Args::default())?;
    eprintln!("test 1/5: formatting");
    shell::run(shell::cargo(root).args(["fmt", "--all", "--check"]))?;
    eprintln!("test 2/5: the plugins that are not in Rust");
    plugins::build(root, None)?;
    let python_sdk = ["-m", "unittest", "discover", "--quiet", "--start-directory", "sdk/python/tests"];
    shell::run(pip::python_for_plugins(root)?.args(python_sdk))?;
    test_c_sdk(root)?;
    test_go_sdk(root)?;
    shell::run(shell::command(root, "node").args(["--test", "--test-reporter=dot", "sdk/javascript/tests"]))?;
    // One profile serves tests and demo, so that wasmtime and libtorch's bindings are compiled once; and a debug
    // build of the plugin compiler or of the trainer is too slow to test with.
    eprintln!("test 3/5: every crate and plugin, in the release profile");
    let mut skipped = tee(shell::cargo(root)
        .args(["test", "--workspace", "--release", "--no-fail-fast"])
        .args(["--", "--show-output", "--test-threads=2"]))?;
    eprintln!("test 4/5: the documents of each plugin, as a plugin author would test them");
    let gavel = root.join("target/release/gavel");
    for plugin in plugins::verifiers(root)? {
        let mut test = shell::command(root, &gavel);
        test.args(["plugin", "test", "--grant", "interpreter", "--plugin-path", "plugins/interpreters"]);
        shell::run(test.arg(plugin))?;
    }
    let parity = ["plugins/math-verify/tests/parity.py", "--gavel", "target/release/gavel"];
    skipped.extend(tee(pip::python_for_plugins(root)?.args(parity))?);
    eprintln!("test 5/5: conformance, in every language");
    skipped.extend(conformance::check(root, &conformance::Args::default())?);
    skipped.push("tests on a CUDA device: the test run uses the CPU alone".to_owned());
    eprintln!("\nEverything passed. Skipped:");
    for what in skipped {
        eprintln!("  {what}");
    }
    Ok(())
}

/// Compiles the tests of the C SDK for this machine, where zig's sanitizer sees what WebAssembly would let pass, and runs
/// them.
fn test_c_sdk(root: &Path) -> Result<()> {
    let zig = crate::tools(root).wheels(&ZIGLANG, &|progress| eprintln!("{progress}"))?.join("ziglang/zig");
    let folder = root.join("target/conformance");
    std::fs::create_dir_all(&folder)?;
    let test = folder.join("c-sdk-test");
    let mut cc = shell::command(root, zig);
    cc.args([
        "cc",
        "-std=gnu17",
        "-Wall",
        "-Werror",
        "-fsanitize=undefined",
        "sdk/c/tests/json.c",
        "-lm",
        "-o",
    ]);
    shell::run(cc.arg(&test))?;
    shell::run(&mut shell::command(root, test))
}

/// Runs the tests of the Go SDK natively, with the pinned Go.
fn test_go_sdk(root: &Path) -> Result<()> {
    let tools = crate::tools(root);
    let go = tools.wheels(&GO, &|progress| eprintln!("{progress}"))?.join("go");
    let mut test = shell::command(&root.join("sdk/go"), go.join("bin/go"));
    test.env("GOROOT", &go).env("GOTOOLCHAIN", "local").env("GOWORK", "off");
    test.env("GOCACHE", root.join(".gavel/tools/go-cache"));
    shell::run(test.args(["test", "./..."]))
}

/// Runs a command, shows its standard output, and returns what its [`SKIPPED`] lines say.
fn tee(command: &mut Command) -> Result<Vec<String>> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("could not start {command:?}"))?;
    let stdout = child.stdout.take().expect("it was asked for");
    let mut skipped = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        if let Some(what) = line.trim_start().strip_prefix(SKIPPED) {
            skipped.push(what.trim().to_owned());
        }
    }
    if !child.wait()?.success() {
        bail!("tests failed; see above");
    }
    Ok(skipped)
}
