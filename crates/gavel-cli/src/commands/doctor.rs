//! `gavel doctor`: what there is on this machine of what gavel's commands need, and the line that mends what is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::Context;
use bytesize::ByteSize;
use gavel_host::{ENGINE, Host, HostConfig, STACK};

use super::train;
use crate::cli::DoctorArgs;
use crate::exit::{ExitStatus, Stop};
use crate::terminal::{EXPECTED, FOUND, Page};

/// One thing that was looked for.
struct Finding {
    what: &'static str,
    /// What there is; `Err` has what is missing.
    found: Result<String, String>,
    /// What it is for.
    purpose: &'static str,
    /// What to do where it is missing.
    cure: &'static str,
}

/// Looks for everything, and says what is there; fails only where not even scoring can work.
pub(super) fn run(args: &DoctorArgs) -> Result<ExitStatus, Stop> {
    let sections = [
        ("to score", vec![engine(), stack(), cache(args), plugin_path(args)]),
        ("to judge programs (`code`)", vec![interpreter(args, "python"), interpreter(args, "javascript")]),
        (
            "to build plugins",
            vec![target(), tool("python3"), tool("node"), tool("go"), nim(args), tools(args)],
        ),
        ("to train", vec![trainer()]),
    ];
    let mut page = Page::default();
    page.text(&format!("gavel {}\n", env!("CARGO_PKG_VERSION")));
    for (title, findings) in &sections {
        page.text(&format!("\n{title}\n"));
        findings.iter().for_each(|finding| add(&mut page, finding));
    }
    page.print().context("cannot write to stdout")?;
    let can_score = sections[0].1.iter().all(|finding| finding.found.is_ok());
    Ok(if can_score { ExitStatus::Success } else { ExitStatus::Failure })
}

fn add(page: &mut Page, Finding { what, found, purpose, cure }: &Finding) {
    match found {
        Ok(there) => {
            page.text("  ").styled(FOUND, "ok      ").text(&format!(" {what:<11} {there}\n"));
        }
        Err(missing) => {
            page.text("  ").styled(EXPECTED, "missing ").text(&format!(" {what:<11} {missing}\n"));
            page.text(&format!("{:23}for {purpose}\n{:23}{cure}\n", "", ""));
        }
    }
}

/// The engine starts, and has room for instances.
fn engine() -> Finding {
    let host = Host::new(HostConfig { slots: 1, ..HostConfig::default() });
    Finding {
        what: "engine",
        found: host.map(|_| ENGINE.to_owned()).map_err(|error| error.to_string()),
        purpose: "running plugins",
        cure: "give this process more address space (`ulimit -v unlimited`)",
    }
}

/// A thread can have the stack that judging needs.
fn stack() -> Finding {
    let started = thread::Builder::new().stack_size(STACK).spawn(|| {});
    let size = ByteSize::b(STACK as u64).display().iec();
    Finding {
        what: "stack",
        found: started
            .and_then(|thread| thread.join().map_err(|_| std::io::ErrorKind::Other.into()))
            .map(|()| format!("{size} for each thread that judges"))
            .map_err(|error| format!("{size} for a thread: {error}")),
        purpose: "every thread that judges",
        cure: "raise the limit on memory (`ulimit -v`), or judge with fewer threads (`--jobs`)",
    }
}

/// Where compiled plugins are kept.
fn cache(args: &DoctorArgs) -> Finding {
    let config = HostConfig {
        cache_dir: args.cache.folder(),
        cache_size: args.cache.size(),
        slots: 1,
        ..HostConfig::default()
    };
    let (folder, most) =
        (config.cache_dir.clone(), ByteSize::b(config.cache_size).display().iec().to_string());
    let found = match (folder, Host::new(config)) {
        (None, _) => Err("there is no folder for compiled plugins, and none can be made".to_owned()),
        (Some(folder), Ok(host)) => match host.warnings().first() {
            Some(warning) => Err(warning.to_string()),
            None => {
                let held = ByteSize::b(size(&folder)).display().iec().to_string();
                Ok(format!("{}, {held} of at most {most}", folder.display()))
            }
        },
        (Some(_), Err(error)) => Err(error.to_string()),
    };
    Finding {
        what: "cache",
        found,
        purpose: "not compiling every plugin anew in every command",
        cure: "name a folder that is yours alone with --cache-dir or GAVEL_CACHE_DIR",
    }
}

