//! What the trainer says of a run that cannot be what was meant: rewards that are missing, settings and models given otherwise.

use std::fs;

use crate::gavel::{Folder, repository};
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
    // Before anything was sampled, since the verifier cannot use the task.
    let first = said.lines().next().unwrap_or_default();
    assert!(first.starts_with("warning: ") && first.contains(advice), "{said}");
    assert_eq!(said.matches("has no `reference`").count(), 1, "{said}");
    let flags = ["data", "check", "none.jsonl", "--reward", "reward.toml"];
    let model = repository().join("examples/countdown/model");
    let checked = trainer(&folder, &[&flags[..], &["--model", model.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &stderr(&checked);
    assert!(said.contains("if the reference is its `answer`, set `reference_column = \"answer\"`"), "{said}");

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

#[test]
fn weights_that_the_configuration_has_no_place_for_are_said() {
    let model = repository().join("examples/countdown/model");
    let folder = Folder::new();
    for name in ["tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        fs::create_dir_all(folder.path("model")).unwrap();
        fs::copy(model.join(name), folder.path("model").join(name)).unwrap();
    }
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    let fewer = config.replace("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 3");
    fs::write(folder.path("model/config.json"), fewer).unwrap();
    let said = stderr(&trainer(
        &folder,
        &["generate", "--model", "model", "3 5 2→13:<think>", "--max-completion-length", "4"],
    ));
    assert!(
        said.contains("of the weights' tensors have no place in the model that config.json describes"),
        "{said}"
    );
    assert!(said.contains("`model.layers.3."), "{said}");

    let short = config.replace("\"max_position_embeddings\": 2048", "\"max_position_embeddings\": 8");
    fs::write(folder.path("model/config.json"), short).unwrap();
    let said = stderr(&trainer(
        &folder,
        &["generate", "--model", "model", "3 5 2→13:<think>", "--max-completion-length", "4"],
    ));
    assert!(said.contains("the model was made for 8 (`max_position_embeddings` in config.json)"), "{said}");
    assert!(!said.contains("no place"), "{said}");
}

#[test]
fn an_evaluation_without_any_reward_is_no_success() {
    let folder = Folder::with_reward("[verifiers.accuracy]\nplugin = 'math'\n")
        .file("tasks.jsonl", "{\"prompt\": \"3 5 2→13:<think>\", \"answer\": \"13\"}\n");
    let model = repository().join("examples/countdown/model");
    let model = model.to_str().unwrap();
    let output = trainer(
        &folder,
        &[
            "eval",
            "--model",
            model,
            "--tasks",
            "tasks.jsonl",
            "--reward",
            "reward.toml",
            "--max-completion-length",
            "4",
        ],
    );
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no completion has a reward (dropped 1); if the reference is the tasks' `answer`, say `--reference-column answer`"), "{said}");
}

#[test]
fn a_setting_without_effect_is_refused_or_said() {
    let folder = Folder::new();
    let run = |settings: &[&str]| {
        one_step(&folder, &settings.iter().map(|setting| (*setting).to_owned()).collect::<Vec<_>>())
    };
    for (setting, refused) in [
        (
            "gamma=0.9",
            "error: --set gamma=0.9: `gamma` has no effect here: it is read only with `adv_estimator = \"gae\"`; leave it out, \
             or set what makes it read\n",
        ),
        (
            "chat_template_kwargs={ enable_thinking = false }",
            "`chat_template_kwargs` has no effect here: the model has no chat template; leave it out\n",
        ),
    ] {
        let output = run(&[setting]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).ends_with(refused), "{}", stderr(&output));
    }
    // No model is there, so that the run ends behind what is said.
    let said = stderr(&run(&["epsilon_high=0.28", "num_train_epochs=1", "model=none"]));
    let warnings: Vec<_> = said.lines().filter(|line| line.starts_with("warning: ")).collect();
    let expected = [
        "warning: `epsilon_high` has no effect here: it is read only off-policy: with several updates of one rollout, or \
         `rollout_ahead`",
        "warning: `num_train_epochs` has no effect here: it is read only with `max_steps` −1",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn columns_are_left_out_in_training_too_and_said_where_there_are_none() {
    let task = r#"{"prompt": "3 5 2→13:<think>", "reference": "13", "solution": "3 + 5 * 2", "level": 1}"#;
    let reward = "[verifiers.accuracy]\nplugin = 'math'\n[columns]\nleave_out = ['solution', 'levl']\n";
    let folder = Folder::with_reward(reward).file("tasks.jsonl", task);
    let settings =
        ["tasks=tasks.jsonl", "eval_tasks=tasks.jsonl", "reward=reward.toml", "metadata_column=extra"];
    let said = stderr(&one_step(&folder, &settings.map(str::to_owned)));
    for expected in [
        "tasks.jsonl:1 has no column `extra`, which is named as that of the metadata\n",
        "tasks.jsonl:1 has no column `levl`, which is to be left out (did you mean `level`?)\n",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let completions = folder.read("run/completions/completions_00001.jsonl");
    assert!(completions.contains("\"metadata\":{\"level\":1"), "{completions}");
    assert!(!completions.contains("solution"), "{completions}");
}
