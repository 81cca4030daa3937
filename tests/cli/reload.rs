//! `gavel score --watch`: plugins and reward files are replaced while lines go through.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::Value;

use crate::add_a_reward::digest;
use crate::gavel::Folder;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Longer than the least time between two looks at the files.
const LOOK: Duration = Duration::from_millis(250);

const REWARD: &str = "[verifiers.a]\nplugin = './a.wasm'\n";

/// A command whose verdict is always this number from 0 to 9.
pub(crate) fn always(digit: u8) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 16) "{{\"reward\":{digit}}}")
             (data (i32.const 0) "\10\00\00\00\0c\00\00\00")
             (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    ))
    .unwrap()
}

/// A `gavel score` that is fed line by line.
struct Scoring {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Scoring {
    fn start(folder: &Folder, args: &[&str]) -> Self {
        let mut command = folder.gavel(&[&["score", "-r", "reward.toml"], args].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let (stdout, stderr) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, stdin, stdout, stderr }
    }

    /// Has one more line scored.
    fn score(&mut self) -> Value {
        self.stdin.as_mut().unwrap().write_all(b"{\"prompt\": \"\", \"completion\": \"\"}\n").unwrap();
        let line = self.stdout.recv_timeout(PATIENCE).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The next line that a person reads.
    fn said(&self) -> String {
        self.stderr.recv_timeout(PATIENCE).unwrap()
    }

    /// Ends the input; the exit code and the rest of what a person reads.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        drop(self.stdin.take());
        let rest = self.stderr.iter().collect();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Scoring {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines(reader: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            // A test that failed reads no more.
            drop(sender.send(line));
        }
    });
    lines
}

/// Replaces a file of the folder, as a build does, and waits until it is time to look again.
fn replace(folder: &Folder, name: &str, content: impl AsRef<[u8]>) {
    fs::write(folder.path(name), content).unwrap();
    std::thread::sleep(LOOK);
}

#[test]
fn a_new_build_judges_the_next_line_and_a_broken_one_does_not() {
    let folder = Folder::with_reward(REWARD).file("a.wasm", always(1));
    let short = || digest(&folder.path("a.wasm"))[..12].to_owned();
    let first = short();
    let mut scoring = Scoring::start(&folder, &["--watch"]);
    assert_eq!(scoring.score()["reward"], 1.0);

    replace(&folder, "a.wasm", always(2));
    let second = short();
    assert_eq!(scoring.score()["reward"], 2.0);
    assert_eq!(scoring.said(), format!("reloaded a: {first} → {second}"));

    replace(&folder, "a.wasm", "garbage");
    assert_eq!(scoring.score()["reward"], 2.0);
    assert_eq!(
        scoring.said(),
        "error: not reloaded, what judged before goes on: reward.toml:2:10: `verifiers.a.plugin`: ./a.wasm is not \
         WebAssembly: it does not start with `\\0asm`"
    );
    std::thread::sleep(LOOK);
    assert_eq!(scoring.score()["reward"], 2.0, "and the error is not said again, see below");

    replace(&folder, "a.wasm", always(3));
    assert_eq!(scoring.score()["reward"], 3.0);
    assert_eq!(scoring.said(), format!("reloaded a: {second} → {}", short()));
    let (code, rest) = scoring.end();
    assert_eq!(code, Some(0));
    assert!(rest[0].starts_with("scored 5 submissions "), "{rest:?}");
}

#[test]
fn a_verifier_is_added_to_a_reward_that_is_in_use() {
    let folder = Folder::with_reward(REWARD).file("a.wasm", always(1));
    let mut scoring = Scoring::start(&folder, &["--watch"]);
    assert_eq!(scoring.score()["reward"], 1.0);
    fs::write(folder.path("b.wasm"), always(5)).unwrap();
    let two = format!("[verifiers.b]\nplugin = './b.wasm'\n{REWARD}[reward]\nformula = 'a + b'\n");
    replace(&folder, "reward.toml", two);
    let scored = scoring.score();
    assert_eq!(scored["reward"], 6.0);
    assert_eq!(scored["outcomes"].as_object().unwrap().keys().collect::<Vec<_>>(), ["b", "a"]);
    let added = format!("reloaded b: none → {}", &digest(&folder.path("b.wasm"))[..12]);
    assert_eq!(scoring.said(), added);
    assert!(scoring.said().starts_with("reloaded reward.toml: "));
    let (_, rest) = scoring.end();
    let counted = |name: &str, count: u32| {
        rest.iter()
            .any(|line| line.trim_start().starts_with(name) && line.ends_with(&format!("verdict {count}")))
    };
    assert!(counted("a ", 2) && counted("b ", 1), "{rest:?}");
}

#[test]
fn without_watch_nothing_changes() {
    let folder = Folder::with_reward(REWARD).file("a.wasm", always(1));
    let mut scoring = Scoring::start(&folder, &[]);
    assert_eq!(scoring.score()["reward"], 1.0);
    replace(&folder, "a.wasm", always(2));
    assert_eq!(scoring.score()["reward"], 1.0);
    assert!(scoring.end().1[0].starts_with("scored 2 submissions "));
}

#[test]
fn a_record_has_everything_that_judged() {
    let folder = Folder::with_reward(REWARD).file("a.wasm", always(1));
    let mut scoring = Scoring::start(&folder, &["--watch", "--record", "record.json"]);
    let record = || serde_json::from_str::<Value>(&folder.read("record.json")).unwrap();
    let sha256 = || format!("sha256:{}", digest(&folder.path("a.wasm")));
    scoring.score();
    let first = sha256();
    replace(&folder, "a.wasm", always(2));
    scoring.score();
    scoring.score();
    assert_eq!(record()["submissions"], Value::Null, "it is not at its end");
    assert_eq!(scoring.end().0, Some(0));
    let record = record();
    let judges: Vec<_> = record["judged_by"].as_array().unwrap().iter().collect();
    assert_eq!(judges.len(), 2);
    assert_eq!((&judges[0]["from_line"], &judges[0]["plugins"]["a"]), (&1.into(), &first.into()));
    assert_eq!((&judges[1]["from_line"], &judges[1]["plugins"]["a"]), (&2.into(), &sha256().into()));
    assert_eq!((&judges[0]["from_row"], &judges[1]["from_row"]), (&1.into(), &2.into()));
    assert_eq!(judges[1]["version"]["verifiers"]["a"]["plugin"], sha256());
    assert_eq!(record["submissions"], 3);
}
