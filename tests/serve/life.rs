//! A server's life: what it says, who is turned away, who is not waited for, what it takes up, how it stops.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::MATH;
use crate::server::{Server, read, wait};

/// A plugin that judges what is short at once, and what is long for as long as it may.
pub(crate) fn slow(folder: &Path, limits: &str) -> String {
    let wasm = wat::parse_str(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 16) "{\"reward\":1}")
             (data (i32.const 0) "\10\00\00\00\0c\00\00\00")
             (data (i32.const 8) "\00\01\00\00\00\20\00\00")
             (func (export "_start")
               (drop (call $read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 40)))
               (if (i32.gt_u (i32.load (i32.const 40)) (i32.const 1000)) (then (loop $forever (br $forever))))
               (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 44)))))"#,
    );
    let path = folder.join("slow.wasm");
    fs::write(&path, wasm.unwrap()).unwrap();
    format!("[verifiers.slow]\nplugin = '{}'\non_limit = 0.5\nlimits = {{ {limits} }}\n", path.display())
}

pub(crate) fn short() -> Value {
    json!({"prompt": "", "completion": ""})
}

pub(crate) fn long() -> Value {
    json!({"prompt": "", "completion": "x".repeat(2000)})
}

pub(crate) const ENDLESS: &str = "fuel = 100_000_000_000_000, timeout = '1000s'";

#[test]
fn who_has_gone_is_not_judged_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[("slow", &slow(folder.path(), ENDLESS))], &["--jobs", "1"]);
    let gone = |body: Value| {
        let request =
            server.post_request("/v1/score").timeout(Duration::from_millis(300)).body(body.to_string());
        assert!(wait(async { request.send().await }).unwrap_err().is_timeout());
    };
    // The one thread is taken for good, unless the server sees that nobody waits.
    gone(long());
    assert_eq!(server.post_json("/v1/score", &short()).json()["reward"], 1.0);
    gone(json!([long(), long(), long()]));
    assert_eq!(server.post_json("/v1/score", &short()).json()["reward"], 1.0);
    server.until("nothing waits", |server| server.metric("gavel_waiting_submissions") == Some(0.0));
    // Only the question itself is being answered.
    server.until("nothing is in flight", |server| server.metric("gavel_requests_in_flight") == Some(1.0));
}

#[test]
fn what_takes_too_long_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start(&[("slow", &slow(folder.path(), ENDLESS))], &["--jobs", "1", "--timeout", "1"]);
    assert_eq!(server.post_json("/v1/score", &long()).error(), (504, "deadline".to_owned()));
    assert_eq!(server.post_json("/v1/score", &short()).json()["reward"], 1.0);
}

#[test]
fn who_finds_no_room_is_told_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[("slow", &slow(folder.path(), ENDLESS))], &["--jobs", "1"]);
    let most = 16_384;
    let batch = |count: usize| json!(vec![short(); count]).to_string();
    assert_eq!(server.post("/v1/score", batch(most + 1)).error(), (413, "too-many-submissions".to_owned()));
    let (sent, full) = wait(async {
        let send = |body: String| tokio::spawn(server.post_request("/v1/score").body(body).send());
        let mut sent = vec![send(long().to_string())];
        sent.extend((0..4).map(|_| send(batch(most))));
        // All the room is taken once those four wait.
        loop {
            let waiting = read(reqwest::get(server.url("/metrics")).await.unwrap()).await.text;
            if waiting.contains("gavel_waiting_submissions 65536") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (sent, read(send(batch(1)).await.unwrap().unwrap()).await)
    });
    assert_eq!(full.error(), (429, "busy".to_owned()));
    assert_eq!(full.headers["retry-after"], "1");
    sent.iter().for_each(|request| request.abort());
    server.until("there is room again", |server| server.metric("gavel_waiting_submissions") == Some(0.0));
    assert_eq!(server.post_json("/v1/score", &short()).json()["reward"], 1.0);
}

#[test]
fn a_signal_to_end_finishes_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let reward = slow(folder.path(), "fuel = 1_000_000_000, timeout = '100s'");
    let server = Server::start(&[("slow", &reward)], &["--jobs", "2"]);
    let answers = wait(async {
        let send = || tokio::spawn(server.post_request("/v1/score").body(long().to_string()).send());
        let sent: Vec<_> = (0..6).map(|_| send()).collect();
        loop {
            let metrics = read(reqwest::get(server.url("/metrics")).await.unwrap()).await.text;
            if metrics.contains("gavel_requests_in_flight 7") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.terminate();
        let mut answers = Vec::new();
        for sent in sent {
            answers.push(read(sent.await.unwrap().unwrap()).await);
        }
        answers
    });
    for answer in answers {
        assert_eq!((answer.status.as_u16(), &answer.json()["reward"]), (200, &json!(0.5)));
    }
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("stopped: what was accepted is answered"), "{said}");
}

