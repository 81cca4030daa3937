//! `gavel serve --processes N`: one that dies is replaced and takes nobody with it, and all of them are one server to who
//! asks.

use std::fs;
use std::process::Command;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::MATH;
use crate::life::slow;
use crate::server::{Server, read, wait};

const TWO: [&str; 4] = ["--processes", "2", "--jobs", "2"];

fn row(answer: &str) -> Value {
    json!({"prompt": "", "completion": format!("\\boxed{{{answer}}}"), "reference": "2"})
}

/// The processes that a server has started, in the order in which it has.
fn processes(server: &Server) -> Vec<u32> {
    let mut found: Vec<u32> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|id: &u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // Behind the name, which may hold anything: the state, and the parent.
            let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
            let mut fields = behind.split_whitespace();
            fields.next() != Some("Z") && fields.next().and_then(|id| id.parse().ok()) == Some(server.id())
        })
        .collect();
    found.sort_unstable();
    found
}

fn kill(signal: &str, id: u32) {
    assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
}

/// A client that opens a connection for each request, so that any process may get it.
fn client() -> Client {
    Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(60)).build().unwrap()
}

#[test]
fn all_of_them_are_one_server() {
    let server = Server::start(&[("math", MATH)], &TWO);
    assert_eq!(processes(&server).len(), 2);
    let client = client();
    let episodes = wait(async {
        let mut episodes = Vec::new();
        for number in 0..40 {
            let score = client.post(server.url("/v1/score")).body(row("2").to_string()).send().await.unwrap();
            assert_eq!(read(score).await.json()["reward"], 1.0);
            let reset = json!({"task": {"prompt": format!("{number}"), "reference": "2"}}).to_string();
            let reset = client.post(server.url("/reset")).body(reset).send().await.unwrap();
            episodes.push(read(reset).await.json()["observation"]["episode_id"].as_str().unwrap().to_owned());
        }
        // Whoever opened an episode, anybody answers it.
        for episode in &episodes {
            let step = json!({"action": {"completion": "\\boxed{2}"}, "episode_id": episode}).to_string();
            let step = client.post(server.url("/step")).body(step).send().await.unwrap();
            assert_eq!(read(step).await.json()["reward"], 1.0);
            let state = client.get(server.url(&format!("/state?episode_id={episode}"))).send().await.unwrap();
            assert_eq!(read(state).await.json()["step_count"], 1);
        }
        episodes
    });
    let different: std::collections::HashSet<_> = episodes.iter().collect();
    assert_eq!(different.len(), 40);
    let submissions = "gavel_submissions_total{reward=\"math\"}";
    server.until("all of it is counted", |server| server.metric(submissions) == Some(80.0));
    assert_eq!(server.metric("gavel_processes"), Some(2.0));
    assert_eq!(server.metric("gavel_workers"), Some(2.0));
    assert_eq!(server.metric("gavel_process_starts_total"), Some(2.0));
    assert!(server.get("/").text.contains("2 threads in 2 processes"));
}

#[test]
fn one_that_is_killed_is_replaced_and_loses_what_it_had_alone() {
    let folder = tempfile::tempdir().unwrap();
    // Long ones take some hundred milliseconds.
    let reward = slow(folder.path(), "fuel = 300_000_000, timeout = '100s'");
    let server = Server::start(&[("slow", &reward)], &TWO);
    let client = client();
    let (victim, other) = (processes(&server)[1], processes(&server)[0]);
    let long = json!({"prompt": "", "completion": "x".repeat(2000)}).to_string();
    let answers = wait(async {
        let ask = || {
            let request = client.post(server.url("/v1/score")).body(long.clone()).send();
            tokio::spawn(async move { Some(read(request.await.ok()?).await) })
        };
        let mut asked: Vec<_> = (0..16).map(|_| ask()).collect();
        tokio::time::sleep(Duration::from_millis(150)).await;
        kill("-KILL", victim);
        // While there is one process alone, and while the next one starts.
        for _ in 0..16 {
            asked.push(ask());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut answers = Vec::new();
        for asked in asked {
            answers.push(asked.await.unwrap());
        }
        answers
    });
    for answer in answers.iter().flatten() {
        assert_eq!((answer.status.as_u16(), &answer.json()["reward"]), (200, &json!(0.5)));
    }
    assert!(answers[16..].iter().all(Option::is_some), "who came later is answered: {answers:?}");
    server.until("it is replaced", |server| server.metric("gavel_process_starts_total") == Some(3.0));
    let now = processes(&server);
    assert!(now.len() == 2 && now.contains(&other) && !now.contains(&victim), "{now:?}");
    server.terminate();
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("process 1 has ended (signal: 9 (SIGKILL))"), "{said}");
}

