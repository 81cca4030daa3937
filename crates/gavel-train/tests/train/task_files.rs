//! Tasks that come from several files: their order, what is recorded of them, and what a run goes on with.

use std::path::Path;

use gavel_train::task::{TaskFiles, read_first_tasks};

use super::*;

/// Files of two tasks each, called after their first letter.
fn write_tasks(folder: &Path, names: &[&str]) {
    std::fs::create_dir_all(folder).unwrap();
    for name in names {
        let rows: String =
            (1..=2).map(|n| format!("{{\"problem\":\"{}\"}}\n", &name[..1].repeat(n))).collect();
        std::fs::write(folder.join(name), rows).unwrap();
    }
}

/// A bench with the tasks of a folder `tasks`, in which there are these files.
fn bench_with(names: &[&str]) -> (Bench, PathBuf) {
    let mut bench = Bench::new();
    let folder = bench.directory.path().join("tasks");
    write_tasks(&folder, names);
    bench.settings.tasks = folder.clone().into();
    bench.settings.shuffle_dataset = false;
    bench.settings.max_steps = 1;
    (bench, folder)
}

#[test]
fn tasks_of_several_files_follow_each_other_in_the_order_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    write_tasks(folder.path(), &["c.jsonl", "a.jsonl", "b.jsonl"]);
    let prompts = problems("{problem}");
    let read = |names: &[&str], limit| {
        let files = TaskFiles::new(names.iter().map(|name| folder.path().join(name)).collect());
        let tasks = read_first_tasks(&files, &prompts, limit).unwrap();
        tasks.into_iter().map(|task| task.prompt).collect::<Vec<_>>()
    };
    assert_eq!(read(&["."], usize::MAX), ["a", "aa", "b", "bb", "c", "cc"]);
    assert_eq!(read(&["c.jsonl", "[ab].jsonl"], usize::MAX), ["c", "cc", "a", "aa", "b", "bb"]);
    assert_eq!(read(&["."], 3), ["a", "aa", "b"], "no more is read than is asked for");
}

#[test]
fn the_first_mistake_is_said_whichever_core_meets_one_first() {
    let folder = tempfile::tempdir().unwrap();
    write_tasks(folder.path(), &["b.jsonl"]);
    // So many rows that several cores have some of them.
    let mut rows: Vec<String> = (0..10_000).map(|n| format!("{{\"problem\":\"{n}\"}}")).collect();
    rows[4321] = "nonsense".to_owned();
    rows[9876] = "{}".to_owned();
    std::fs::write(folder.path().join("a.jsonl"), rows.join("\n")).unwrap();
    std::fs::write(folder.path().join("c.jsonl"), "").unwrap();
    let error = read_tasks(&folder.path().into(), &problems("{problem}")).unwrap_err().to_string();
    assert!(error.ends_with("a.jsonl:4322: not a JSON object"), "{error}");
    std::fs::remove_file(folder.path().join("a.jsonl")).unwrap();
    let error = read_tasks(&folder.path().into(), &problems("{problem}")).unwrap_err().to_string();
    assert!(error.ends_with("c.jsonl holds no task"), "{error}");
}

#[test]
fn a_run_records_the_order_of_its_files_and_goes_on_with_the_same_ones() {
    let (mut bench, folder) = bench_with(&["b.jsonl", "a.jsonl"]);
    bench.train(&share_of_a()).unwrap();
    let record = std::fs::read_to_string(bench.settings.output_dir.join("digests.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let names: Vec<_> = record["task_files"]["tasks"].as_array().unwrap().iter().collect();
    assert!(names[0].as_str().unwrap().ends_with("tasks/a.jsonl"), "{record}");
    assert!(names[1].as_str().unwrap().ends_with("tasks/b.jsonl"), "{record}");
    assert!(record["files"]["tasks/1"].is_string() && record["files"]["tasks/2"].is_string(), "{record}");
    let first = &bench.completions(1)[0];
    assert_eq!((&first["prompt"], &first["metadata"]["problem"]), (&"a=".into(), &"a".into()));

    // The files may lie elsewhere, and be named one by one.
    let elsewhere = bench.directory.path().join("elsewhere");
    write_tasks(&elsewhere, &["a.jsonl", "b.jsonl"]);
    bench.settings.max_steps = 2;
    let named = ["a.jsonl", "b.jsonl"].map(|name| elsewhere.join(name));
    bench.settings.tasks = TaskFiles::new(named.to_vec());
    bench.resume(&share_of_a()).unwrap();

    let refused = |bench: &Bench| match bench.resume(&share_of_a()).unwrap_err() {
        TrainError::Changed { what, .. } => what,
        error => panic!("{error}"),
    };
    bench.settings.max_steps = 3;
    bench.settings.tasks = TaskFiles::new(named.iter().rev().cloned().collect());
    assert_eq!(refused(&bench), "the file of `tasks/1`", "another order");
    bench.settings.tasks = folder.clone().into();
    write_tasks(&folder, &["c.jsonl"]);
    assert_eq!(refused(&bench), "the file of `tasks/3`", "one more");
    std::fs::remove_file(folder.join("c.jsonl")).unwrap();
    std::fs::write(folder.join("b.jsonl"), "{\"problem\":\"d\"}\n").unwrap();
    assert_eq!(refused(&bench), "the file of `tasks/2`", "one with other tasks");
}

#[test]
fn the_files_of_an_evaluation_may_change_and_that_is_recorded() {
    let (mut bench, folder) = bench_with(&["a.jsonl", "b.jsonl"]);
    bench.settings.eval_tasks = Some(bench.settings.tasks.clone());
    bench.train(&share_of_a()).unwrap();
    bench.settings.max_steps = 2;
    bench.settings.eval_tasks = Some(folder.join("b.jsonl").into());
    bench.resume(&share_of_a()).unwrap();
    let resumes = json_lines(&bench.settings.output_dir.join("resumes.jsonl"));
    let changed = resumes[0]["changed"].as_array().unwrap();
    let files = changed.iter().find(|change| change["field"] == "the file of `eval_tasks`").unwrap();
    let (before, now) = (files["before"].as_str().unwrap(), files["now"].as_str().unwrap());
    assert_eq!(before.split(", ").nth(1), Some(now), "two before, of which the second is left");
}
