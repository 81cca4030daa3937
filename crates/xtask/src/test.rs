//! `cargo xtask test`: every test of every part, two parts at a time, and what each of them took.
//!
//! A part is a list of commands. What it prints goes into `target/xtask/NAME.log`; a part that fails shows the end of
//! it, and those that do not need it still run, so that one run says all that is wrong.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gavel_toolkit::{GO, ZIGLANG};

use crate::{dist, pip, plugins, setup, shell, wheel};

/// A test that cannot run here prints a line that begins so, with what was skipped and why.
const SKIPPED: &str = "skipped:";

/// How many parts run at the same time. Most spend long stretches on one core: linking, componentizing, waiting.
const AT_ONCE: usize = 2;

/// How often it is said what is running.
const PROGRESS: Duration = Duration::from_secs(60);

/// How many lines of its log a failed part shows.
const SHOWN: usize = 80;

#[derive(clap::Args, Default)]
pub struct Args {
    /// Run this part alone, without what it needs; may be repeated.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// List the parts and run none.
    #[arg(long)]
    list: bool,
    /// Run the tests of kernels, models and training on this machine's CUDA device, and nothing else; without a device they
    /// fail, where they are skipped otherwise.
    #[arg(long, conflicts_with = "only")]
    gpu: bool,
}

/// What `--gpu` runs.
const GPU: Part =
    Part { name: "gpu", what: "kernels, models and training on a CUDA device", needs: &[], commands: gpu };

/// What a test says that needs a CUDA device and has none.
const NO_DEVICE: &str = "there is no CUDA device here";

/// One row of the table at the end.
#[derive(Debug)]
struct Part {
    name: &'static str,
    /// What it tests, for the list.
    what: &'static str,
    /// The parts that have to have passed before it starts.
    needs: &'static [&'static str],
    commands: fn(&Path) -> Result<Vec<Command>>,
}

const PARTS: &[Part] = &[
    Part { name: "format", what: "rustfmt has nothing to change", needs: &[], commands: format },
    Part {
        name: "compile",
        what: "every crate, plugin and test, and the Python package's library, in the release profile",
        needs: &[],
        commands: compile,
    },
    Part {
        name: "plugins",
        what: "the plugins that are not in Rust are built",
        needs: &[],
        commands: plugins_not_in_rust,
    },
    Part {
        name: "sdk/python",
        what: "the tests of the Python SDK",
        needs: &["plugins"],
        commands: python_sdk,
    },
    Part { name: "sdk/c", what: "the tests of the C SDK, natively", needs: &[], commands: c_sdk },
    Part { name: "sdk/go", what: "the tests of the Go SDK, natively", needs: &[], commands: go_sdk },
    Part {
        name: "sdk/javascript",
        what: "the tests of the JavaScript SDK, natively",
        needs: &[],
        commands: javascript_sdk,
    },
    Part {
        name: "crates",
        what: "the tests of every crate and plugin",
        needs: &["compile", "plugins"],
        commands: crates,
    },
    Part {
        name: "conformance",
        what: "small verifiers in every language say the same, again and again",
        needs: &["compile", "plugins"],
        commands: conformance,
    },
    Part {
        name: "cases",
        what: "each plugin's cases and documents, as a plugin author would test them",
        needs: &["compile", "plugins"],
        commands: cases,
    },
    Part {
        name: "python",
        what: "the Python package, installed as a wheel",
        needs: &["compile"],
        commands: wheel::tests_of_workspace,
    },
    Part {
        name: "dist",
        what: "the archive, installed into an empty folder by its own script, judges, and finds its libtorch",
        needs: &["compile", "plugins"],
        commands: dist::tests_of_workspace,
    },
    Part {
        name: "parity",
        what: "math-verify says what Math-Verify says, and reasoning-gym what reasoning-gym does",
        needs: &["compile", "plugins"],
        commands: parity,
    },
];

/// What became of a part.
struct Ended {
    name: &'static str,
    result: Result<()>,
    took: Duration,
}

