//! Rewards that compare the completions of a prompt, in the commands that judge rows.

use serde_json::{Value, json};

use crate::gavel::Folder;

/// How far an answer is above the mean of its group.
const ABOVE: &str = "[verifiers.form]\nplugin = 'string'\noptions = { match = 'exact' }\n\
                     [reward]\nformula = 'form - group::mean(form)'\n";

fn row(prompt: &str, completion: &str, more: Value) -> String {
    let mut row = json!({"prompt": prompt, "completion": completion, "reference": "yes"});
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{row}\n")
}

fn rewards(output: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(output).unwrap().lines();
    lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["reward"].clone()).collect()
}

#[test]
fn rows_of_one_prompt_that_follow_each_other_are_a_group() {
    let rows = [
        row("a", "yes", json!({"id": 1})),
        row("a", "no", json!({"id": 2})),
        row("b", "yes", json!({})),
        // Told apart from the row before by a column, and from those behind.
        row("b", "yes", json!({"group": 1})),
        row("b", "no", json!({"group": 1})),
        row("b", "no", json!({"group": 1})),
        row("b", "no", json!({"group": 1})),
    ]
    .concat();
    let folder = Folder::with_reward(ABOVE).file("rows.jsonl", &rows);
    let args = ["score", "-r", "reward.toml", "--no-timing", "rows.jsonl"];
    let output = folder.run(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(rewards(&output.stdout), [0.5, -0.5, 0.0, 0.75, -0.25, -0.25, -0.25]);
    for jobs in ["1", "7"] {
        assert_eq!(folder.run(&[&args[..], &["-j", jobs]].concat()).stdout, output.stdout, "{jobs} threads");
    }
    // What was scored is derived again, and is the same for another reward file that says the same.
    let folder =
        folder.file("other.toml", ABOVE.replace("form - group::mean(form)", "0 - group::mean(form) + form"));
    folder.run(&["score", "-r", "reward.toml", "rows.jsonl", "-o", "out.jsonl"]);
    let again = folder.run(&["rescore", "out.jsonl"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    let same = folder.run(&["diff", "reward.toml", "other.toml", "rows.jsonl"]);
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
}

#[test]
fn a_column_of_groups_that_no_row_has_is_said() {
    let rows = [row("a", "yes", json!({"uid": 1})), row("a", "no", json!({"uid": 1}))].concat();
    let folder = Folder::with_reward(ABOVE).file("rows.jsonl", &rows);
    let said = |more: &[&str]| {
        let output = folder.run(&[["score", "-r", "reward.toml", "rows.jsonl"].as_slice(), more].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    let expected = "no submission has the column `nope`, which is named as that of the group";
    let stderr = said(&["--group-column", "nope"]);
    assert!(stderr.contains(expected), "{stderr}");
    for more in [["--group-column", "uid"].as_slice(), &[]] {
        assert!(!said(more).contains("named as that of the group"), "{more:?}");
    }
}

#[test]
fn a_group_larger_than_what_is_read_at_a_time_is_one_group() {
    let rows: String = (0..3000)
        .map(|n| row("a", if n % 4 == 0 { "yes" } else { "no" }, json!({})))
        .chain((0..2).map(|n| row("b", if n == 0 { "yes" } else { "no" }, json!({}))))
        .collect();
    let folder = Folder::with_reward(ABOVE).file("rows.jsonl", &rows);
    folder.run(&["score", "-r", "reward.toml", "rows.jsonl", "-o", "out.jsonl"]);
    let scored = std::fs::read(folder.path("out.jsonl")).unwrap();
    let rewards = rewards(&scored);
    assert_eq!((rewards.len(), &rewards[..2]), (3002, &[json!(0.75), json!(-0.25)][..]));
    assert_eq!(rewards[3000..], [0.5, -0.5]);
    let again = folder.run(&["rescore", "out.jsonl"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
}

#[test]
fn rows_that_are_of_no_group_are_said_and_left_out() {
    let rows = [
        row("a", "yes", json!({})),
        row("b", "no", json!({})),
        row("a", "no", json!({})),
        row("c", "yes", json!({"group": 7})),
        row("d", "yes", json!({"group": 7})),
        row("c", "no", json!({"group": 7})),
    ]
    .concat();
    let folder = Folder::with_reward(ABOVE).file("rows.jsonl", &rows);
    insta::assert_snapshot!(folder.shown(&["score", "-r", "reward.toml", "--no-timing", "rows.jsonl"]));
}

#[test]
fn no_group_is_cut() {
    let folder = Folder::with_reward(ABOVE).file("rows.jsonl", row("a", "yes", json!({})));
    for flags in [&["--shard", "1/2"][..], &["--resume"]] {
        let args = [&["score", "-r", "reward.toml", "rows.jsonl", "-o", "out.jsonl"], flags].concat();
        let output = folder.run(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("{} cuts the rows by lines", flags[0])), "{said}");
    }
}
