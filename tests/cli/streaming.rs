//! `gavel score` on endless input: in order, as it comes, in constant memory, and stopped at any moment.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gavel::Folder;

const COUNTDOWN: &str = "[verifiers.accuracy]\nplugin = 'countdown'\n";

/// Far longer than anything here takes; a hang fails the test instead of holding it up for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// A `gavel score` that reads from a pipe.
struct Scoring {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Scoring {
    fn start(folder: &Folder, args: &[&str]) -> Self {
        let mut command = folder.gavel(&[&["score", "-r", "reward.toml"], args].concat());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Self { child, stdin, stdout }
    }

    /// Waits for the end; the exit code and what was said on stderr.
    fn end(mut self) -> (Option<i32>, String) {
        drop((self.stdin.take(), self.stdout.take()));
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "gavel did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }
}

impl Drop for Scoring {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A line whose task takes longer to judge, the larger `size` is.
fn line(id: usize, size: usize) -> String {
    let sum = vec!["1"; size + 1].join("+");
    let numbers = vec!["1"; size + 1].join(", ");
    format!(
        "{{\"id\": {id}, \"prompt\": \"\", \"completion\": \"<answer>{sum}</answer>\", \"numbers\": [{numbers}], \
         \"target\": {}}}\n",
        size + 1
    )
}

#[test]
fn lines_come_in_the_order_of_the_input() {
    let input: String = (0..3_000).map(|id| line(id, if id % 7 == 0 { 60 } else { 1 })).collect();
    let output =
        Folder::with_reward(COUNTDOWN).run_with_input(&["score", "-r", "reward.toml", "-j", "4"], &input);
    let ids: Vec<u64> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| {
            assert_eq!(row["reward"], 1.0, "{row}");
            row["id"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(ids, (0..3_000).collect::<Vec<_>>());
}

#[test]
fn a_line_comes_out_before_the_next_goes_in() {
    let folder = Folder::with_reward(COUNTDOWN);
    let mut scoring = Scoring::start(&folder, &[]);
    let mut stdout = scoring.stdout.take().unwrap();
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while stdout.read_line(&mut line).unwrap() > 0 {
            sender.send(std::mem::take(&mut line)).unwrap();
        }
    });
    for id in 0..3 {
        scoring.stdin.as_mut().unwrap().write_all(line(id, 1).as_bytes()).unwrap();
        let scored = lines.recv_timeout(PATIENCE).expect("a line waits for the next");
        assert_eq!(serde_json::from_str::<Value>(&scored).unwrap()["id"], id);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_input() {
    /// The most memory that the process has held so far, in bytes.
    fn peak(child: &Child) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Sends `count` lines of 4 KiB through, and waits for all of them.
    fn send(stdin: &mut ChildStdin, stdout: &mut BufReader<ChildStdout>, count: usize) {
        let padded = line(0, 1).replace("\"prompt\": \"\"", &format!("\"prompt\": \"{}\"", "x".repeat(4096)));
        std::thread::scope(|scope| {
            scope.spawn(|| (0..count).for_each(|_| stdin.write_all(padded.as_bytes()).unwrap()));
            let mut scored = String::new();
            for _ in 0..count {
                scored.clear();
                assert!(stdout.read_line(&mut scored).unwrap() > 0, "gavel ended early");
            }
        });
    }

    let folder = Folder::with_reward(COUNTDOWN);
    let mut scoring = Scoring::start(&folder, &["-j", "2"]);
    let (mut stdin, mut stdout) = (scoring.stdin.take().unwrap(), scoring.stdout.take().unwrap());
    send(&mut stdin, &mut stdout, 2_000);
    let before = peak(&scoring.child);
    send(&mut stdin, &mut stdout, 40_000);
    let grown = peak(&scoring.child).saturating_sub(before);
    // 160 MiB went through.
    assert!(grown < 16 << 20, "the memory grew by {grown} bytes");
    scoring.stdin = Some(stdin);
    assert_eq!(scoring.end().0, Some(0));
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_whole_lines() {
    let folder = Folder::with_reward(COUNTDOWN);
    let mut scoring = Scoring::start(&folder, &["-o", "out.jsonl"]);
    let mut stdin = scoring.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let line = line(0, 8);
        // Until gavel has gone.
        while stdin.write_all(line.as_bytes()).is_ok() {}
    });
    wait_for_output(&folder);
    signal(scoring.child.id(), "INT");
    let (code, stderr) = scoring.end();
    writer.join().unwrap();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("scored "), "the summary is missing: {stderr}");
    let output = folder.read("out.jsonl");
    let lines = output.lines().count();
    assert!(stderr.contains(&format!("error: interrupted after {lines} lines: ")), "{lines}: {stderr}");
    assert!(output.ends_with('\n'));
    for line in output.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["reward"], 1.0);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_while_waiting_for_input() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let folder = Folder::with_reward(COUNTDOWN);
        let mut scoring = Scoring::start(&folder, &["-o", "out.jsonl"]);
        let mut stdin = scoring.stdin.take().unwrap();
        stdin.write_all(line(0, 1).as_bytes()).unwrap();
        wait_for_output(&folder);
        signal(scoring.child.id(), name);
        let (found, stderr) = scoring.end();
        drop(stdin);
        assert_eq!(found, Some(code), "{stderr}");
        assert_eq!(folder.read("out.jsonl").lines().count(), 1);
        let record: Value = serde_json::from_str(&folder.read("out.record.json")).unwrap();
        assert_eq!(record["submissions"], 1);
    }
}

/// Opening a pipe that nobody writes to takes for ever, as a plugin might take to load.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_before_there_is_anything_to_save_ends_at_once() {
    /// The signals that the process handles, as bits.
    fn handled(process: u32) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    }
    for (name, number, code) in [("INT", 2, 130), ("TERM", 15, 143)] {
        let folder = Folder::with_reward(COUNTDOWN);
        assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
        let scoring = Scoring::start(&folder, &["pipe", "-o", "out.jsonl"]);
        let deadline = Instant::now() + PATIENCE;
        while handled(scoring.child.id()) & (1 << (number - 1)) == 0 {
            assert!(Instant::now() < deadline, "it does not listen");
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(scoring.child.id(), name);
        assert_eq!(scoring.end(), (Some(code), String::new()));
        assert!(!folder.path("out.jsonl").exists());
    }
}

#[test]
fn a_reader_that_leaves_is_said() {
    let folder = Folder::with_reward(COUNTDOWN);
    let mut scoring = Scoring::start(&folder, &[]);
    let mut stdin = scoring.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let line = line(0, 1);
        while stdin.write_all(line.as_bytes()).is_ok() {}
    });
    let mut first = String::new();
    scoring.stdout.take().unwrap().read_line(&mut first).unwrap();
    let (code, stderr) = scoring.end();
    writer.join().unwrap();
    assert_eq!(code, Some(141), "{stderr}");
    assert!(stderr.starts_with("error: cannot write to stdout after "), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[cfg(unix)]
fn wait_for_output(folder: &Folder) {
    let deadline = Instant::now() + PATIENCE;
    while std::fs::metadata(folder.path("out.jsonl")).map_or(0, |file| file.len()) == 0 {
        assert!(Instant::now() < deadline, "nothing was written");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap();
    assert!(status.success());
}
