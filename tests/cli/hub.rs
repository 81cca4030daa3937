//! What is named `hf://…` on a command line and in settings, against a server in the hub's wire form: nothing here needs a
//! network.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::gavel::{Folder, repository};
use crate::hub_server::{COMMIT, Server, with_repository};
use crate::trainer::stderr;

/// A hub with the demo's model, and tasks in two files of a split and one of another.
fn hub() -> Server {
    let demo = repository().join("examples/countdown");
    let mut files = Vec::new();
    for entry in fs::read_dir(demo.join("model")).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()));
    }
    with_repository("models/acme/countdown", files);
    let tasks = fs::read_to_string(demo.join("tasks.jsonl")).unwrap();
    let lines: Vec<&str> = tasks.lines().collect();
    let file = |name: &str, lines: &[&str]| (name.to_owned(), lines.join("\n").into_bytes());
    with_repository(
        "datasets/acme/countdown",
        vec![
            file("data/train-00000-of-00002.jsonl", &lines[..20]),
            file("data/train-00001-of-00002.jsonl", &lines[20..40]),
            file("data/test-00000-of-00001.jsonl", &lines[40..44]),
        ],
    );
    Server::start()
}

fn run(folder: &Folder, server: &Server, args: &[&str], offline: bool) -> Output {
    let mut command = folder.gavel(args);
    command
        .env("HF_ENDPOINT", server.address())
        .env("HF_HOME", folder.path("hf"))
        .env("OMP_NUM_THREADS", "1");
    for name in ["HF_TOKEN", "HF_HUB_CACHE", "HF_TOKEN_PATH", "HF_HUB_DISABLE_IMPLICIT_TOKEN"] {
        command.env_remove(name);
    }
    command.env("HF_HUB_OFFLINE", if offline { "1" } else { "0" });
    command.output().unwrap()
}

#[test]
fn a_run_on_what_the_hub_has_records_its_commits_and_goes_on_offline() {
    let server = hub();
    let reward = repository().join("examples/countdown/reward.toml");
    let folder = Folder::new().file(
        "train.toml",
        format!(
            "model = 'hf://acme/countdown'\ntasks = 'hf://datasets/acme/countdown'\n\
             eval_tasks = 'hf://datasets/acme/countdown?split=test'\nreward = {reward:?}\noutput_dir = 'run'\n\
             max_steps = 1\nnum_generations = 4\nper_device_train_batch_size = 8\nmax_completion_length = 16\ndevice = 'cpu'\n"
        ),
    );
    let output = run(&folder, &server, &["train", "train.toml"], false);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = format!("tasks   hf://datasets/acme/countdown@{COMMIT}\n");
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    let record: Value = serde_json::from_str(&folder.read("run/digests.json")).unwrap();
    assert_eq!(record["hub"]["model"][0], format!("hf://acme/countdown@{COMMIT}"));
    assert_eq!(record["hub"]["eval_tasks"][0], format!("hf://datasets/acme/countdown@{COMMIT}?split=test"));
    assert!(record["files"]["tasks/2"].is_string(), "{record}");

    server.forget_requests();
    let resume = ["train", "train.toml", "--resume", "--set", "max_steps=2"];
    let output = run(&folder, &server, &resume, false);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(server.requests(), [""; 0], "a run goes on with its own commits, wherever main is");
    let output = run(&folder, &server, &["train", "train.toml", "--set", "output_dir=other"], true);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(server.requests(), [""; 0], "nor is anything asked for offline");
}

#[test]
fn flags_take_names_too_and_what_cannot_be_had_says_why() {
    let server = hub();
    let folder = Folder::new();
    let head = [
        "data",
        "head",
        "hf://datasets/acme/countdown/data/test*.jsonl",
        "-n",
        "1",
        "--model",
        "hf://acme/countdown",
    ];
    let output = run(&folder, &server, &head, false);
    assert!(output.status.success(), "{}", stderr(&output));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("test-00000-of-00001.jsonl:1\nprompt    "), "{shown}");
    assert!(folder.path("hf/hub/models--acme--countdown/refs/main").exists());

    let refused = |args: &[&str], offline: bool| {
        let output = run(&folder, &server, args, offline);
        (
            output.status.code(),
            stderr(&output).replace(Path::new(&folder.path("")).to_str().unwrap(), "[FOLDER]/"),
        )
    };
    let (code, said) = refused(&["generate", "--model", "hf://acme/none", "1"], false);
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "error: the hub has no hf://acme/none: are name and revision right?\n")
    );
    let (code, said) = refused(&["generate", "--model", "hf://acme/other", "1"], true);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("error: hf://acme/other is not in the cache "), "{said}");
    let (code, said) = refused(&["data", "stats", "hf://datasets/acme/countdown?split=dev"], false);
    let expected =
        "error: hf://datasets/acme/countdown?split=dev has no such split; there are: test, train\n";
    assert_eq!((code, said.as_str()), (Some(1), expected));
    let (code, said) = refused(&["data", "stats", "hf://datasets/acme/countdown?splt=dev"], false);
    assert!(code == Some(1) && said.contains("behind `?` stand split=NAME and config=NAME"), "{said}");
}
