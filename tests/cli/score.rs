//! `gavel score`: what comes out, and what is said about it.

use crate::add_a_reward::digest;
use crate::gavel::Folder;
use crate::reload::always;

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
fn components_are_in_the_output_each_by_itself() {
    let reward = format!(
        "{COUNTDOWN}[verifiers.form]\nplugin = 'format'\n\
         [reward.components]\nform = {{ weight = 0.5 }}\nright = 'accuracy * form'\nanswered = {{ formula = 'accuracy.has_answer', weight = 0 }}"
    );
    let formed = |completion: &str| line(completion).replace("<answer>", "<think>so</think><answer>");
    let unfit = formed("44+19").replace("\"target\": 98", "\"target\": \"many\"");
    let input = [formed("44+19+35"), formed("44+19"), line("44+19+35"), unfit].concat();
    let folder = Folder::with_reward(&reward);
    insta::assert_snapshot!(folder.shown_with_input(&["score", "-r", "reward.toml", "--no-timing"], &input));
    // What was scored is scored again, and is the same.
    let again = folder.run_with_input(&["score", "-r", "reward.toml", "--no-timing"], &input).stdout;
    let once_more = folder
        .run_with_input(&["score", "-r", "reward.toml", "--no-timing"], std::str::from_utf8(&again).unwrap());
    assert_eq!(String::from_utf8_lossy(&once_more.stdout), String::from_utf8_lossy(&again));
    let both = Folder::with_reward(&format!("{reward}\n[reward]\nformula = 'form'")).run(&[
        "score",
        "-r",
        "reward.toml",
    ]);
    assert_eq!(both.status.code(), Some(1));
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
    let reward = format!("{COUNTDOWN}limits = {{ fuel = 90_000 }}");
    let long = format!("44{}", "+1".repeat(3_000));
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

#[test]
fn a_run_in_which_nothing_has_a_reward_is_no_success() {
    let folder = Folder::with_reward(&format!("{COUNTDOWN}limits = {{ fuel = 1_000 }}"));
    let input = line("44+19+35").repeat(2);
    insta::assert_snapshot!(folder.shown_with_input(&["score", "-r", "reward.toml"], &input));
}

#[test]
fn every_line_says_why_it_has_no_reward() {
    let reward = "[verifiers.a]\nplugin = 'countdown'\n[reward]\nformula = 'if(a == 1, 1 / (a - 1), if(a == 2, 1, a.has_answer / 0 - 1 / 0))'";
    let input = [line("44+19+35"), line("44+19"), line("44").replace("98}", "\"many\"}")].concat();
    // With one thread, the warning is of the first line.
    insta::assert_snapshot!(
        Folder::with_reward(reward).shown_with_input(&["score", "-r", "reward.toml", "-j", "1"], &input)
    );
}

#[test]
fn without_timing_the_same_lines_give_the_same_bytes() {
    let input: String = (0..50).map(|number| line(&format!("44+19+{number}"))).collect();
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", input);
    let scored = |output: &str, record: &str| {
        let args = ["score", "-r", "reward.toml", "in.jsonl", "-o", output, "--no-timing", "-j", "3"];
        assert_eq!(folder.run(&args).status.code(), Some(0));
        (folder.read(output), folder.read(record))
    };
    let once = scored("once.jsonl", "once.record.json");
    assert_eq!(once, scored("twice.jsonl", "twice.record.json"));
    assert!(!once.0.contains("\"ms\""));
}

#[test]
fn a_record_says_what_judged() {
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", line("44+19+35") + "nonsense\n");
    let run = folder.run(&["score", "-r", "reward.toml", "in.jsonl", "--record", "record.json"]);
    assert_eq!(run.status.code(), Some(1));
    let record: serde_json::Value = serde_json::from_str(&folder.read("record.json")).unwrap();
    let judges = &record["judged_by"][0];
    let sha256 = |digest: &str| format!("sha256:{digest}");
    assert_eq!(judges["files"]["reward.toml"], sha256(&digest(&folder.path("reward.toml"))));
    assert_eq!(judges["plugins"]["accuracy"].as_str().unwrap().len(), "sha256:".len() + 64);
    assert_eq!(
        (&record["submissions"], &record["with_reward"], &record["bad_lines"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert!(record["engine"].as_str().unwrap().starts_with("wasmtime "));
    // All that a score depends on, the reward file's own text among it.
    let version = &judges["version"];
    assert_eq!(version["reward"], serde_json::json!({ "file": "reward.toml", "text": COUNTDOWN }));
    assert_eq!((&version["gavel"], &version["engine"]), (&record["gavel"], &record["engine"]));
    let verifier = &version["verifiers"]["accuracy"];
    assert_eq!(
        (&verifier["plugin"], &verifier["options"]),
        (&judges["plugins"]["accuracy"], &serde_json::json!({}))
    );
    assert!(verifier["limits"]["fuel"].is_u64() && verifier["limits"]["programs"]["runs"].is_u64());
    assert_eq!(judges["columns"]["reference"], serde_json::json!(["reference"]));
    // It is never something that is needed.
    for taken in ["in.jsonl", "reward.toml", "out.jsonl"] {
        let run =
            folder.run(&["score", "-r", "reward.toml", "in.jsonl", "-o", "out.jsonl", "--record", taken]);
        assert_eq!(run.status.code(), Some(1), "{taken}");
    }
    assert_eq!(folder.read("reward.toml"), COUNTDOWN);
}

#[test]
fn half_a_character_is_replaced_and_judged() {
    let input =
        [line("44+19+35").replace("make 98", "make \\ud83d98"), line("44+19").replace("44+19", "\\udc00+19")]
            .concat();
    let output = Folder::with_reward(COUNTDOWN).run_with_input(&["score", "-r", "reward.toml"], &input);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["prompt"], "make \u{fffd}98");
    assert_eq!((&rows[0]["reward"], &rows[1]["reward"]), (&1.0.into(), &0.0.into()));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_line_that_no_verifier_could_be_given_is_left_out() {
    let folder = Folder::with_reward(&format!("{COUNTDOWN}limits = {{ input = 4096 }}"));
    let long = line("44+19+35").replace("make 98", &"x".repeat(9_000));
    let input = [line("44+19+35"), long, line("44+19+35")].concat();
    insta::assert_snapshot!(folder.shown_with_input(&["score", "-r", "reward.toml"], &input));
}

#[test]
fn what_a_plugin_wants_beyond_gavels_limits_it_gets_from_the_reward_file_alone() {
    let manifest = "manifest_version = 1\n[plugin]\nname = 'a'\nversion = '1.0.0'\nentry = 'a.wasm'\n\
                    [limits]\nfuel = 9_000_000_000\ntimeout = '1h'\nmemory = '1MiB'\n";
    let reward = "[verifiers.a]\nplugin = './a/'\n";
    let folder = Folder::with_reward(reward)
        .file("granted.toml", format!("{reward}limits = {{ fuel = 9_000_000_000, timeout = '20s' }}"))
        .file("a/gavel.toml", manifest)
        .file("a/a.wasm", always(1));
    let input = r#"{"prompt": "", "completion": ""}"#;
    insta::assert_snapshot!("a_wish", folder.shown_with_input(&["score", "-r", "reward.toml"], input));
    insta::assert_snapshot!(
        "a_wish_that_is_granted",
        folder.shown_with_input(&["score", "-r", "granted.toml"], input)
    );
}

#[cfg(unix)]
#[test]
fn a_closed_stdout_is_said_before_anything_is_judged() {
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", line("44+19+35"));
    let closed = shell(&folder, "exec \"$GAVEL\" score -r reward.toml in.jsonl >&-");
    let stderr = String::from_utf8(closed.stderr).unwrap();
    assert_eq!(
        (closed.status.code(), stderr.as_str()),
        (
            Some(1),
            "error: stdout is closed, so that nobody would get the scores; name a file with --output, or /dev/null where they \
             are not wanted\n"
        )
    );
    let named = shell(&folder, "exec \"$GAVEL\" score -q -r reward.toml in.jsonl -o out.jsonl >&-");
    assert_eq!((named.status.code(), folder.read("out.jsonl").lines().count()), (Some(0), 1));
    // The second is how Python's `subprocess.DEVNULL` opens it.
    for thrown_away in [">/dev/null", "1<>/dev/null"] {
        let command = format!("exec \"$GAVEL\" score -q -r reward.toml in.jsonl {thrown_away}");
        let output = shell(&folder, &command);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_leaves_whole_lines() {
    let reward = "[verifiers.a]\nplugin = './a.wasm'\n";
    let input = format!("{{\"prompt\": \"{}\", \"completion\": \"\"}}\n", "x".repeat(700)).repeat(2_000);
    let folder = Folder::with_reward(reward).file("a.wasm", always(1)).file("in.jsonl", input);
    // The shell's unit is 512 or 1024 bytes: the output has more in either.
    let limited = "trap '' XFSZ; ulimit -f 1000; exec \"$GAVEL\" score -q -r reward.toml in.jsonl";
    for command in [
        format!("{limited} -o out.jsonl"),
        format!("{limited} > out.jsonl"),
        format!("{limited} >> out.jsonl"),
    ] {
        std::fs::write(folder.path("out.jsonl"), "").unwrap();
        let full = shell(&folder, &command);
        let stderr = String::from_utf8(full.stderr).unwrap();
        assert_eq!(full.status.code(), Some(2), "{stderr}");
        let lines = folder.read("out.jsonl").lines().count();
        assert!(lines > 100 && folder.read("out.jsonl").ends_with("}\n"), "half a line is left");
        assert!(stderr.contains(&format!(" after {lines} lines: File too large")), "{stderr}");
    }
    let no_room = shell(&folder, "exec \"$GAVEL\" score -q -r reward.toml in.jsonl -o /dev/full");
    let stderr = String::from_utf8(no_room.stderr).unwrap();
    assert_eq!(
        stderr,
        "error: cannot write to /dev/full after 0 lines: No space left on device (os error 28)\n"
    );
    assert_eq!(no_room.status.code(), Some(2));
}

/// Runs a shell in which `$GAVEL` is the binary.
#[cfg(unix)]
fn shell(folder: &Folder, command: &str) -> std::process::Output {
    let gavel = folder.gavel(&[]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", command]).current_dir(folder.path(".")).env("GAVEL", gavel.get_program());
    for (name, value) in gavel.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdin(std::process::Stdio::null()).output().unwrap()
}

const MATH_ROW: &str =
    "{\"question\": \"1 + 1?\", \"response\": \"It is \\\\boxed{2}.\", \"answer\": \"2\"}\n";

#[test]
fn one_plugin_judges_without_a_reward_file() {
    let row = "{\"prompt\": \"1 + 1?\", \"completion\": \"#### 2\", \"reference\": \"... #### 2\"}\n";
    let args = ["score", "--plugin", "math", "--options", r#"{"preset": "gsm8k"}"#];
    insta::assert_snapshot!(
        [
            Folder::new().shown_with_input(&args, row),
            Folder::new().shown_with_input(&["score", "--plugin", "maht"], row),
            Folder::new().shown_with_input(
                &["score", "--plugin", "math", "--options", r#"{"presett": "gsm8k"}"#],
                row
            ),
            Folder::new().shown_with_input(&["score", "--plugin", "math", "--options", "gsm8k"], row),
        ]
        .join("\n")
    );
}

#[test]
fn columns_that_are_called_otherwise_are_named() {
    let folder = Folder::with_reward("[verifiers.accuracy]\nplugin = 'math'\n");
    let score = ["score", "-r", "reward.toml"];
    let named = ["--prompt-column", "question", "--completion-column", "response"];
    insta::assert_snapshot!(
        [
            folder.shown_with_input(&score, MATH_ROW),
            folder.shown_with_input(&[&score[..], &named].concat(), MATH_ROW),
            folder.shown_with_input(
                &[&score[..], &named, &["--reference-column", "answer"]].concat(),
                MATH_ROW
            ),
        ]
        .join("\n")
    );
}

/// Also where no verifier misses the reference: somebody has said that there is one.
#[test]
fn a_column_that_is_named_and_not_there_is_told_the_nearest() {
    let folder = Folder::with_reward("[verifiers.accuracy]\nplugin = 'math'\n")
        .file("any.toml", "[verifiers.a]\nplugin = 'a.wasm'\n")
        .file("a.wasm", always(1));
    let score = |reward: &str, completion: &str, reference: &str, rows: &str| {
        let columns = ["--prompt-column", "question", "--completion-column", completion];
        let rest = ["--reference-column", reference, "--no-timing"];
        folder.shown_with_input(&[&["score", "-r", reward][..], &columns, &rest].concat(), rows)
    };
    let nested = "{\"question\": \"\", \"response\": \"2\", \"reward_model\": {\"style\": \"rule\", \"ground_truth\": \"2\"}}\n";
    let null = MATH_ROW.replace("\"2\"}", "null}");
    insta::assert_snapshot!(
        [
            score("reward.toml", "response", "anwser", MATH_ROW),
            score("any.toml", "response", "anwser", MATH_ROW),
            score("any.toml", "response", "reward_model.groundtruth", nested),
            score("reward.toml", "response", "answer", &null),
            score("reward.toml", "respnse", "answer", MATH_ROW),
        ]
        .join("\n")
    );
}

#[test]
fn what_is_no_input_is_one_error() {
    let rows = MATH_ROW.repeat(200);
    let indented = "{\n  \"prompt\": \"a\",\n  \"completion\": \"b\"\n}\n";
    let folder = Folder::with_reward(COUNTDOWN)
        .file("indented.json", indented)
        .file("table.txt", "prompt,completion\na,b\n".repeat(100))
        .file("a.parquet", b"PAR1\x15\x04\x15\n\n\xff\n")
        .file("prose.txt", "It was a dark and stormy night.\n".repeat(100))
        .file("other-columns.jsonl", &rows);
    let files = ["indented.json", "table.txt", "a.parquet", "prose.txt", "other-columns.jsonl"];
    let shown = files.map(|file| folder.shown(&["score", "-r", "reward.toml", file]));
    insta::assert_snapshot!(shown.join("\n"));
}

/// A list, a table and Parquet are rows like any other; what breaks off is said behind what was whole.
#[test]
fn rows_come_in_other_forms_than_lines() {
    let list = "[\n  {\"prompt\": \"\", \"completion\": \"\\\\boxed{2}\",\n   \"reference\": 2}\n]\n";
    let table = "prompt,completion,reference\n,\"So \\boxed{1,000}\",1000\n,\\boxed{3},2\n";
    let folder = Folder::with_reward("[verifiers.accuracy]\nplugin = 'math'\n")
        .file("list.json", list)
        .file("cut.json", &list[..list.len() - 8])
        .file("table.csv", table)
        .file("verl.parquet", include_bytes!("data/verl.parquet"));
    let score = ["score", "-r", "reward.toml", "--no-timing"];
    let verl =
        [score.as_slice(), &["--reference-column", "reward_model.ground_truth", "verl.parquet"]].concat();
    let mut shown = vec![folder.shown(&verl)];
    for file in ["list.json", "cut.json", "table.csv"] {
        shown.push(folder.shown(&[score.as_slice(), &[file]].concat()));
    }
    shown.push(folder.shown_with_input(&score, list));
    insta::assert_snapshot!(shown.join("\n"));
}

/// A few mistakes before the first submission are told one by one, and so is everything to who wants every line answered.
#[test]
fn an_input_that_begins_badly_is_not_given_up_too_early() {
    let folder = Folder::with_reward(COUNTDOWN).file("in.jsonl", "nonsense\n".repeat(4) + &line("44+19+35"));
    let some = folder.run(&["score", "-r", "reward.toml", "in.jsonl"]);
    let said = String::from_utf8(some.stderr).unwrap();
    assert_eq!((said.matches("error: in.jsonl:").count(), some.status.code()), (4, Some(1)), "{said}");
    assert_eq!(String::from_utf8(some.stdout).unwrap().lines().count(), 1);
    let rows = "nonsense\n".repeat(9);
    let all = folder.run_with_input(&["score", "-r", "reward.toml", "--answer-bad-lines"], &rows);
    assert_eq!(String::from_utf8(all.stdout).unwrap().lines().count(), 9);
}

#[test]
fn a_reference_that_is_no_text_is_read_or_an_invalid_task() {
    let folder = Folder::with_reward("[verifiers.accuracy]\nplugin = 'math'\n");
    let row = |reference: &str| {
        format!("{{\"prompt\": \"\", \"completion\": \"\\\\boxed{{2}}\", \"reference\": {reference}}}\n")
    };
    let rows: String = ["2", "2.0", "[\"2\", \"3\"]", "{\"answer\": \"2\"}", "true"].map(row).concat();
    insta::assert_snapshot!(folder.shown_with_input(&["score", "-r", "reward.toml", "--no-timing"], &rows));
}

#[test]
fn every_line_but_a_blank_one_has_an_answer_where_that_is_asked_for() {
    let folder = Folder::with_reward("[verifiers.a]\nplugin = 'string'\n");
    let rows = "nonsense\n{\"id\": 7, \"prompt\": \"\"}\n\n{\"prompt\": \"\", \"completion\": \"a\", \"reference\": \"a\"}\n";
    insta::assert_snapshot!(
        folder.shown_with_input(&["score", "-r", "reward.toml", "--answer-bad-lines"], rows)
    );
}

#[test]
fn limits_are_lowered_and_none_is_raised() {
    let reward = "[verifiers.accuracy]\nplugin = 'math'\nlimits = { fuel = 50_000_000 }\n";
    let row = "{\"prompt\": \"1 + 1\", \"completion\": \"The answer is 2.\", \"reference\": \"2\"}\n";
    let folder = Folder::with_reward(reward).file("in.jsonl", row);
    let score = |flags: &[&str]| {
        folder.run(&[&["score", "-r", "reward.toml", "in.jsonl", "-o", "out.jsonl"], flags].concat())
    };
    for (flags, status) in [
        (&[][..], "verdict"),
        (&["--fuel", "1_000"], "out-of-fuel"),
        (&["--limit", "input=10"], "refused"),
        (&["--timeout", "5s", "--memory", "64MiB"], "verdict"),
    ] {
        let run = score(flags);
        let out = folder.read("out.jsonl");
        assert!(out.contains(&format!("\"status\":\"{status}\"")), "{flags:?}: {out} {run:?}");
    }
    score(&["--fuel", "1_000"]);
    let record = folder.read("out.record.json");
    assert!(record.contains("\"fuel\": 1000"), "what judged has the lower limit: {record}");
    for (flags, says) in [
        (["--fuel", "60_000_000"], "`limits.fuel` = 60000000 would raise a limit"),
        (["--limit", "fule=3"], "fule"),
        (["--timeout", "fast"], "timeout"),
    ] {
        let run = score(&flags);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{said}");
        assert!(said.contains(says), "{said}");
    }
}
