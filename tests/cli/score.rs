//! `gavel score`: what comes out, and what is said about it.

use crate::gavel::Folder;

const COUNTDOWN: &str = "[verifiers.accuracy]\nplugin = 'countdown'\n";

const TASK: &str = r#""prompt": "make 98", "numbers": [44, 19, 35], "target": 98"#;

fn line(completion: &str) -> String {
    format!("{{{TASK}, \"completion\": \"<answer>{completion}</answer>\"}}\n")
}

#[test]
fn good_lines_come_out_and_bad_lines_are_reported() {
    let input = [
        &line("44+19+35"),
        "nonsense\n",
        "\n",
        r#"{"prompt": "make 98"}"#,
        "\n",
        &line("44+19"),
        "[1, 2]\n",
        &line("44+19+35").replace("\"target\": 98", "\"target\": \"many\""),
    ]
    .concat();
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", input);
    insta::assert_snapshot!(folder.shown(&["score", "--reward", "reward.toml", "in.jsonl"]));
}

#[test]
fn chat_messages_and_references_that_are_objects() {
    let input = concat!(
        r#"{"prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Make 98."}], "#,
        r#""completion": [{"role": "assistant", "content": [{"type": "text", "text": "<answer>44+19+35</answer>"}]}], "#,
        r#""reference": {"numbers": [44, 19, 35], "target": 98}}"#,
        "\n",
        r#"{"prompt": [{"role": "user", "content": "Make 98."}], "completion": [{"role": "user", "content": "?"}]}"#,
        "\n",
    );
    let folder = Folder::with_reward(COUNTDOWN);
    insta::assert_snapshot!(folder.shown_with_input(&["score", "-r", "reward.toml"], input));
}

#[test]
fn a_failure_is_worth_what_the_reward_file_says() {
    let reward = |on_failure: &str| {
        format!(
            "[verifiers.accuracy]\nplugin = 'countdown'\non_failure = {on_failure}\n\
             [verifiers.format]\nplugin = 'format'\n\
             [reward]\nformula = 'accuracy + 0.1 * format'"
        )
    };
    let unfit = r#"{"prompt": "", "completion": "<think>so</think><answer>1</answer>"}"#;
    let folder = Folder::with_reward(&reward("'drop'")).file("worth.toml", reward("-1"));
    insta::assert_snapshot!(
        "a_failure_drops",
        folder.shown_with_input(&["score", "-r", "reward.toml"], unfit)
    );
    insta::assert_snapshot!(
        "a_failure_is_worth",
        folder.shown_with_input(&["score", "-r", "worth.toml"], unfit)
    );
}

#[test]
fn a_verifier_with_a_condition_is_asked_only_where_it_holds() {
    let reward = format!(
        "{COUNTDOWN}[verifiers.form]\nplugin = 'format'\nwhen = 'accuracy < 1'\n\
         [reward]\nformula = 'max(accuracy, 0.1 * form)'"
    );
    let formed = line("44+19").replace("<answer>", "<think>so</think><answer>");
    let input = [line("44+19+35"), line("44+19"), formed, line("44+19+35")].concat();
    insta::assert_snapshot!(
        Folder::with_reward(&reward).shown_with_input(&["score", "-r", "reward.toml"], &input)
    );
}

#[test]
fn a_plugin_that_runs_out_of_fuel_costs_one_submission() {
    let reward = format!("{COUNTDOWN}limits = {{ fuel = 60_000 }}");
    let long = format!("44{}", "+1".repeat(1_000));
    let input = [line("44+19+35"), line(&long), line("44+19+35")].concat();
    let output = Folder::with_reward(&reward).run_with_input(&["score", "-r", "reward.toml"], &input);
    let statuses: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|row| (row["reward"].clone(), row["outcomes"]["accuracy"]["status"].clone()))
        .collect();
    assert_eq!(
        statuses,
        [
            (1.0.into(), "verdict".into()),
            (serde_json::Value::Null, "out-of-fuel".into()),
            (1.0.into(), "verdict".into())
        ]
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn scored_lines_can_be_scored_again() {
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", line("44+19+35"));
    let scored = |input: &str, output: &str| {
        let run = folder.run(&["score", "-r", "reward.toml", input, "-o", output]);
        assert_eq!(run.status.code(), Some(0));
        assert!(run.stdout.is_empty());
        crate::gavel::without_measurements(&folder.read(output))
    };
    assert_eq!(scored("in.jsonl", "once.jsonl"), scored("once.jsonl", "twice.jsonl"));
}

#[test]
fn the_output_must_not_be_the_input() {
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", line("44+19+35"));
    insta::assert_snapshot!(folder.shown(&["score", "-r", "reward.toml", "in.jsonl", "-o", "./in.jsonl"]));
    assert_eq!(folder.read("in.jsonl"), line("44+19+35"));
}

#[test]
fn a_missing_input_is_the_users_fault() {
    insta::assert_snapshot!(Folder::with_reward(COUNTDOWN).shown(&[
        "score",
        "-r",
        "reward.toml",
        "absent.jsonl"
    ]));
}

#[test]
fn no_lines_are_no_error() {
    insta::assert_snapshot!(Folder::with_reward(COUNTDOWN).shown(&["score", "-r", "reward.toml"]));
}

#[test]
fn quiet_leaves_only_errors_and_twice_nothing() {
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", "nonsense\n");
    insta::assert_snapshot!("quiet", folder.shown(&["score", "-q", "-r", "reward.toml", "in.jsonl"]));
    insta::assert_snapshot!("quieter", folder.shown(&["score", "-qq", "-r", "reward.toml", "in.jsonl"]));
}

#[test]
fn without_a_home_compiled_plugins_are_not_kept() {
    let folder = Folder::with_reward(COUNTDOWN).file("no-folder", "");
    let mut command = folder.gavel(&["score", "-r", "reward.toml"]);
    command.env_remove("GAVEL_CACHE_DIR").env("XDG_CACHE_HOME", folder.path("no-folder"));
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
