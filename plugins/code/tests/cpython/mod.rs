//! Stands in for gavel's Python interpreter in native tests: the machine's `python3`, one process for each program.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use gavel_plugin::interpreter::{Ending, Outcome, Program};

/// Bytes of standard output that are kept.
const OUTPUT: u64 = 4 << 20;

/// SIGXCPU: the limit on processor time, which stands for fuel here.
const OUT_OF_TIME: i32 = 24;

/// The `python3` of the machine, as it calls itself: what is first on the path may be a script that looks for one, which
/// takes longer than most programs.
fn python() -> Option<&'static str> {
    static PYTHON: OnceLock<Option<String>> = OnceLock::new();
    let found = PYTHON.get_or_init(|| {
        let output =
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|path| !path.is_empty())
    });
    found.as_deref()
}

/// Whether there is a `python3`; if not, says that the test was skipped.
pub(crate) fn python_is_there() -> bool {
    let there = python().is_some();
    if !there {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: python3 is not there");
        }
    }
    there
}

/// Runs a program with eight seconds of processor time and 1 GiB of memory.
pub(crate) fn run(program: &Program) -> Outcome {
    let unavailable = |why: &str| Outcome {
        ending: Ending::Unavailable(why.to_owned()),
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    if program.language != "python" {
        return unavailable("only python here");
    }
    let Some(python) = python() else { return unavailable("there is no python3") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.py");
    std::fs::write(&path, &program.source).unwrap();
    let mut child = Command::new("sh")
        .args([
            "-c",
            "ulimit -S -t 8; ulimit -v 1048576; exec \"$1\" -I -X utf8 -X int_max_str_digits=0 \"$0\"",
        ])
        .arg(&path)
        .arg(python)
        .current_dir(folder.path())
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), program.stdin.clone());
    let writer = thread::spawn(move || _ = stdin.write_all(&input));
    let mut errors = child.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        _ = errors.by_ref().take(OUTPUT).read_to_end(&mut text);
        text
    });
    let mut stdout = Vec::new();
    _ = child.stdout.take().unwrap().take(OUTPUT).read_to_end(&mut stdout);
    let full = stdout.len() as u64 == OUTPUT;
    if full {
        _ = child.kill();
    }
    let status = child.wait().unwrap();
    _ = writer.join();
    let stderr = reader.join().unwrap();
    let ending = match (status.code(), status.signal()) {
        _ if full => Ending::OutputTooLarge,
        (Some(1), _) if stderr.starts_with(b"Traceback") || stderr.starts_with(b"  File") => Ending::Raised,
        (Some(code), _) => Ending::Exited(code as u8),
        (None, Some(OUT_OF_TIME)) => Ending::OutOfFuel,
        (None, signal) => Ending::Trapped(format!("signal {signal:?}")),
    };
    Outcome { ending, stdout, stderr }
}