pub fn run(root: &Path, args: &Args) -> Result<()> {
    if args.list {
        for part in PARTS {
            println!("{:<15} {}", part.name, part.what);
        }
        return Ok(());
    }
    let parts = if args.gpu { vec![&GPU] } else { chosen(&args.only)? };
    let started = Instant::now();
    setup::run(root, &setup::Args::default())?;
    let set_up = started.elapsed();
    fs::create_dir_all(root.join("target/xtask"))?;
    let ended = run_parts(root, &parts, args.only.is_empty());
    print_table(&ended, set_up, started.elapsed());
    print_skipped(root, &ended)?;
    let failed: Vec<&str> = ended.iter().filter(|part| part.result.is_err()).map(|part| part.name).collect();
    if args.gpu {
        let said = fs::read_to_string(log(root, GPU.name))?;
        ensure!(!said.contains(NO_DEVICE), "{NO_DEVICE}: the tests in target/xtask/gpu.log were skipped");
    }
    let not_run = parts.len() - ended.len();
    ensure!(failed.is_empty(), "failed: {}; {not_run} parts that need them did not run", failed.join(", "));
    println!("Everything passed.");
    Ok(())
}

/// The parts that are asked for; all of them, if none is.
fn chosen(only: &[String]) -> Result<Vec<&'static Part>> {
    if let Some(unknown) = only.iter().find(|name| PARTS.iter().all(|part| part.name != name.as_str())) {
        let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        bail!("there is no part `{unknown}`; the parts are {}", names.join(", "));
    }
    Ok(PARTS.iter().filter(|part| only.is_empty() || only.iter().any(|name| name == part.name)).collect())
}

/// Runs the parts, those first that stand first, each as soon as what it needs has passed and a place is free.
fn run_parts(root: &Path, parts: &[&'static Part], in_order: bool) -> Vec<Ended> {
    let (sender, receiver) = mpsc::channel();
    let mut waiting: Vec<&'static Part> = parts.to_vec();
    let (mut running, mut ended) = (Vec::<(&str, Instant)>::new(), Vec::<Ended>::new());
    thread::scope(|scope| {
        loop {
            let passed = |need: &str| ended.iter().any(|part| part.name == need && part.result.is_ok());
            let is_ready = |part: &Part| !in_order || part.needs.iter().all(|need| passed(need));
            while running.len() < AT_ONCE
                && let Some(index) = waiting.iter().position(|part| is_ready(part))
            {
                let part = waiting.remove(index);
                let sender = sender.clone();
                eprintln!("test: {} ({}) ...", part.name, part.what);
                let started = Instant::now();
                scope.spawn(move || {
                    let result = run_part(root, part);
                    // The receiver lives as long as the scope.
                    let _ = sender.send(Ended { name: part.name, result, took: started.elapsed() });
                });
                running.push((part.name, started));
            }
            if running.is_empty() {
                break;
            }
            match receiver.recv_timeout(PROGRESS) {
                Ok(part) => {
                    running.retain(|(name, _)| *name != part.name);
                    report(root, &part);
                    ended.push(part);
                }
                Err(_) => running.iter().for_each(|(name, started)| show_progress(root, name, *started)),
            }
        }
    });
    ended
}

/// Says how long a part has been running, and the last line of its log.
fn show_progress(root: &Path, name: &str, started: Instant) {
    let said = fs::read(log(root, name)).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last: String = said.lines().last().unwrap_or_default().trim().chars().take(80).collect();
    eprintln!("test: {name}, {} s: {last}", started.elapsed().as_secs());
}

/// Runs a part's commands, with everything that they print in its log.
fn run_part(root: &Path, part: &Part) -> Result<()> {
    let path = log(root, part.name);
    fs::create_dir_all(path.parent().unwrap_or(root))?;
    let mut log = File::create(&path).with_context(|| format!("could not create {}", path.display()))?;
    for mut command in (part.commands)(root)? {
        writeln!(log, "$ {}", shell::shown(&command))?;
        let status = command
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log.try_clone()?))
            .status()
            .with_context(|| format!("could not start `{}`", shell::shown(&command)))?;
        ensure!(status.success(), "`{}` failed ({status})", shell::shown(&command));
    }
    Ok(())
}

fn log(root: &Path, part: &str) -> PathBuf {
    root.join("target/xtask").join(part).with_extension("log")
}

