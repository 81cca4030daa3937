//! `gavel train --nproc-per-node`: ranks that the trainer starts itself, what they leave, and how all of them end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gavel::Folder;
use crate::trainer::{command, stderr, train_args};

/// The demo with so many ranks, which as a whole are what one process is.
fn ranks(folder: &Folder, count: usize, settings: &[&str]) -> Command {
    let batch = format!("per_device_train_batch_size={}", 8 / count);
    let settings: Vec<&str> = [batch.as_str()].into_iter().chain(settings.iter().copied()).collect();
    let mut args = train_args(&settings);
    args.extend(["--nproc-per-node".to_owned(), count.to_string()]);
    command(folder, &args)
}

fn rewards(folder: &Folder) -> Vec<f64> {
    let rows = folder.read("run/metrics.jsonl");
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter_map(|row| row["reward"].as_f64()).collect()
}

#[test]
fn ranks_leave_what_one_process_leaves_and_one_of_them_speaks() {
    let [alone, together] = [1, 2].map(|count| {
        let folder = Folder::new();
        let output = ranks(&folder, count, &["max_steps=2"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output).matches("step    2/2").count(), 1, "{}", stderr(&output));
        assert!(folder.read("run/settings.toml").contains(&format!("num_processes = {count}\n")));
        assert!(folder.path("run/checkpoints/step-00002/model.safetensors").exists());
        rewards(&folder)
    });
    assert_eq!(alone, together);
}

/// Starts ranks of a run that has no end of its own, and waits for its first step.
fn endless(folder: &Folder) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut running = ranks(folder, 2, &["max_steps=100000"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(running.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("step ") || !line.contains("/100000") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended before its first step");
    }
    (running, told)
}

/// The processes that a process has started.
fn children(of: u32) -> Vec<u32> {
    let started = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap();
    started.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_rank_that_is_killed_ends_all_and_is_named() {
    let folder = Folder::new();
    let (mut running, told) = endless(&folder);
    let ranks = children(running.id());
    assert_eq!(ranks.len(), 2);
    signal(ranks[1], "-KILL");
    let started = Instant::now();
    let status = running.wait().unwrap();
    let said: Vec<String> = told.lines().map_while(Result::ok).collect();
    assert_eq!(status.code(), Some(2), "{said:?}");
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    let last = said.last().unwrap();
    assert!(last.starts_with("error: rank 1 was ended (signal: 9 (SIGKILL)), and with it all"), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("error: another rank has ended")), "{said:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn sigterm_to_the_launcher_ends_all_ranks_with_a_checkpoint() {
    let folder = Folder::new();
    let (mut running, told) = endless(&folder);
    signal(running.id(), "-TERM");
    assert_eq!(running.wait().unwrap().code(), Some(143));
    let said: Vec<String> = told.lines().map_while(Result::ok).collect();
    assert!(
        said.iter().any(|line| line.contains("interrupted; the same command with --resume goes on")),
        "{said:?}"
    );
    let checkpoints = fs::read_dir(folder.path("run/checkpoints")).unwrap().count();
    assert_eq!(checkpoints, 1);
}

#[test]
fn what_is_wrong_for_all_ranks_is_said_once() {
    let folder = Folder::new();
    let said = |settings: &[&str]| {
        let output = ranks(&folder, 2, settings).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    let found_alone = said(&["epsilon=-1"]);
    assert_eq!(found_alone.matches("error: ").count(), 1, "{found_alone}");
    let found_together = said(&["reload=between-steps"]);
    assert_eq!(found_together.matches("error: ").count(), 1, "{found_together}");
    assert!(
        found_together.contains("`reload` is \"between-steps\", and with 2 processes"),
        "{found_together}"
    );
    assert!(!folder.path("run").exists());
}

#[test]
fn a_rank_starts_no_ranks_and_has_all_of_its_variables() {
    let folder = Folder::new();
    let output = ranks(&folder, 2, &[]).envs([("RANK", "0"), ("WORLD_SIZE", "2")]).output().unwrap();
    assert_eq!(
        (output.status.code(), stderr(&output).as_str()),
        (
            Some(1),
            "error: MASTER_PORT is not set, and RANK is: whatever starts ranks has to set both, as torchrun does\n"
        )
    );
    let all = [
        ("RANK", "0"),
        ("WORLD_SIZE", "2"),
        ("LOCAL_RANK", "0"),
        ("MASTER_ADDR", "127.0.0.1"),
        ("MASTER_PORT", "1"),
    ];
    let output = ranks(&folder, 2, &[]).envs(all).output().unwrap();
    assert!(
        stderr(&output).contains("RANK is set, so this process is one of several already"),
        "{}",
        stderr(&output)
    );
    assert_eq!(output.status.code(), Some(1));
}