/// The folders in which plugins are looked for.
fn plugin_path(args: &DoctorArgs) -> Finding {
    let folders = args.path.resolve();
    let absent: Vec<String> =
        folders.iter().filter(|folder| !folder.is_dir()).map(|folder| folder.display().to_string()).collect();
    let shown: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let embedded = format!("{} embedded plugins", gavel_plugins::FirstParty::names().len());
    Finding {
        what: "plugins",
        found: if absent.is_empty() {
            Ok([vec![embedded], shown].concat().join(", "))
        } else {
            Err(format!("no such folder: {}", absent.join(", ")))
        },
        purpose: "finding plugins by name",
        cure: "make the folder, or leave it out of --plugin-path and GAVEL_PLUGIN_PATH",
    }
}

/// The interpreter of a language.
fn interpreter(args: &DoctorArgs, language: &'static str) -> Finding {
    let found = gavel_plugins::FoundPlugin::called(
        language,
        Path::new(""),
        &args.path.resolve(),
        &gavel_plugins::WatchedFiles::default(),
    );
    Finding {
        what: language,
        found: found.map(|found| found.shown()).map_err(|_| "not on the plugin path".to_owned()),
        purpose: "running the programs of completions in this language",
        cure: "`cargo xtask plugins` in gavel's checkout builds it; `--plugin-path plugins/interpreters` finds it there",
    }
}

/// Rust's standard library for plugins.
fn target() -> Finding {
    const TARGET: &str = "wasm32-wasip2";
    let folder = said("rustc", &["--print", "target-libdir", "--target", TARGET]);
    Finding {
        what: "rust",
        found: match folder {
            Some(folder) if Path::new(&folder).is_dir() => {
                Ok(format!("{} with {TARGET}", said("rustc", &["--version"]).unwrap_or_default()))
            }
            Some(_) => Err(format!("rustc has no {TARGET}")),
            None => Err("no rustc on PATH".to_owned()),
        },
        purpose: "plugins in Rust",
        cure: "https://rustup.rs, then `rustup target add wasm32-wasip2`",
    }
}

/// A compiler or runtime that its users have, on PATH.
fn tool(program: &'static str) -> Finding {
    let (argument, purpose, cure) = match program {
        "python3" => (
            "--version",
            "plugins in Python, and what installs zig and Go",
            "https://www.python.org (3.10 or later)",
        ),
        "node" => (
            "--version",
            "plugins in JavaScript, TypeScript and AssemblyScript",
            "https://nodejs.org (20 or later)",
        ),
        _ => (
            "version",
            "plugins in Go",
            "nothing to do: a pinned one is installed beside the plugin by Python",
        ),
    };
    Finding {
        what: program,
        found: said(program, &[argument]).ok_or_else(|| "not on PATH".to_owned()),
        purpose,
        cure,
    }
}

/// Nim on PATH, or as gavel's own set-up unpacks it.
fn nim(args: &DoctorArgs) -> Finding {
    let unpacked = || args.tools.resolve(Path::new(".")).nim();
    Finding {
        what: "nim",
        found: said("nim", &["--version"])
            .or_else(|| Some(format!("{} (gavel's set-up)", unpacked()?.join("bin/nim").display())))
            .ok_or_else(|| "not on PATH".to_owned()),
        purpose: "plugins in Nim",
        cure: "https://nim-lang.org/install.html (1.6 or later)",
    }
}

/// What `gavel plugin build` has installed.
fn tools(args: &DoctorArgs) -> Finding {
    let tools = args.tools.resolve(Path::new("."));
    let folder = tools.folder();
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let there =
        if names.is_empty() { "nothing yet; the first build installs".to_owned() } else { names.join(", ") };
    Finding {
        what: "tools",
        found: Ok(format!("{}: {there}", folder.display())),
        purpose: "pinned compilers",
        cure: "",
    }
}

/// The trainer, with what it says of libtorch and its devices.
fn trainer() -> Finding {
    let program = train::beside_this_one().unwrap_or_else(|_| PathBuf::from("gavel-train"));
    let found = if program.is_file() {
        let ran = Command::new(&program).arg("devices").stdin(Stdio::null()).output();
        match ran {
            Ok(output) if output.status.success() => Ok(first_line(&output.stdout)),
            Ok(output) => Err(format!("it does not start: {}", first_line(&output.stderr))),
            Err(error) => Err(format!("it does not start: {error}")),
        }
    } else {
        Err(format!("{} is not there", program.display()))
    };
    Finding {
        what: "gavel-train",
        found,
        purpose: "`gavel train`, `eval` and `generate`",
        cure: "`cargo xtask setup` (libtorch), then `cargo build --release -p gavel-cli`, in gavel's checkout",
    }
}

/// The first line that a program writes to stdout; `None` where it does not run.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| first_line(&output.stdout))
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}

/// Bytes of the files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
