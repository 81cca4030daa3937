//! Measures of completions that the tests write.

use std::fs;

use serde_json::{Value, json};

use super::*;

/// A completion of a task: whether it is right, its tokens, and its marks as checks, forged, failed, retried, first right.
fn row(task: u64, family: &str, is_right: bool, tokens: u64, marks: [u64; 5]) -> Value {
    let [checks, forged, failed, retried, first_right] = marks;
    json!({
        "prompt": "p", "completion": "c", "reference": null, "reward": f64::from(u8::from(is_right)), "task": task,
        "correct": is_right, "completion_tokens": tokens, "metadata": {"family": family, "level": 1 + task % 2},
        "outcomes": {"marks": {"status": "verdict", "reward": 1, "reason": null, "metrics": {
            "checks": checks, "forged_marks": forged, "false_claims": forged, "failed": failed, "retried": retried, "first_right": first_right
        }}},
    })
}

fn measured(rows: &[Value]) -> Measures {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.jsonl");
    fs::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    Measures::read(&path, &MeasureOptions::default()).unwrap()
}

#[test]
fn rates_are_of_what_they_say() {
    let all = measured(&[
        row(0, "sort", true, 40, [3, 0, 2, 2, 0]),
        row(0, "sort", false, 10, [1, 0, 1, 0, 0]),
        row(1, "sort", false, 20, [1, 1, 0, 0, 0]),
        row(1, "sort", false, 30, [2, 0, 1, 1, 1]),
        row(2, "modular", true, 60, [1, 0, 0, 0, 1]),
        row(2, "modular", true, 20, [0, 0, 0, 0, 0]),
    ]);
    let Group { tasks, completions, tokens, .. } = all.all;
    assert_eq!((tasks, completions, tokens), (3, 6, 30.0));
    assert_eq!((all.all.tokens_right, all.all.tokens_wrong), (Some(40.0), Some(20.0)));
    assert_eq!((all.all.checking, all.all.checks), (Some(5.0 / 6.0), Some(8.0 / 6.0)));
    assert_eq!((all.all.retrying, all.all.forged), (Some(3.0 / 4.0), Some(1.0 / 8.0)));
    // Of eight marks, four say ✓.
    assert_eq!(all.all.false_claims, Some(1.0 / 4.0));
    assert_eq!((all.all.changed_to_right, all.all.changed_to_wrong), (Some(1.0 / 3.0), Some(1.0 / 2.0)));
    assert_eq!(all.all.pass_at, BTreeMap::from([(1, 0.5), (2, 2.0 / 3.0)]));
    assert_eq!(all.families["modular"].accuracy(), 1.0);
    assert_eq!(all.levels["1"].completions, 4);
    assert_eq!(all.family_levels["sort"]["2"].accuracy(), 0.0);
}

#[test]
fn what_is_named_has_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.jsonl");
    fs::write(&path, row(0, "sort", true, 40, [3, 0, 2, 2, 0]).to_string()).unwrap();
    let default = MeasureOptions::default;
    for (options, expected) in [
        (
            MeasureOptions { correct: Some("mark".to_owned()), ..default() },
            "no completion has an outcome of `mark`, which `--correct` names; there are `marks`",
        ),
        (
            MeasureOptions { by: "familly".to_owned(), ..default() },
            "no completion has the column `familly`, which `--by` names; there are `family`, `level`",
        ),
    ] {
        let error = Measures::read(&path, &options).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    let named = MeasureOptions { correct: Some("marks".to_owned()), by: "level".to_owned(), ..default() };
    assert_eq!(Measures::read(&path, &named).unwrap().families["1"].completions, 1);
}

#[test]
fn a_share_of_nothing_is_none() {
    let all = measured(&[row(0, "sort", false, 10, [0; 5])]).all;
    assert_eq!((all.retrying, all.forged, all.changed_to_right, all.tokens_right), (None, None, None, None));
}

#[test]
fn what_gavel_score_writes_is_read_too() {
    let mut scored = row(0, "sort", true, 40, [3, 0, 2, 2, 0]);
    let columns = scored.as_object_mut().unwrap();
    for column in ["metadata", "task", "correct", "completion_tokens"] {
        columns.remove(column);
    }
    columns.insert("family".to_owned(), json!("program"));
    columns.insert("reference".to_owned(), json!({"type": "function"}));
    let all = measured(&[scored]);
    assert_eq!(
        (all.families["program"].accuracy(), all.all.tokens),
        (1.0, 1.0),
        "of letters, where nobody counted tokens"
    );
}

#[test]
fn without_a_word_on_it_a_reward_of_one_is_right() {
    let mut rows = [row(0, "sort", false, 10, [0; 5]), row(0, "sort", false, 10, [0; 5])];
    rows[0].as_object_mut().unwrap().remove("correct");
    rows[0]["reward"] = json!(1.1);
    assert_eq!(measured(&rows).all.accuracy(), 0.5);
}

#[test]
fn a_run_has_its_first_and_its_last_evaluation() {
    let dir = tempfile::tempdir().unwrap();
    let write = |step: u64, is_right: bool| {
        let path = dir.path().join(format!("evaluations/completions_{step:05}.jsonl"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let rows =
            [row(0, "<b>sort", is_right, 10, [1, 0, 0, 0, 0]), row(0, "<b>sort", is_right, 10, [0; 5])];
        fs::write(path, rows.map(|row| format!("{row}\n")).concat()).unwrap();
    };
    write(0, false);
    write(5, false);
    write(40, true);
    let found = Comparison::read(dir.path(), None, &MeasureOptions::default()).unwrap();
    assert_eq!(found.before.as_ref().unwrap().all.accuracy(), 0.0);
    assert_eq!(found.after.all.accuracy(), 1.0);
    assert!(found.sources["before"].ends_with("completions_00000.jsonl"), "{:?}", found.sources);
    let (page, svg) = (found.page(), found.svg());
    assert!(page.contains("before, pass@2") && page.contains("0.0 % → 50.0 %") == page.contains("→ 50.0 %"));
    assert!(!page.contains("<b>sort") && !svg.contains("<b>sort"), "what a data set says is text");
    assert!(svg.contains("within 2 tries"), "{svg}");

    let empty = tempfile::tempdir().unwrap();
    let error = Comparison::read(empty.path(), None, &MeasureOptions::default()).unwrap_err();
    assert!(matches!(error, ReportError::NoCompletions { .. }));
}
