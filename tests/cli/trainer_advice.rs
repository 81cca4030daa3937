//! What the trainer says of a run that cannot be what was meant: rewards that are missing, settings and models given otherwise.

use crate::gavel::Folder;
use crate::reload::always;
use crate::trainer::{one_step, stderr, trainer};

#[test]
fn completions_without_reward_are_said_with_the_column_that_may_be_missed() {
    let with = r#"{"prompt": "3 5 2→13:<think>", "reference": "13", "answer": "13"}"#;
    let without = r#"{"prompt": "3 5 2→13:<think>", "answer": "13"}"#;
    let folder = Folder::with_reward("[verifiers.accuracy]\nplugin = 'math'\n")
        .file("zero.toml", "[verifiers.accuracy]\nplugin = 'math'\non_failure = 0\n")
        .file("some.jsonl", format!("{with}\n{without}\n"))
        .file("none.jsonl", without);
    let run = |tasks: &str, reward: &str, output: &str| {
        let settings = ["tasks", "eval_tasks"].map(|name| format!("{name}={tasks}"));
        let others =
            [format!("reward={reward}"), format!("output_dir={output}"), "shuffle_dataset=false".to_owned()];
        one_step(&folder, &[&settings[..], &others[..]].concat())
    };
    let some = run("some.jsonl", "reward.toml", "some");
    let said = stderr(&some);
    assert!(some.status.success(), "{said}");
    let expected = "warning: 8 of 16 completions of step 1 have no reward, and are left out: `accuracy` has no verdict (";
    assert!(said.contains(expected), "{said}");

    let none = run("none.jsonl", "reward.toml", "none");
    let said = stderr(&none);
    assert_eq!(none.status.code(), Some(1), "{said}");
    let advice = "none.jsonl:1 has no `reference`: if the reference is its `answer`, set `reference_column = \"answer\"`";
    assert!(
        said.contains(advice) && said.contains("error: no completion has had a reward for 1 step: "),
        "{said}"
    );

    let zero = run("none.jsonl", "zero.toml", "zero");
    let said = stderr(&zero);
    assert!(zero.status.success(), "{said}");
    assert!(said.contains("warning: `accuracy` has no verdict on any completion of step 1: "), "{said}");
    assert!(said.contains(advice), "{said}");
}

#[test]
fn a_setting_that_is_given_as_a_flag_says_how_it_is_given() {
    for flags in [&["--max_steps", "20"][..], &["--max_steps=20"], &["--max-steps", "20"]] {
        let output = trainer(&Folder::new(), &[&["train", "train.toml"], flags].concat());
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("tip: a setting is given by `--set max_steps=20`"), "{said}");
    }
}

#[test]
fn a_file_is_not_taken_for_the_folder_of_a_model() {
    let folder = Folder::new().file("x.gguf", "GGUF");
    let output = one_step(&folder, &["model=x.gguf".to_owned()]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("x.gguf DIR` makes a folder of it, which is the model then"), "{said}");
}

#[test]
fn a_run_in_which_nothing_can_be_learnt_says_so() {
    let folder = Folder::with_reward("[verifiers.a]\nplugin = 'a.wasm'\n").file("a.wasm", always(1));
    let output = one_step(&folder, &["reward=reward.toml".to_owned(), "eval_correct=a".to_owned()]);
    let said = stderr(&output);
    assert!(
        said.contains("warning: in the only step, no group had completions with different rewards"),
        "{said}"
    );
}