/// Says that a part is over; where it failed, with the end of its log, and the results of cargo's tests always, which
/// say how many there were.
fn report(root: &Path, part: &Ended) {
    let path = log(root, part.name);
    let said = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    match &part.result {
        Ok(()) => {
            lines.iter().filter(|line| line.starts_with("test result:")).for_each(|line| println!("{line}"));
            eprintln!("test: {} passed in {:.0} s", part.name, part.took.as_secs_f64());
        }
        Err(error) => {
            // Cargo names the tests that failed in the middle of a long log.
            let named = lines.iter().filter(|line| line.ends_with("... FAILED"));
            named.for_each(|line| println!("{line}"));
            lines.iter().skip(lines.len().saturating_sub(SHOWN)).for_each(|line| println!("{line}"));
            eprintln!("test: {} failed: {error:#}; all of it is in {}", part.name, path.display());
        }
    }
}

fn print_table(ended: &[Ended], set_up: Duration, wall: Duration) {
    let row = |name: &str, result: &str, took: Duration| {
        println!("{name:<15} {result:<8} {:>6.0} s", took.as_secs_f64());
    };
    println!();
    row("set-up", "done", set_up);
    for part in ended {
        row(part.name, if part.result.is_ok() { "passed" } else { "FAILED" }, part.took);
    }
    row("wall", "", wall);
}

/// What did not run here, and why: as the logs say it.
fn print_skipped(root: &Path, ended: &[Ended]) -> Result<()> {
    println!("\nSkipped:");
    let mut said = Vec::new();
    for part in ended {
        for line in BufReader::new(File::open(log(root, part.name))?).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let what = line.trim_start().strip_prefix(SKIPPED).map(|what| what.trim().to_owned());
            // Many tests are skipped for one reason.
            if let Some(what) = what.filter(|what| !said.contains(what)) {
                println!("  {what}");
                said.push(what);
            }
        }
    }
    println!();
    Ok(())
}

/// This task runner, for a part that is a task of its own.
fn xtask(root: &Path, args: &[&str]) -> Result<Command> {
    let mut command = shell::command(root, std::env::current_exe()?);
    command.args(args);
    Ok(command)
}

fn format(root: &Path) -> Result<Vec<Command>> {
    let mut fmt = shell::cargo(root);
    fmt.args(["fmt", "--all", "--check"]);
    Ok(vec![fmt])
}

/// One profile serves tests and demo, so that wasmtime and libtorch's bindings are compiled once; and a debug build of
/// the plugin compiler or of the trainer is too slow to test with.
const CRATES: [&str; 4] = ["test", "--workspace", "--release", "--no-fail-fast"];

fn compile(root: &Path) -> Result<Vec<Command>> {
    let mut compile = shell::cargo(root);
    compile.args(CRATES).arg("--no-run");
    Ok(vec![compile, wheel::library_of_workspace(root)])
}

fn crates(root: &Path) -> Result<Vec<Command>> {
    let mut test = shell::cargo(root);
    test.args(CRATES).args(["--", "--show-output", "--test-threads=2"]);
    Ok(vec![test])
}

/// One test at a time: they share a card, and say how fast it is.
fn gpu(root: &Path) -> Result<Vec<Command>> {
    let mut test = shell::cargo(root);
    test.args([
        "test",
        "--release",
        "--no-fail-fast",
        "-p",
        "gavel-torch",
        "-p",
        "gavel-model",
        "-p",
        "gavel-train",
    ]);
    test.args(["--", "--show-output", "--test-threads=1"]);
    // Where a backward pass comes before CUDA's library is loaded, as in some tests on the CPU, torch takes it for granted
    // from then on that there is no device.
    let library = root.join(".gavel/libtorch/lib/libtorch_cuda.so");
    let runner = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase());
    test.env(runner, format!("env LD_PRELOAD={}", library.display()));
    Ok(vec![test])
}

fn plugins_not_in_rust(root: &Path) -> Result<Vec<Command>> {
    Ok(vec![xtask(root, &["plugins"])?])
}

fn python_sdk(root: &Path) -> Result<Vec<Command>> {
    let mut python = pip::python_for_plugins(root)?;
    python.args(["-m", "unittest", "discover", "--quiet", "--start-directory", "sdk/python/tests"]);
    Ok(vec![python])
}