#[test]
fn what_changes_is_taken_up_and_what_is_broken_is_not() {
    let server = Server::start(&[("math", MATH)], &["--watch"]);
    let file = server.folder.path().join("math.toml");
    let row = json!({"prompt": "", "completion": "\\boxed{2}", "reference": "2"});
    let reward = |server: &Server| server.post_json("/v1/score", &row).json()["reward"].clone();
    assert_eq!(reward(&server), 1.0);
    fs::write(&file, format!("{MATH}[reward]\nformula = '3 * accuracy'\n")).unwrap();
    server.until("the formula is taken up", |server| reward(server) == 3.0);
    fs::write(&file, "nonsense").unwrap();
    let refused = "gavel_reloads_total{reward=\"math\",result=\"refused\"}";
    server.until("the mistake is refused", |server| server.metric(refused) == Some(1.0));
    assert_eq!(reward(&server), 3.0);
    server.terminate();
    let (_, said) = server.end();
    assert!(said.contains("reloaded") && said.contains("not reloaded, what judged before goes on"), "{said}");
}

#[test]
fn operators_see_what_happens() {
    let server = Server::start(&[("math", MATH)], &[]);
    let row = |answer: &str| json!({"prompt": "", "completion": answer, "reference": "2"});
    server.post_json("/v1/score", &json!([row("\\boxed{2}"), row("\\boxed{3}"), row("?")]));
    server.post_json("/v1/score", &json!({"prompt": "", "completion": "\\boxed{2}"}));
    server.post("/v1/score", "{");
    for (name, value) in [
        ("gavel_submissions_total{reward=\"math\"}", 4.0),
        ("gavel_reward_sum{reward=\"math\"}", 1.0),
        ("gavel_without_reward_total{reward=\"math\",kind=\"dropped\"}", 1.0),
        ("gavel_outcomes_total{reward=\"math\",verifier=\"accuracy\",status=\"verdict\"}", 3.0),
        ("gavel_outcomes_total{reward=\"math\",verifier=\"accuracy\",status=\"invalid-task\"}", 1.0),
        ("gavel_requests_total{endpoint=\"/v1/score\",status=\"200\"}", 2.0),
        ("gavel_requests_total{endpoint=\"/v1/score\",status=\"400\"}", 1.0),
        ("gavel_request_seconds_count{endpoint=\"/v1/score\"}", 3.0),
    ] {
        assert_eq!(server.metric(name), Some(value), "{name}");
    }
    let metrics = server.get("/metrics").text;
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("gavel_") && value.parse::<f64>().is_ok(), "{line}");
    }
    let document = server.get("/openapi.json").json();
    for path in ["/v1/score", "/get_reward", "/remote_rm", "/verify", "/run_code", "/v1/rewards", "/healthz"]
    {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn nobody_from_outside_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("math.toml"), MATH).unwrap();
    fs::write(folder.path().join("token"), "short\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        let output = command.current_dir(folder.path()).arg("serve").args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["--reward", "math.toml", "--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("0.0.0.0:0 can be reached from other machines: name a --token-file"), "{said}");
    let (code, said) = run(&["--reward", "math.toml", "--token-file", "token"]);
    assert!(code == Some(1) && said.contains("a token has at least 16 letters"), "{said}");
    let (code, said) =
        run(&["--reward", "math.toml", "--tasks", "other=math.toml", "--listen", "127.0.0.1:0"]);
    assert!(code == Some(1) && said.contains("cannot read math.toml"), "{said}");
    fs::write(folder.path().join("train.jsonl"), "{}\n").unwrap();
    let (code, said) =
        run(&["--reward", "math.toml", "--tasks", "other=train.jsonl", "--listen", "127.0.0.1:0"]);
    assert!(code == Some(1) && said.contains("there is no reward `other` to have tasks"), "{said}");
    let (code, said) = run(&["--reward", "a b=math.toml", "--listen", "127.0.0.1:0"]);
    assert!(code == Some(1) && said.contains("`a b` is no name for a reward"), "{said}");
}
