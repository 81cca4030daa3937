//! Stands in for gavel's JavaScript interpreter in native tests: the machine's `node`, one process for each program.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use gavel_plugin::interpreter::{Ending, Outcome, Program};

/// Whether there is a `node`; if not, says that the test was skipped.
pub(crate) fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| Command::new("node").arg("--version").output().is_ok());
    if !there {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: node is not there");
        }
    }
    there
}

/// Runs a program as a script with five seconds of processor time.
pub(crate) fn run(program: &Program) -> Outcome {
    if program.language != "javascript" {
        let ending = Ending::Unavailable("only javascript here".to_owned());
        return Outcome { ending, stdout: Vec::new(), stderr: Vec::new() };
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.cjs");
    std::fs::write(&path, &program.source).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -t 5; exec node \"$0\""])
        .arg(&path)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing closes its end.
    _ = child.stdin.take().unwrap().write_all(&program.stdin);
    let output = child.wait_with_output().unwrap();
    let ending = match output.status.code() {
        Some(1) if !output.stderr.is_empty() => Ending::Raised,
        Some(code) => Ending::Exited(code as u8),
        None => Ending::OutOfFuel,
    };
    Outcome { ending, stdout: output.stdout, stderr: output.stderr }
}