/// Compiles the tests of the C SDK for this machine, where zig's sanitizer sees what WebAssembly would let pass, and runs
/// them.
fn c_sdk(root: &Path) -> Result<Vec<Command>> {
    let zig = crate::tools(root).wheels(&ZIGLANG, &|progress| eprintln!("{progress}"))?.join("ziglang/zig");
    let folder = root.join("target/conformance");
    fs::create_dir_all(&folder)?;
    let test = folder.join("c-sdk-test");
    let mut cc = shell::command(root, zig);
    cc.args(["cc", "-std=gnu17", "-Wall", "-Werror", "-fsanitize=undefined", "sdk/c/tests/json.c", "-lm"]);
    cc.arg("-o").arg(&test);
    Ok(vec![cc, shell::command(root, test)])
}

/// Runs the tests of the Go SDK natively, with the pinned Go.
fn go_sdk(root: &Path) -> Result<Vec<Command>> {
    let go = crate::tools(root).wheels(&GO, &|progress| eprintln!("{progress}"))?.join("go");
    let mut test = shell::command(&root.join("sdk/go"), go.join("bin/go"));
    test.env("GOROOT", &go).env("GOTOOLCHAIN", "local").env("GOWORK", "off");
    test.env("GOCACHE", root.join(".gavel/tools/go-cache"));
    test.args(["test", "./..."]);
    Ok(vec![test])
}

fn javascript_sdk(root: &Path) -> Result<Vec<Command>> {
    let mut node = shell::command(root, "node");
    node.args(["--test", "--test-reporter=dot", "sdk/javascript/tests"]);
    Ok(vec![node])
}

fn conformance(root: &Path) -> Result<Vec<Command>> {
    Ok(vec![xtask(root, &["conformance", "--built"])?])
}

fn cases(root: &Path) -> Result<Vec<Command>> {
    let test = |plugin: PathBuf| {
        let mut test = shell::command(root, root.join("target/release/gavel"));
        test.args(["plugin", "test", "--grant", "interpreter", "--plugin-path", "plugins/interpreters"]);
        test.arg(plugin);
        test
    };
    Ok(plugins::verifiers(root)?.into_iter().map(test).collect())
}

fn parity(root: &Path) -> Result<Vec<Command>> {
    let mut parity = pip::python_for_plugins(root)?;
    parity.args(["plugins/math-verify/tests/parity.py", "--gavel", "target/release/gavel"]);
    let mut of_gym = pip::python_for_plugins(root)?;
    of_gym.args(["plugins/reasoning-gym/tests/parity.py", "--gavel", "target/release/gavel", "--every", "6"]);
    Ok(vec![parity, of_gym])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_needs_parts_that_stand_before_it() {
        for (index, part) in PARTS.iter().enumerate() {
            for need in part.needs {
                assert!(
                    PARTS[..index].iter().any(|before| before.name == *need),
                    "{} needs {need}",
                    part.name
                );
            }
        }
    }

    #[test]
    fn an_unknown_part_is_named() {
        let error = chosen(&["crate".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no part `crate`; the parts are format, compile"), "{error}");
    }

    fn prints_and_fails(root: &Path) -> Result<Vec<Command>> {
        let mut command = shell::command(root, "sh");
        command.args(["-c", "echo began; echo said; exit 3"]);
        Ok(vec![command])
    }

    fn passes(root: &Path) -> Result<Vec<Command>> {
        Ok(vec![shell::command(root, "true")])
    }

    #[test]
    fn what_needs_a_failed_part_does_not_run_and_all_else_does() {
        static PARTS: [Part; 4] = [
            Part { name: "a", what: "", needs: &[], commands: prints_and_fails },
            Part { name: "b", what: "", needs: &["a"], commands: passes },
            Part { name: "c/d", what: "", needs: &[], commands: passes },
            Part { name: "e", what: "", needs: &["c/d"], commands: passes },
        ];
        let root = tempfile::tempdir().unwrap();
        let ended = run_parts(root.path(), &PARTS.iter().collect::<Vec<_>>(), true);
        let passed = |name: &str| ended.iter().find(|part| part.name == name).map(|part| part.result.is_ok());
        let became = ["a", "b", "c/d", "e"].map(passed);
        assert_eq!(became, [Some(false), None, Some(true), Some(true)]);
        let log = fs::read_to_string(log(root.path(), "a")).unwrap();
        assert!(log.ends_with("began\nsaid\n"), "{log}");
    }
}
