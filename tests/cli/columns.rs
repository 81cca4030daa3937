//! `[columns]` of a reward file: rows as other projects write them are scored as they are.

use std::fs;

use serde_json::Value;

use crate::gavel::{Folder, repository};

const MATH: &str = "[verifiers.accuracy]\nplugin = 'math'\n[verifiers.accuracy.options]\norder = ['boxed']\n";

fn rewards(output: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(output).unwrap().lines();
    lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["reward"].clone()).collect()
}

#[test]
fn rows_of_every_preset_are_scored_as_they_are() {
    let presets = ["trl", "verl", "openrlhf", "nemo-gym", "verifiers"];
    for (place, preset) in
        presets.iter().flat_map(|preset| [("tests/rows", preset), ("tests/rows/gsm8k", preset)])
    {
        let reward = format!("{MATH}[columns]\npreset = '{preset}'\n");
        let file = repository().join(place).join(preset).with_extension("jsonl");
        let rows = fs::read_to_string(file).unwrap();
        let folder = Folder::with_reward(&reward).file("rows.jsonl", &rows);
        let output = folder.run(&["score", "-r", "reward.toml", "--no-timing", "rows.jsonl"]);
        assert!(output.status.success(), "{preset}: {}", String::from_utf8_lossy(&output.stderr));
        let expected: Vec<Value> = (0..rows.lines().count()).map(|n| [1.0, 0.0][n % 2].into()).collect();
        assert_eq!(rewards(&output.stdout), expected, "{place}/{preset}");
        // What a row holds passes through; only what gavel itself adds is replaced.
        for (row, scored) in rows.lines().zip(std::str::from_utf8(&output.stdout).unwrap().lines()) {
            let (mut row, mut scored): (Value, Value) =
                (serde_json::from_str(row).unwrap(), serde_json::from_str(scored).unwrap());
            for columns in [&mut row, &mut scored] {
                for added in ["reward", "outcomes"] {
                    columns.as_object_mut().unwrap().remove(added);
                }
            }
            assert_eq!(row, scored, "{preset}");
        }
    }
}

#[test]
fn a_path_names_a_column_and_a_flag_wins() {
    let rewards_of = |columns: &str, flags: &[&str]| {
        let row = r#"{"q": "1 + 1?", "said": {"text": "\\boxed{2}"}, "truth": {"now": 2, "then": 3}}"#;
        let reward = format!("{MATH}[columns]\nprompt = 'q'\ncompletion = 'said.text'\n{columns}");
        let folder = Folder::with_reward(&reward);
        let output = folder.run_with_input(&[&["score", "-r", "reward.toml"], flags].concat(), row);
        rewards(&output.stdout)
    };
    assert_eq!(rewards_of("reference = 'truth.now'", &[]), [1.0]);
    assert_eq!(rewards_of("reference = ['gold', 'truth.then']", &[]), [0.0]);
    assert_eq!(rewards_of("reference = 'truth.then'", &["--reference-column", "truth.now"]), [1.0]);
}

#[test]
fn what_metadata_holds_and_what_is_left_out() {
    let reward = "[verifiers.a]\nplugin = 'format'\n[reward]\n\
                  formula = '0 * a + task.index'\n[columns]\nmetadata = 'extra'\nleave_out = ['index']\n";
    let rows = "{\"prompt\": \"\", \"completion\": \"\", \"extra\": {\"index\": 7}, \"index\": 8}\n";
    let output = Folder::with_reward(reward).run_with_input(&["score", "-r", "reward.toml"], rows);
    assert_eq!(rewards(&output.stdout), [7.0], "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_named_column_that_no_row_has_is_said() {
    let rows = "{\"prompt\": \"\", \"completion\": \"\", \"extra\": {\"index\": 7}, \"solution\": 8}\n";
    let warnings = |columns: &str| {
        let reward = format!("[verifiers.a]\nplugin = 'format'\n[columns]\n{columns}");
        let folder = Folder::with_reward(&reward);
        let output = folder.run_with_input(&["score", "-r", "reward.toml"], &rows.repeat(2));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stderr).unwrap();
        said.lines().filter(|line| line.starts_with("warning: ")).collect::<Vec<_>>().join("\n")
    };
    for (columns, expected) in [
        ("leave_out = ['solution']\nmetadata = 'extra'", ""),
        ("preset = 'verl'\ncompletion = 'completion'", ""),
        (
            "leave_out = ['soluton']",
            "warning: no submission has the column `soluton`, which is to be left out (did you mean `solution`?)",
        ),
        (
            "leave_out = ['index']\nmetadata = 'extra'",
            "warning: no submission has the column `index`, which is to be left out: it is an entry of `extra`, whose entries \
             are all given",
        ),
        (
            "metadata = 'more'\ngroup = 'uid'",
            "warning: no submission has the column `more`, which is named as that of the metadata; its columns are `prompt`, \
             `completion`, `extra`, `solution`\n\
             warning: no submission has the column `uid`, which is named as that of the group; its columns are `prompt`, \
             `completion`, `extra`, `solution`",
        ),
    ] {
        assert_eq!(warnings(columns), expected, "{columns}");
    }
}

#[test]
fn a_mistake_names_file_field_and_what_to_write() {
    for (columns, expected) in [
        (
            "preset = 'slime'",
            "reward.toml:6:10: `columns.preset` must be one of \"trl\", \"verl\", \"openrlhf\", \"nemo-gym\", \
             \"verifiers\", found 'slime'",
        ),
        (
            "reference = 7",
            "reward.toml:6:13: `columns.reference` must be the name of a column, such as \"answer\", or a list of names \
             to look for, found 7",
        ),
        ("prompt = []", "reward.toml:6:10: `columns.prompt` must be the name of a column"),
        ("completion = ''", "reward.toml:6:14: `columns.completion` must be the name of a column"),
        (
            "leave_out = 'x'",
            "reward.toml:6:13: `columns.leave_out` must be a list of names of columns, found 'x'",
        ),
        ("referense = 'x'", "reward.toml:6:1: unknown field `columns.referense` (did you mean `reference`?)"),
    ] {
        let folder = Folder::with_reward(&format!("{MATH}[columns]\n{columns}\n"));
        let output = folder.run_with_input(&["score", "-r", "reward.toml"], "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(expected), "{columns}: {said}");
        assert_eq!(output.status.code(), Some(1));
    }
}
