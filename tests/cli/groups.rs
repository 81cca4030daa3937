//! Rewards that compare the completions of a prompt, in the commands that judge rows.

use serde_json::{Value, json};

use crate::gavel::Folder;

/// How far an answer is above the mean of its group.
const ABOVE: &str = "[verifiers.form]\nplugin = 'string'\noptions = { match = 'exact' }\n\
                     [reward]\nformula = 'form - group::mean(form)'\n";

/// The answer of most of a group is right.
const MAJORITY: &str = "[verifiers.majority]\nplugin = 'majority'\n\
                        options = { order = ['boxed', 'last-line'] }\n";

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

/// Rows in groups of several sizes, with lines between that are none, and one of a group that has ended.
fn of_several_groups() -> String {
    let mut rows = String::new();
    for (group, size) in [3, 1, 5, 2, 4, 1, 1, 6].into_iter().enumerate() {
        for member in 0..size {
            let completion = if (group + member) % 3 == 0 { "yes" } else { "no" };
            rows += &row(&format!("p{group}"), completion, json!({"member": member}));
            if member == 1 {
                rows += if group % 2 == 0 { "bad\n" } else { "\n" };
            }
        }
        if group == 4 {
            rows += &row("p1", "yes", json!({}));
        }
    }
    rows
}

#[test]
fn slices_cut_no_group_and_are_the_whole_one_after_the_other() {
    for reward in [ABOVE, MAJORITY] {
        let folder = Folder::with_reward(reward).file("in.jsonl", of_several_groups());
        let score = |output: &str, flags: &[&str]| {
            let args =
                ["score", "-r", "reward.toml", "in.jsonl", "--no-timing", "--answer-bad-lines", "-o", output];
            folder.run(&[&args[..], flags].concat());
            folder.read(output)
        };
        let whole = score("whole.jsonl", &[]);
        assert_eq!(whole.lines().count(), 27, "{whole}");
        for of in [1, 2, 3, 7, 40] {
            let slices = (1..=of).map(|number| score("part.jsonl", &["--shard", &format!("{number}/{of}")]));
            assert_eq!(slices.collect::<String>(), whole, "{of}");
        }
    }
}

#[test]
fn an_output_of_groups_is_gone_on_with_from_where_its_last_group_begins() {
    for (reward, more) in
        [(ABOVE, &["--answer-bad-lines"][..]), (MAJORITY, &[]), (ABOVE, &["--shard", "2/2"])]
    {
        let folder = Folder::with_reward(reward).file("in.jsonl", of_several_groups());
        let score = |output: &str, flags: &[&str]| {
            let args = ["score", "-r", "reward.toml", "in.jsonl", "--no-timing", "-o", output];
            folder.run(&[&args[..], more, flags].concat())
        };
        score("whole.jsonl", &[]);
        let (whole, record) = (folder.read("whole.jsonl"), folder.read("whole.record.json"));
        let lines: Vec<usize> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
        for bytes in [0, 1, whole.len() / 2].into_iter().chain(lines) {
            std::fs::write(folder.path("part.jsonl"), &whole[..bytes]).unwrap();
            std::fs::write(folder.path("part.record.json"), &record).unwrap();
            let run = score("part.jsonl", &["--resume"]);
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            assert_eq!(folder.read("part.jsonl"), whole, "{bytes}: {said}");
            assert_eq!(folder.read("part.record.json"), record, "{bytes}");
            assert!(
                bytes < 200 || said.contains("the last group, which may be half, is scored again"),
                "{said}"
            );
        }
        assert_eq!(folder.run(&["rescore", "part.jsonl"]).status.code(), Some(0));
    }
}

#[test]
fn a_verifier_of_groups_is_a_plugin_as_any_other() {
    let answers = [r"\boxed{4}", r"so \boxed{5}", r"it is \boxed{4}", "no idea"];
    let rows: String = answers.map(|answer| row("2 + 2", answer, json!({}))).concat();
    let folder = Folder::with_reward(MAJORITY).file("rows.jsonl", rows);
    let output = folder.run(&["score", "-r", "reward.toml", "rows.jsonl", "-o", "out.jsonl"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(rewards(folder.read("out.jsonl").as_bytes()), [1.0, 0.0, 1.0, 0.0]);
    let again = folder.run(&["rescore", "out.jsonl"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    let alone = folder.run(&["score", "--plugin", "majority", "rows.jsonl"]);
    assert_eq!(rewards(&alone.stdout), [1.0, 0.0, 1.0, 0.0]);
    let limited = folder.run(&["score", "-r", "reward.toml", "rows.jsonl", "--fuel", "1_000"]);
    let limited = String::from_utf8(limited.stdout).unwrap();
    assert_eq!(limited.matches("out-of-fuel").count(), 4, "{limited}");
}