#[test]
fn counts_do_not_go_back_when_a_process_is_replaced() {
    let server = Server::start(&[("math", MATH)], &TWO);
    let client = client();
    wait(async {
        for _ in 0..40 {
            client.post(server.url("/v1/score")).body(row("2").to_string()).send().await.unwrap();
        }
    });
    let submissions = "gavel_submissions_total{reward=\"math\"}";
    server.until("all of it is counted", |server| server.metric(submissions) == Some(40.0));
    let killed = processes(&server)[0];
    kill("-KILL", killed);
    // What it accepts while it dies is nobody's to answer.
    server.until("it is gone", |_| !fs::exists(format!("/proc/{killed}")).unwrap());
    server.until("it is replaced", |server| server.metric("gavel_process_starts_total") == Some(3.0));
    assert_eq!(server.metric(submissions), Some(40.0));
    server.post_json("/v1/score", &row("3"));
    server.until("it goes on", |server| server.metric(submissions) == Some(41.0));
}

#[test]
fn a_signal_to_end_finishes_what_all_have_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let reward = slow(folder.path(), "fuel = 1_000_000_000, timeout = '100s'");
    let server = Server::start(&[("slow", &reward)], &TWO);
    let (client, ids) = (client(), processes(&server));
    let long = json!({"prompt": "", "completion": "x".repeat(2000)}).to_string();
    let answers = wait(async {
        let ask = || tokio::spawn(client.post(server.url("/v1/score")).body(long.clone()).send());
        let asked: Vec<_> = (0..8).map(|_| ask()).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.terminate();
        let mut answers = Vec::new();
        for asked in asked {
            answers.push(read(asked.await.unwrap().unwrap()).await);
        }
        answers
    });
    for answer in answers {
        assert_eq!((answer.status.as_u16(), &answer.json()["reward"]), (200, &json!(0.5)));
    }
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("stopped: what was accepted is answered"), "{said}");
    assert!(ids.iter().all(|id| !fs::exists(format!("/proc/{id}")).unwrap()), "nobody is left");
}

#[test]
fn without_the_one_that_started_them_they_end() {
    let server = Server::start(&[("math", MATH)], &TWO);
    let (ids, address) = (processes(&server), server.address.clone());
    kill("-KILL", server.id());
    drop(server);
    let ended = || ids.iter().all(|id| !fs::exists(format!("/proc/{id}")).unwrap());
    for _ in 0..500 {
        if ended() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(ended(), "they are still there");
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn all_of_them_take_up_what_changes() {
    let server = Server::start(&[("math", MATH)], &["--processes", "2", "--jobs", "2", "--watch"]);
    let file = server.folder.path().join("math.toml");
    fs::write(&file, format!("{MATH}[reward]\nformula = '3 * accuracy'\n")).unwrap();
    let client = client();
    let rewards = |count: usize| {
        wait(async {
            let mut rewards = Vec::new();
            for _ in 0..count {
                let score = client.post(server.url("/v1/score")).body(row("2").to_string()).send();
                rewards.push(read(score.await.unwrap()).await.json()["reward"].as_f64().unwrap());
            }
            rewards
        })
    };
    server.until("both have the formula", |_| rewards(40).iter().all(|reward| *reward == 3.0));
    let changed = "gavel_reloads_total{reward=\"math\",result=\"changed\"}";
    server.until("it is one change", |server| server.metric(changed) == Some(1.0));
}

#[test]
fn what_is_wrong_with_a_reward_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("wrong.toml"), "[verifiers.it]\nplugin = 'nowhere'\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.current_dir(folder.path()).args(["serve", "--reward", "wrong.toml", "--listen", "127.0.0.1:0"]);
    let output = command.args(TWO).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("no plugin called").count(), 1, "{said}");
}
