//! `gavel measure`: what scored completions say of how a policy thinks.

use serde_json::{Value, json};

use crate::gavel::Folder;

const REWARD: &str = "[verifiers.number]\nplugin = 'math'\noptions = { preset = 'answer-tag' }\n\n\
                      [verifiers.marks]\nplugin = 'marks'\n\n[reward]\nformula = 'number'\n";

fn completions(thoughts: [(&str, &str); 3]) -> String {
    let rows = thoughts.map(|(thought, answer)| {
        json!({
            "prompt": "3*x+5=20:<think>", "completion": format!("{thought}</think><answer>{answer}</answer>"),
            "reference": "5", "form": "3*x+5", "goal": 20, "family": "equation", "level": 1
        })
    });
    rows.map(|row| format!("{row}\n")).concat()
}

#[test]
fn checks_retries_and_answers_are_measured_before_and_after() {
    let before = [("3*4+5=17✗", "4"), ("3*4+5=17✓", "4"), ("3*5+5=20✓", "5")];
    let after = [("3*4+5=17✗3*5+5=20✓", "5"), ("3*5+5=20✓", "5"), ("3*5+5=20✓", "4")];
    let folder = Folder::new()
        .file("reward.toml", REWARD)
        .file("base.jsonl", completions(before))
        .file("trained.jsonl", completions(after));
    for name in ["base", "trained"] {
        let (input, output) = (format!("{name}.jsonl"), format!("{name}.scored.jsonl"));
        let scored = folder.run(&["score", "--reward", "reward.toml", &input, "-o", &output]);
        assert!(scored.status.success(), "{scored:?}");
    }
    let words = ["measure", "trained.scored.jsonl", "--before", "base.scored.jsonl"];
    let table = String::from_utf8(folder.run(&words).stdout).unwrap();
    let equation: Vec<&str> =
        table.lines().nth(1).unwrap().split_whitespace().filter(|cell| *cell != "→").collect();
    // pass@1, tokens, checking, retrying, to right, to wrong, forged, false ✓.
    assert_eq!(equation[..3], ["equation", "33.3", "66.7"], "{table}");
    assert_eq!(
        equation[5..],
        ["100.0", "100.0", "0.0", "100.0", "0.0", "100.0", "0.0", "50.0", "33.3", "0.0", "50.0", "0.0"],
        "{table}"
    );

    let json =
        folder.run(&[words.as_slice(), &["--json", "--html", "page.html", "--svg", "image.svg"]].concat());
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["after"]["levels"]["1"]["completions"], 3);
    assert_eq!(json["before"]["families"]["equation"]["forged"].as_f64().unwrap(), 1.0 / 3.0);
    assert!(
        folder.read("page.html").contains("Checking itself") && folder.read("image.svg").starts_with("<svg")
    );
}

#[test]
fn what_holds_no_completions_is_not_measured() {
    let output = Folder::new().file("empty.jsonl", "").run(&["measure", "empty.jsonl"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.starts_with("error: empty.jsonl holds no completions: name a file"), "{stderr}");
}
