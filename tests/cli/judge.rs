//! `kind = "judge"` on the command line: scored at an endpoint that the test starts, proved again without it.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::endpoint::{Endpoint, Reply, nowhere};
use crate::gavel::Folder;

const KEY: &str = "sk-test-0123456789";

/// A reward of a judge alone.
fn reward(endpoint: &str, more: &str) -> String {
    format!(
        r#"[verifiers.helpful]
kind     = "judge"
endpoint = "{endpoint}"
grant    = ["endpoint"]
model    = "judge-8b"
key_env  = "JUDGE_KEY"
retries  = 0
price    = {{ input = 1, output = 10 }}
template = "How helpful is this?\n{{{{ completion }}}}"
{more}

[verifiers.helpful.schema]
type       = "object"
required   = ["score"]
properties = {{ score = {{ type = "integer", minimum = 1, maximum = 5 }}, reason = {{ type = "string" }} }}
"#
    )
}

/// Rows whose completions are these.
fn rows(completions: &[&str]) -> String {
    let row =
        |completion: &&str| format!("{}\n", serde_json::json!({"prompt": "Help!", "completion": completion}));
    completions.iter().map(row).collect()
}

/// Judges by what the completion says: a score, `prose`, `range`, `down`, or `slow`.
fn obedient() -> Endpoint {
    Endpoint::start(|_, asked| {
        let question = asked.question();
        let has = |word: &str| question.contains(&format!("\n{word}\n"));
        if has("prose") {
            Reply::Says("I would say five.".to_owned())
        } else if has("range") {
            Reply::Says(r#"{"score": 500}"#.to_owned())
        } else if has("down") {
            Reply::Status(503, "", "overloaded".to_owned())
        } else if has("slow") {
            Reply::Slowly(Duration::from_millis(300), r#"{"score": 1}"#.to_owned())
        } else {
            let score =
                ['1', '2', '3', '4', '5'].into_iter().find(|score| has(&score.to_string())).unwrap_or('3');
            Reply::Says(format!(r#"{{"score": {score}, "reason": "it says so"}}"#))
        }
    })
}

fn run(folder: &Folder, args: &[&str]) -> (Option<i32>, String) {
    let output = folder.gavel(args).env("JUDGE_KEY", KEY).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn lines(folder: &Folder, file: &str) -> Vec<Value> {
    folder.read(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn it_is_scored_recorded_and_derived_again_without_the_endpoint() {
    let endpoint = obedient();
    let completions = ["5", "prose", "range", "down", "2", "2"];
    let folder = Folder::with_reward(&reward(&endpoint.url(), "")).file("in.jsonl", rows(&completions));
    let score = ["score", "-r", "reward.toml", "in.jsonl", "--no-timing", "-o", "scored.jsonl"];
    let (code, said) = run(&folder, &score);
    // One of them could not be judged, which is no reward and no success.
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("(6 calls, 1 failed, 500 + 50 tokens, cost 0.0010)"), "{said}");
    let scored = lines(&folder, "scored.jsonl");
    let rewards: Vec<_> = scored.iter().map(|row| row["reward"].as_f64()).collect();
    assert_eq!(rewards, [Some(5.0), None, None, None, Some(2.0), Some(2.0)]);
    let statuses: Vec<_> =
        scored.iter().map(|row| row["outcomes"]["helpful"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["verdict", "refused", "refused", "host-failed", "verdict", "verdict"]);
    let first = &scored[0]["outcomes"]["helpful"];
    assert_eq!(first["reason"], "it says so");
    assert_eq!(first["metrics"]["cost"], 0.0002);
    assert!(first["call"]["request"].as_str().unwrap().starts_with("sha256:"), "{first}");
    assert_eq!(first["call"]["answer"]["model"], "judge-8b");
    assert!(scored[3]["outcomes"]["helpful"]["call"]["error"].as_str().unwrap().contains("503"));
    for file in ["scored.jsonl", "scored.record.json"] {
        assert!(!folder.read(file).contains(KEY), "{file}");
    }

    // From here on nobody is asked, and there is no key.
    let asked = endpoint.asked().len();
    assert_eq!(asked, 6);
    let rescored = folder.run(&["rescore", "scored.jsonl"]);
    let said = String::from_utf8_lossy(&rescored.stdout).into_owned();
    assert_eq!(rescored.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&rescored.stderr));
    assert_eq!(said, "6 rows of scored.jsonl: the same, bit for bit\n");
    let again =
        ["score", "-r", "reward.toml", "--replay", "scored.jsonl", "--no-timing", "-o", "again.jsonl"];
    folder.run(&again);
    assert_eq!(folder.read("again.jsonl"), folder.read("scored.jsonl"));
    assert_eq!(endpoint.asked().len(), asked);

    // A verdict that was changed is found out.
    let text = folder.read("scored.jsonl").replacen("\\\"score\\\": 5", "\\\"score\\\": 4", 1);
    fs::write(folder.path("scored.jsonl"), text).unwrap();
    let rescored = folder.run(&["rescore", "scored.jsonl"]);
    assert_eq!(rescored.status.code(), Some(1), "{}", String::from_utf8_lossy(&rescored.stdout));
    assert!(String::from_utf8_lossy(&rescored.stdout).contains("reward  5.0 → 4.0"));
}

#[test]
fn another_formula_over_the_same_answers_asks_nobody_and_another_question_has_no_answer() {
    let endpoint = obedient();
    let formula = "\n[reward]\nformula = \"(helpful - 1) / 4\"\n";
    let folder = Folder::with_reward(&reward(&endpoint.url(), ""))
        .file("in.jsonl", rows(&["5", "2"]))
        .file("other.toml", reward(&nowhere(), "") + formula)
        .file("colder.toml", reward(&endpoint.url(), "temperature = 0.5"));
    let (code, said) = run(&folder, &["score", "-r", "reward.toml", "in.jsonl", "-o", "scored.jsonl"]);
    assert_eq!(code, Some(0), "{said}");
    let rewards = |file: &str| -> Vec<Option<f64>> {
        let run = folder.run(&["score", "-r", file, "--replay", "scored.jsonl", "-o", "out.jsonl"]);
        assert!(run.status.code().is_some());
        lines(&folder, "out.jsonl").iter().map(|row| row["reward"].as_f64()).collect()
    };
    assert_eq!(rewards("other.toml"), [Some(1.0), Some(0.25)]);
    assert_eq!(rewards("colder.toml"), [None, None]);
    assert_eq!(endpoint.asked().len(), 2);
    let bare = folder.run(&["score", "-r", "reward.toml", "--replay", "in.jsonl"]);
    assert!(String::from_utf8_lossy(&bare.stderr).contains("--replay: no `reward`"));
}

#[test]
fn it_holds_no_thread() {
    let endpoint = obedient();
    let folder = Folder::with_reward(&reward(&endpoint.url(), "max_concurrency = 20"))
        .file("in.jsonl", rows(&["slow"; 40]));
    let started = Instant::now();
    let (code, said) =
        run(&folder, &["score", "-j", "1", "-r", "reward.toml", "in.jsonl", "-o", "scored.jsonl"]);
    assert_eq!(code, Some(0), "{said}");
    // Two rounds of 0.3 s, where one thread that waits would take 12 s.
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert!(lines(&folder, "scored.jsonl").iter().all(|row| row["reward"] == 1.0));
}

#[test]
fn mistakes_are_named() {
    let endpoint = "http://127.0.0.1:9/v1";
    let good = reward(endpoint, "");
    for (from, to, expected) in [
        (
            r#"grant    = ["endpoint"]"#,
            "",
            "`verifiers.helpful.grant`: this judge sends submissions to http://127.0.0.1:9/v1",
        ),
        (
            "JUDGE_KEY",
            "NO_SUCH_KEY",
            "reward.toml:6:12: `verifiers.helpful.key_env`: the environment variable NO_SUCH_KEY",
        ),
        (
            ", maximum = 5",
            "",
            "the schema does not hold the reward `score` to a range: it needs `minimum` and `maximum`",
        ),
        ("{{ completion }}", "{{ answer }}", "the template names `answer`"),
        ("http://127.0.0.1:9/v1", "127.0.0.1", "reward.toml:3:12: `verifiers.helpful.endpoint`"),
        ("retries", "retrys", "unknown field `verifiers.helpful.retrys` (did you mean `retries`?)"),
        (
            "kind     = \"judge\"",
            "kind = \"judge\"\nplugin = \"math\"",
            "`verifiers.helpful.plugin` is for plugins, and this verifier is a judge",
        ),
        ("kind     = \"judge\"", "kind = \"jury\"", "`verifiers.helpful.kind` must be \"plugin\""),
        (
            "retries  = 0",
            "extra = { model = \"x\" }",
            "`verifiers.helpful.extra` must be a table of fields of the request besides model",
        ),
        ("required   = [\"score\"]", "required = []", "`required` must name `score`"),
    ] {
        assert!(good.contains(from), "{from}");
        let folder = Folder::with_reward(&good.replacen(from, to, 1)).file("in.jsonl", rows(&["5"]));
        let (code, said) = run(&folder, &["score", "-r", "reward.toml", "in.jsonl"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected), "{expected}\n{said}");
        assert!(!said.contains(KEY));
    }
    let formula = good + "\n[reward]\nformula = \"helpful.price\"\n";
    let folder = Folder::with_reward(&formula).file("in.jsonl", rows(&["5"]));
    let (_, said) = run(&folder, &["score", "-r", "reward.toml", "in.jsonl"]);
    assert!(said.contains("unknown metric `price` of `helpful`"), "{said}");
}
