//! `gavel rescore`, `diff` and `audit`: what they prove, what they name, and their exit codes.

use std::fs;

use serde_json::Value;

use crate::gavel::Folder;
use crate::reload::always;

const MATH: &str = "[verifiers.accuracy]\nplugin = 'math'\n";

/// Rows with a label: right and called right, wrong and called right, right and called wrong, no verdict.
const LABELLED: &str = concat!(
    r#"{"prompt": "1 + 1?", "completion": "The answer is 2.", "reference": "2", "right": true, "kind": "sum"}"#,
    "\n",
    r#"{"prompt": "1 + 1?", "completion": "The answer is 2.", "reference": "2", "right": false, "kind": "sum"}"#,
    "\n",
    r#"{"prompt": "2 * 3?", "completion": "The answer is 7.", "reference": "6", "right": 1, "kind": "product"}"#,
    "\n",
    r#"{"prompt": "2 * 3?", "completion": "The answer is 7.", "right": "0", "kind": "product"}"#,
    "\n",
);

fn scored(reward: &str) -> Folder {
    let folder = Folder::with_reward(reward).file("in.jsonl", LABELLED);
    let run = folder.run(&["score", "-r", "reward.toml", "in.jsonl", "-o", "scored.jsonl"]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    folder
}

fn replace(folder: &Folder, file: &str, from: &str, to: &str) {
    let text = folder.read(file);
    assert!(text.contains(from), "{from} in {text}");
    fs::write(folder.path(file), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_was_scored_is_the_same_again() {
    let folder = scored(MATH);
    // The reward file is in the record, so what becomes of it is of no account.
    fs::remove_file(folder.path("reward.toml")).unwrap();
    insta::assert_snapshot!(folder.shown(&["rescore", "scored.jsonl"]));
    let json = folder.run(&["rescore", "scored.jsonl", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&json["proven"], &json["rows"], &json["recorded_rows"]),
        (&true.into(), &4.into(), &4.into())
    );
}

#[test]
fn columns_that_flags_named_are_in_the_record() {
    let folder = Folder::with_reward(MATH)
        .file("in.jsonl", r#"{"question": "1 + 1?", "response": "The answer is 2.", "answer": "2"}"#);
    let columns =
        ["--prompt-column", "question", "--completion-column", "response", "--reference-column", "answer"];
    let score = ["score", "-r", "reward.toml", "in.jsonl", "-o", "scored.jsonl"];
    assert_eq!(folder.run(&[&score[..], &columns[..]].concat()).status.code(), Some(0));
    assert_eq!(folder.run(&["rescore", "scored.jsonl"]).status.code(), Some(0));
}

#[test]
fn every_field_that_was_changed_is_named() {
    let folder = scored(MATH);
    replace(&folder, "scored.jsonl", r#""reward":1.0,"reason""#, r#""reward":0.9999999999999999,"reason""#);
    replace(&folder, "scored.jsonl", "2 (from", "two (from");
    insta::assert_snapshot!(folder.shown(&["rescore", "scored.jsonl"]));
    // A row that is gone, and one that is none.
    let folder = scored(MATH);
    let rows = folder.read("scored.jsonl");
    let cut: Vec<&str> = rows.lines().take(2).collect();
    fs::write(folder.path("scored.jsonl"), format!("{}\n{{\"prompt\": \"\"}}\n{{\"pro", cut.join("\n")))
        .unwrap();
    insta::assert_snapshot!("rows_that_are_gone_or_none", folder.shown(&["rescore", "scored.jsonl"]));
}

#[test]
fn what_judges_otherwise_is_named() {
    let folder = Folder::with_reward("[verifiers.a]\nplugin = 'a.wasm'\n[reward]\nformula = 'a'\n")
        .file("a.wasm", always(1))
        .file("in.jsonl", LABELLED);
    assert_eq!(
        folder.run(&["score", "-r", "reward.toml", "in.jsonl", "-o", "scored.jsonl"]).status.code(),
        Some(0)
    );
    let rescore =
        |more: &[&str]| folder.shown(&[&["rescore", "scored.jsonl", "--examples", "1"], more].concat());
    assert!(rescore(&[]).contains("exit code 0"));
    // Another release alone is no failure.
    replace(
        &folder,
        "scored.record.json",
        "\"engine\": \"wasmtime 48.0.8\",\n        \"reward\"",
        "\"engine\": \"wasmtime 1.0.0\",\n        \"reward\"",
    );
    insta::assert_snapshot!("another_release", rescore(&[]));
    // Options, limits and formula of another reward file.
    let other = "[verifiers.a]\nplugin = 'a.wasm'\noptions = { x = 1 }\nlimits = { memory = '1MiB' }\n[reward]\nformula = '2 * a'\n";
    fs::write(folder.path("other.toml"), other).unwrap();
    insta::assert_snapshot!("another_reward_file", rescore(&["--reward", "other.toml"]));
    // Another plugin under the same name.
    fs::write(folder.path("a.wasm"), always(2)).unwrap();
    insta::assert_snapshot!("another_plugin", rescore(&[]));
    fs::remove_file(folder.path("a.wasm")).unwrap();
    insta::assert_snapshot!("no_plugin", rescore(&[]));
}

#[test]
fn what_judged_each_line_is_known_where_it_changed() {
    // As `--watch` records it: one row by each of two.
    let folder = scored(MATH);
    let mut record: Value = serde_json::from_str(&folder.read("scored.record.json")).unwrap();
    let mut second = record["judged_by"][0].clone();
    second["from_row"] = 3.into();
    let text = "[verifiers.accuracy]\nplugin = 'math'\n[reward]\nformula = '2 * accuracy'\n";
    second["version"]["reward"]["text"] = text.into();
    record["judged_by"].as_array_mut().unwrap().push(second);
    fs::write(folder.path("scored.record.json"), record.to_string()).unwrap();
    // The third line is worth 0 by either.
    assert_eq!(folder.run(&["rescore", "scored.jsonl"]).status.code(), Some(0));
    let mut record: Value = serde_json::from_str(&folder.read("scored.record.json")).unwrap();
    record["judged_by"][1]["from_row"] = 2.into();
    fs::write(folder.path("scored.record.json"), record.to_string()).unwrap();
    let shown = folder.shown(&["rescore", "scored.jsonl"]);
    assert!(shown.contains("scored.jsonl:2\n  reward  1.0 → 2.0\n"), "{shown}");
}

#[test]
fn what_cannot_be_derived_again_says_why() {
    let folder = scored(MATH).file("empty/metrics.jsonl", "");
    let shown = |args: &[&str]| folder.shown(args);
    let mut pages = vec![
        shown(&["rescore", "nothing.jsonl"]),
        shown(&["rescore", "empty"]),
        shown(&["rescore", "in.jsonl"]),
    ];
    replace(&folder, "scored.record.json", "\"version\"", "\"versions\"");
    pages.push(shown(&["rescore", "scored.jsonl"]));
    assert!(shown(&["rescore", "scored.jsonl", "--reward", "reward.toml"]).contains("exit code 0"));
    fs::write(folder.path("scored.record.json"), "{}").unwrap();
    pages.push(shown(&["rescore", "scored.jsonl"]));
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn a_diff_says_what_changes() {
    let before = "[verifiers.accuracy]\nplugin = 'math'\n[verifiers.old]\nplugin = 'format'\n[reward]\nformula = 'accuracy'\n";
    let after = "[verifiers.accuracy]\nplugin = 'math'\noptions = { order = ['boxed'] }\non_failure = -1\n";
    let folder = Folder::new()
        .file("a.toml", before)
        .file("b.toml", after)
        .file("in.jsonl", format!("{LABELLED}nonsense\n"));
    insta::assert_snapshot!(folder.shown(&["diff", "a.toml", "b.toml", "in.jsonl", "--examples", "1"]));
    let json = folder.run(&["diff", "a.toml", "b.toml", "in.jsonl", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["differs"], &json["rows"], &json["bad_lines"]), (&true.into(), &4.into(), &1.into()));
    assert_eq!(json["verifiers"]["old"]["only_in"], "a");
    let same = Folder::new().file("a.toml", before).file("in.jsonl", LABELLED);
    insta::assert_snapshot!("a_diff_of_the_same", same.shown(&["diff", "a.toml", "a.toml", "in.jsonl"]));
}

#[test]
fn an_audit_counts_what_labels_and_verdicts_say() {
    let folder = Folder::with_reward(MATH).file("in.jsonl", LABELLED);
    let audit = ["audit", "in.jsonl", "-r", "reward.toml", "--label", "right"];
    insta::assert_snapshot!(folder.shown(&[&audit[..], &["--by", "kind", "--html", "audit.html"]].concat()));
    let page = folder.read("audit.html");
    assert!(
        page.contains("<h2>accuracy</h2>") && page.contains("1<span class=\"before\"> of 1</span>"),
        "{page}"
    );
    let json = folder.run(&[&audit[..], &["--json"]].concat());
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    let all = &json["verifiers"]["accuracy"]["all"];
    assert_eq!((&all["false_positives"], &all["false_negatives"]), (&1.into(), &1.into()));
    assert_eq!(all["wrong_without_verdict"], 1);
}

#[test]
fn what_has_no_label_is_named() {
    let folder = Folder::new().file("in.jsonl", LABELLED.replace("\"right\": 1", "\"right\": 0.5"));
    let audit = |label: &str| folder.shown(&["audit", "in.jsonl", "--plugin", "math", "--label", label]);
    insta::assert_snapshot!([audit("right"), audit("rigth"), audit("reference")].join("\n"));
}

#[test]
fn what_broke_off_goes_on_where_it_ended() {
    let input: String = (0..40)
        .map(|number| match number % 7 {
            3 => "nonsense\n".to_owned(),
            5 => "\n".to_owned(),
            _ => format!(
                "{{\"prompt\": \"\", \"completion\": \"The answer is {number}.\", \"reference\": \"{}\"}}\n",
                number % 2 * number
            ),
        })
        .collect();
    let folder = Folder::with_reward(MATH).file("in.jsonl", input);
    for more in [&[][..], &["--answer-bad-lines"]] {
        let score = |output: &str, flags: &[&str]| {
            let args = ["score", "-r", "reward.toml", "in.jsonl", "--no-timing", "-o", output];
            folder.run(&[&args[..], more, flags].concat())
        };
        assert_eq!(score("whole.jsonl", &[]).status.code(), Some(1), "bad lines");
        let (whole, record) = (folder.read("whole.jsonl"), folder.read("whole.record.json"));
        for bytes in [0, 1, whole.len() / 3, whole.len() / 2, whole.len() - 1, whole.len()] {
            fs::write(folder.path("part.jsonl"), &whole[..bytes]).unwrap();
            fs::write(
                folder.path("part.record.json"),
                record.replace("\"submissions\": ", "\"submissions\": null, \"x\": "),
            )
            .unwrap();
            let run = score("part.jsonl", &["--resume"]);
            assert_eq!(run.status.code(), Some(1), "{bytes}: {}", String::from_utf8_lossy(&run.stderr));
            assert_eq!(folder.read("part.jsonl"), whole, "{bytes}");
            assert_eq!(folder.read("part.record.json"), record, "{bytes}");
        }
        assert_eq!(folder.run(&["rescore", "part.jsonl"]).status.code(), Some(0));
    }
}

#[test]
fn what_does_not_fit_is_not_gone_on_with() {
    let folder = scored(MATH)
        .file("other.jsonl", LABELLED.replace("1 + 1", "1 + 2"))
        .file("other.toml", "[verifiers.accuracy]\nplugin = 'math'\noptions = { order = ['boxed'] }\n");
    // The half line at its end stays too: it is cut when the output is gone on with, and not before.
    let before = folder.read("scored.jsonl") + "{\"half";
    fs::write(folder.path("scored.jsonl"), &before).unwrap();
    let score = |args: &[&str]| folder.shown(&[&["score", "--resume", "-o", "scored.jsonl"], args].concat());
    let mut pages = vec![
        score(&["-r", "other.toml", "in.jsonl"]),
        score(&["-r", "reward.toml", "in.jsonl", "--no-timing"]),
        score(&["-r", "reward.toml", "in.jsonl", "--shard", "1/2"]),
        score(&["-r", "reward.toml", "in.jsonl", "--reference-column", "answer"]),
        score(&["-r", "reward.toml", "other.jsonl"]),
        score(&["-r", "reward.toml"]),
        folder.shown(&["score", "--resume", "-r", "reward.toml", "in.jsonl"]),
    ];
    assert_eq!(folder.read("scored.jsonl"), before);
    fs::remove_file(folder.path("scored.record.json")).unwrap();
    pages.push(score(&["-r", "reward.toml", "in.jsonl"]));
    assert_eq!(folder.read("scored.jsonl"), before);
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn slices_are_the_whole_one_after_the_other() {
    let line = |number: usize| {
        format!(
            "{{\"prompt\": \"\", \"completion\": \"The answer is {number}.\", \"reference\": \"{}\"}}\n",
            number % 3
        )
    };
    let input: String =
        (0..23).map(|number| if number % 5 == 4 { "bad\n".to_owned() } else { line(number) }).collect();
    let folder = Folder::with_reward(MATH).file("in.jsonl", input);
    let score = |output: &str, flags: &[&str]| {
        let args = ["score", "-r", "reward.toml", "in.jsonl", "--no-timing", "-o", output];
        folder.run(&[&args[..], flags].concat());
        folder.read(output)
    };
    let whole = score("whole.jsonl", &[]);
    for of in [1, 2, 5, 30] {
        let slices = (1..=of).map(|number| score("part.jsonl", &["--shard", &format!("{number}/{of}")]));
        assert_eq!(slices.collect::<String>(), whole, "{of}");
    }
    let record: Value = serde_json::from_str(&folder.read("part.record.json")).unwrap();
    assert_eq!(record["shard"], "30/30");
    assert_eq!(folder.run(&["rescore", "part.jsonl"]).status.code(), Some(0));
    insta::assert_snapshot!(
        [
            folder.shown(&["score", "-r", "reward.toml", "in.jsonl", "--shard", "3/2"]),
            folder.shown_with_input(&["score", "-r", "reward.toml", "--shard", "1/2"], ""),
        ]
        .join("\n")
    );
}
