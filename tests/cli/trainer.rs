//! The real trainer on the demo's base model: a step of training, its records, what goes wrong.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::add_a_reward::digest;
use crate::gavel::{Folder, repository};
use crate::reload::always;

const TRAINER: &str = env!("CARGO_BIN_EXE_gavel-train");

/// The demo, cut down to one step of 16 completions.
const ONE_STEP: [&str; 8] = [
    "max_steps=1",
    "generation_batch_size=16",
    "per_device_train_batch_size=8",
    "gradient_accumulation_steps=2",
    "max_completion_length=64",
    "eval_limit=4",
    "eval_on_start=false",
    "device=cpu",
];

pub(crate) fn command(folder: &Folder, args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(TRAINER);
    command.args(args).current_dir(folder.path("."));
    command.env("GAVEL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache"));
    command.env("OMP_NUM_THREADS", "1");
    command
}

pub(crate) fn trainer(folder: &Folder, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

/// Arguments that train one step with these settings on top, into `run` of the folder.
pub(crate) fn train_args<S: AsRef<str>>(settings: &[S]) -> Vec<String> {
    let demo = repository().join("examples/countdown/train.toml");
    let mut args = ["train", demo.to_str().unwrap(), "--set", "output_dir=run"].map(str::to_owned).to_vec();
    let settings = ONE_STEP.into_iter().chain(settings.iter().map(AsRef::as_ref));
    args.extend(settings.flat_map(|setting| ["--set".to_owned(), setting.to_owned()]));
    args
}

/// Trains one step, to its end.
pub(crate) fn one_step(folder: &Folder, settings: &[String]) -> Output {
    command(folder, &train_args(settings)).output().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Trains a step on a plugin that was not there when the trainer was built.
pub(crate) fn trains_with_a_new_plugin(plugin: &Path) {
    let before = digest(Path::new(TRAINER));
    let reward = format!("[verifiers.calm]\nplugin = {:?}\n", plugin.to_str().unwrap());
    let folder = Folder::with_reward(&reward);
    let output = one_step(&folder, &["reward=reward.toml".to_owned(), "eval_correct=calm".to_owned()]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(folder.read("run/metrics.jsonl").contains("\"verify/calm/verdict\":16.0"));
    assert!(folder.read("run/digests.json").contains(&digest(plugin)));
    assert_eq!(digest(Path::new(TRAINER)), before, "gavel-train was recompiled");
}

#[test]
fn a_run_leaves_records_a_model_and_a_report() {
    let folder = Folder::new();
    let output = one_step(&folder, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("step    1/1"));
    for file in [
        "run/settings.toml",
        "run/digests.json",
        "run/summary.json",
        "run/completions/completions_00001.jsonl",
        "run/checkpoints/step-00001/model.safetensors",
        "run/checkpoints/step-00001/tokenizer.json",
    ] {
        assert!(folder.path(file).exists(), "{file}");
    }
    let metrics = folder.read("run/metrics.jsonl");
    for name in ["reward", "completions/mean_length", "entropy", "verify/accuracy/verdict", "eval_pass@1"] {
        assert!(metrics.contains(&format!("\"{name}\":")), "{name} in {metrics}");
    }

    // What was rewarded is derived again from what the run has written down, metadata included.
    let rescored = folder.shown(&["rescore", "run"]);
    assert!(
        rescored.contains("16 rows of run: the same, bit for bit\n") && rescored.contains("exit code 0"),
        "{rescored}"
    );
    let completions = "run/completions/completions_00001.jsonl";
    let text = folder.read(completions);
    assert!(text.contains("\"metadata\":{"), "{text}");
    let (from, to) = ("\"status\":\"verdict\",\"reward\":0.0", "\"status\":\"verdict\",\"reward\":1.0");
    assert!(text.contains(from), "{text}");
    fs::write(folder.path(completions), text.replacen(from, to, 1)).unwrap();
    let rescored = folder.shown(&["rescore", "run"]);
    assert!(rescored.contains(".reward  1.0 → 0.0\n") && rescored.contains("exit code 1"), "{rescored}");

    let again = one_step(&folder, &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("holds a run already; `--resume` goes on with it, or choose"));

    let report = folder.run(&["report", "run"]);
    assert!(report.status.success(), "{}", stderr(&report));
    assert!(folder.read("run/report.html").contains("</html>"));
}

#[cfg(unix)]
#[test]
fn a_plugin_is_replaced_while_a_run_goes_on() {
    let reward = "[verifiers.a]\nplugin = 'a.wasm'\n";
    let folder = Folder::with_reward(reward).file("a.wasm", always(1));
    let first = digest(&folder.path("a.wasm"));
    let settings = ["max_steps=1000", "reward=reward.toml", "eval_correct=a", "reload=between-steps"];
    let mut command = command(&folder, &train_args(&settings));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut wait_for = |what: &str| said.by_ref().find(|line| line.starts_with(what)).unwrap();
    wait_for("step    1/1000");
    fs::write(folder.path("a.wasm"), always(2)).unwrap();
    let second = digest(&folder.path("a.wasm"));
    assert_eq!(wait_for("reloaded "), format!("reloaded a: {} → {}", &first[..12], &second[..12]));
    fs::write(folder.path("a.wasm"), "garbage").unwrap();
    let refused = wait_for("error: ");
    assert!(refused.ends_with("a.wasm is not WebAssembly: it does not start with `\\0asm`"), "{refused}");
    wait_for("step ");
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    wait_for("interrupted; ");
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let rows = |name: &str| -> Vec<Value> {
        folder.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let [start, reloaded] = &rows("run/digests.jsonl")[..] else { panic!() };
    assert_eq!((&start["step"], &start["verifiers"]["a"]), (&0.into(), &first.into()));
    assert_eq!(reloaded["verifiers"]["a"], second);
    let since = reloaded["step"].as_u64().unwrap();
    let steps = rows("run/metrics.jsonl");
    for row in steps.iter().filter(|row| row.get("reward").is_some()) {
        let expected = if row["step"].as_u64().unwrap() <= since { 1.0 } else { 2.0 };
        assert_eq!(row["reward"], expected, "{row}");
    }
    assert!(steps.len() as u64 > since, "the old one judged on after the refusal");
}

#[test]
fn evaluation_counts_on_stdout_and_keeps_completions() {
    let demo = repository().join("examples/countdown");
    let path = |name: &str| demo.join(name).to_str().unwrap().to_owned();
    let folder = Folder::new();
    let (model, tasks, reward) = (path("model"), path("held-out.jsonl"), path("reward.toml"));
    let args = ["eval", "--model", &model, "--tasks", &tasks, "--reward", &reward, "--correct", "accuracy"];
    let options =
        ["--limit", "4", "-n", "4", "--temperature", "1", "--device", "cpu", "--completions", "all.jsonl"];
    let output = trainer(&folder, &[&args[..], &options].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let numbers: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (one, four) = (numbers["eval_pass@1"].as_f64().unwrap(), numbers["eval_pass@4"].as_f64().unwrap());
    assert!((0.0..=four).contains(&one) && four <= 1.0, "{numbers}");
    let completions = folder.read("all.jsonl");
    assert_eq!(completions.lines().count(), 16);
    let right = completions.lines().filter(|line| line.contains("\"correct\":true")).count();
    assert!((right as f64 / 16.0 - one).abs() < 1e-9);
}

#[test]
fn what_an_evaluation_cannot_mean_is_refused_before_it_begins() {
    let demo = repository().join("examples/countdown");
    let path = |name: &str| demo.join(name).to_str().unwrap().to_owned();
    let (model, tasks, reward) = (path("model"), path("held-out.jsonl"), path("reward.toml"));
    let folder = Folder::new();
    let refused = |more: &[&str]| {
        let args = ["eval", "--model", &model, "--tasks", &tasks, "--reward", &reward, "--device", "cpu"];
        let output = trainer(&folder, &[&args[..], more].concat());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        stderr(&output)
    };
    let greedy = refused(&["-n", "8"]);
    assert!(
        greedy.starts_with("error: --num-generations 8 with --temperature 0 writes the same"),
        "{greedy}"
    );
    let misnamed = refused(&["--limit", "4", "--correct", "acuracy"]);
    let expected = "error: no verifier is called `acuracy`, which is to say what is correct (did you mean `accuracy`?); \
                    the reward has accuracy, format\n";
    assert!(misnamed.ends_with(expected), "{misnamed}");
}

#[cfg(unix)]
#[test]
fn sigterm_saves_a_checkpoint_from_which_the_run_goes_on() {
    let folder = Folder::new();
    let mut command = command(&folder, &train_args(&["max_steps=1000"]));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut wait_for = |what: &str| said.by_ref().find(|line| line.starts_with(what)).unwrap();
    wait_for("step    1/1000");
    let terminate = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(terminate.success());
    wait_for("finishing this step, then saving; again ends without saving");
    wait_for("interrupted; the same command with --resume goes on");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let metrics = folder.read("run/metrics.jsonl");
    let steps = metrics.lines().filter(|line| line.contains("\"reward\"")).count();
    assert!(folder.path(&format!("run/checkpoints/step-{steps:05}/trainer_state.json")).exists());

    let resume = |settings: &[String]| {
        let mut args = train_args(settings);
        args.push("--resume".to_owned());
        self::command(&folder, &args).output().unwrap()
    };
    let longer = format!("max_steps={}", steps + 1);
    let resumed = resume(std::slice::from_ref(&longer));
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let again = resume(std::slice::from_ref(&longer));
    assert!(again.status.success());
    assert!(stderr(&again).contains(&format!("has made all its {} steps", steps + 1)), "{}", stderr(&again));
    let refused = resume(&[longer, "seed=7".to_owned()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).starts_with("error: `seed` is 7, and the run in "), "{}", stderr(&refused));

    fs::remove_dir_all(folder.path("run/checkpoints")).unwrap();
    fs::create_dir(folder.path("run/checkpoints")).unwrap();
    let anew = resume(&["max_steps=1".to_owned()]);
    assert!(anew.status.success(), "{}", stderr(&anew));
    let said = "the run has no checkpoint yet, so it starts from the beginning";
    assert!(stderr(&anew).contains(said), "{}", stderr(&anew));
}

#[cfg(unix)]
#[test]
fn a_run_is_trained_in_by_one_process_at_a_time() {
    let folder = Folder::new();
    let settings = ["max_steps=100000", "save_steps=1", "save_total_limit=3"];
    let mut first = command(&folder, &train_args(&settings));
    let mut first = first.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(first.stderr.take().unwrap()).lines().map(Result::unwrap);
    said.find(|line| line.starts_with("step    2/")).unwrap();
    let mut args = train_args(&["max_steps=1", "save_total_limit=3"]);
    args.push("--resume".to_owned());
    let second = command(&folder, &args).output().unwrap();
    let told = stderr(&second);
    assert_eq!(second.status.code(), Some(1), "{told}");
    let expected =
        format!("run is trained in by another process already ({}): wait until it has ended", first.id());
    assert!(told.contains(&expected), "{told}");
    assert!(!folder.path("run/resumes.jsonl").exists(), "nothing is written by it");
    // One that is killed leaves no lock.
    first.kill().unwrap();
    first.wait().unwrap();
    let third = command(&folder, &args).output().unwrap();
    assert!(third.status.success(), "{}", stderr(&third));

    // A checkpoint that is damaged is named, with what to do.
    let checkpoints = fs::read_dir(folder.path("run/checkpoints")).unwrap();
    let checkpoints = checkpoints.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut steps: Vec<u64> =
        checkpoints.filter_map(|name| name.strip_prefix("step-")?.parse().ok()).collect();
    steps.sort_unstable();
    let [.., before, last] = steps[..] else { panic!("{steps:?}") };
    fs::write(folder.path(&format!("run/checkpoints/step-{last:05}/optimizer.safetensors")), "cut").unwrap();
    let mut more = train_args(&settings);
    more.push("--resume".to_owned());
    let damaged = command(&folder, &more).output().unwrap();
    assert_eq!(damaged.status.code(), Some(1), "{}", stderr(&damaged));
    let advice = format!("is damaged: move that folder away, and `--resume` goes on from step {before}: ");
    assert!(stderr(&damaged).contains(&advice), "{}", stderr(&damaged));
}

#[cfg(unix)]
#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_last_one_and_nothing_else() {
    let folder = Folder::new();
    let first = one_step(&folder, &[]);
    assert!(first.status.success(), "{}", stderr(&first));
    // No file may grow beyond a few MB, which the shell's child finds out when it writes, as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 6000; exec \"$@\"";
    let mut args: Vec<String> = ["-c", script, "sh", TRAINER].map(str::to_owned).to_vec();
    args.extend(train_args(&["max_steps=2"]));
    args.push("--resume".to_owned());
    let template = command(&folder, &[] as &[&str]);
    let mut full = Command::new("sh");
    full.args(&args).current_dir(folder.path("."));
    full.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = full.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("error: cannot write "), "{}", stderr(&output));
    let left: Vec<_> = fs::read_dir(folder.path("run/checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["step-00001"]);
}

#[test]
fn a_setting_that_does_not_exist_is_one_error() {
    let output = one_step(&Folder::new(), &["learning_rat=1".to_owned()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: --set learning_rat=1: unknown field `learning_rat`"));
    assert_eq!(stderr(&output).lines().count(), 1);
}

#[test]
fn the_task_files_of_the_demo_are_what_their_readme_says() {
    let demo = repository().join("examples/countdown");
    for (file, split, count, seed) in
        [("tasks.jsonl", "train", "1280", "1"), ("held-out.jsonl", "held-out", "512", "2")]
    {
        let output = trainer(
            &Folder::new(),
            &["tasks", "countdown", "--split", split, "--count", count, "--seed", seed],
        );
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(output.stdout == fs::read(demo.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn what_is_no_gguf_file_is_refused_and_leaves_nothing() {
    let folder = Folder::new().file("text.gguf", "hello, this is no model").file("there/config.json", "{}");
    let refused = trainer(&folder, &["import", "text.gguf", "model"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert_eq!(said, "error: text.gguf cannot be imported: it does not begin with GGUF\n");
    let there = trainer(&folder, &["import", "text.gguf", "there"]);
    assert!(
        String::from_utf8_lossy(&there.stderr).contains("cannot write there: entity already exists"),
        "{there:?}"
    );
    assert!(!folder.path("model").exists() && !folder.path("model.partial").exists());
}

/// The demo's model with a chat template, in the characters that it knows.
pub(crate) fn with_chat_model() -> Folder {
    let mut folder = Folder::new();
    for entry in fs::read_dir(repository().join("examples/countdown/model")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        folder = folder.file(&format!("model/{name}"), fs::read(&path).unwrap());
    }
    folder
        .file("model/chat_template.jinja", "{% for message in messages %}{{ message.content }}{% endfor %}:")
}

#[test]
fn a_chat_template_is_used_where_it_is_asked_for_and_its_absence_is_said() {
    let folder = with_chat_model();
    let generate = |more: &[&str]| {
        let args =
            ["generate", "--model", "model", "--device", "cpu", "--max-completion-length", "4", "3 5 2→13"];
        let output = trainer(&folder, &[&args[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        (String::from_utf8(output.stdout.clone()).unwrap(), stderr(&output))
    };
    let (bare, said) = generate(&["-n", "2"]);
    assert!(said.starts_with("warning: model has a chat template, and its prompts are bare text"), "{said}");
    assert!(bare.starts_with("--- 1 of 2\n") && bare.contains("\n--- 2 of 2\n"), "{bare}");
    let (chat, said) = generate(&["--template", "chat", "--json"]);
    assert_eq!(said, "");
    let row: Value = serde_json::from_str(&chat).unwrap();
    assert_eq!(
        (&row["prompt"], &row["tokens"], &row["truncated"]),
        (&"3 5 2→13:".into(), &4.into(), &true.into())
    );
}

#[test]
fn training_takes_conversations_and_says_what_it_cannot_use() {
    let task = r#"{"prompt": [{"role": "user", "content": "3 5 2→13"}], "numbers": [3, 5, 2], "target": 13}"#;
    let folder = with_chat_model()
        .file("tasks.jsonl", task)
        .file("gsm8k.jsonl", r#"{"question": "1+1", "answer": "2"}"#);
    let train = |more: &[&str]| {
        let mut settings = vec!["model=model".to_owned(), "save_total_limit=1".to_owned()];
        settings.extend(more.iter().map(|setting| (*setting).to_owned()));
        one_step(&folder, &settings)
    };
    let refused = |more: &[&str]| {
        let output = train(more);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    let trained = train(&["tasks=tasks.jsonl"]);
    assert!(trained.status.success(), "{}", stderr(&trained));
    assert!(!stderr(&trained).contains("warning: model has a chat template"), "{}", stderr(&trained));
    assert!(
        stderr(&trained).contains("for each checkpoint; save_steps says how often"),
        "{}",
        stderr(&trained)
    );
    let ignored = train(&["template=r1-zero", "output_dir=other"]);
    assert!(
        stderr(&ignored).contains("warning: `template` is for a task's `problem`, and "),
        "{}",
        stderr(&ignored)
    );
    let asked = r#"{"question": "3 5 2→13:", "numbers": [3, 5, 2], "target": 13}"#;
    fs::write(folder.path("asked.jsonl"), asked).unwrap();
    let chat = train(&["tasks=asked.jsonl", "prompt_column=question", "template=chat", "output_dir=chat"]);
    let warnings: Vec<String> =
        stderr(&chat).lines().filter(|line| line.contains("`template`")).map(str::to_owned).collect();
    assert_eq!(warnings.len(), 1, "{}", stderr(&chat));
    assert!(
        warnings[0].ends_with("set `problem_column = \"question\"`, and no `prompt_column`"),
        "{warnings:?}"
    );
    assert!(!stderr(&chat).contains("bare text"), "{}", stderr(&chat));
    let columns = refused(&["tasks=gsm8k.jsonl", "output_dir=another"]);
    assert!(
        columns.contains(
            "set `problem_column = \"question\"` and `reference_column = \"answer\"` (`gavel eval`: "
        ),
        "{columns}"
    );
    let hub = refused(&["model=HuggingFaceTB/SmolLM2-135M-Instruct", "output_dir=another"]);
    assert!(hub.contains("write `hf://HuggingFaceTB/SmolLM2-135M-Instruct`"), "{hub}");
}

#[test]
fn tasks_may_be_compressed_and_have_columns_of_other_names() {
    let row = "{\"question\": \"3 5 2→13:<think>\", \"truth\": {\"of\": {\"numbers\": [3, 5, 2], \"target\": 13}}}\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(row.repeat(4).as_bytes()).unwrap();
    let folder = Folder::new().file("tasks.jsonl.gz", gzip.finish().unwrap());
    let settings = [
        "tasks=tasks.jsonl.gz",
        "eval_tasks=tasks.jsonl.gz",
        "prompt_column=question",
        "reference_column=truth.of",
    ];
    let output = one_step(&folder, &settings.map(str::to_owned));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(folder.read("run/metrics.jsonl").contains("\"verify/accuracy/verdict\":16.0"));

    let demo = repository().join("examples/countdown");
    let path = |name: &str| demo.join(name).to_str().unwrap().to_owned();
    let (model, reward) = (path("model"), path("reward.toml"));
    let args =
        ["eval", "--model", &model, "--tasks", "tasks.jsonl.gz", "--reward", &reward, "--device", "cpu"];
    let columns =
        ["--prompt-column", "question", "--reference-column", "truth.of", "--max-completion-length", "8"];
    let output = trainer(&folder, &[&args[..], &columns].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    // The reward file says it once for all of them.
    let text = fs::read_to_string(&reward).unwrap();
    let columns = "[columns]\nprompt = ['q', 'question']\nreference = 'truth.of'\n";
    let folder = folder.file("reward.toml", text + columns);
    let mut by_file = args;
    by_file[6] = "reward.toml";
    let output = trainer(&folder, &[&by_file[..], &["--max-completion-length", "8"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let settings =
        ["tasks=tasks.jsonl.gz", "eval_tasks=tasks.jsonl.gz", "reward=reward.toml", "output_dir=again"];
    let output = one_step(&folder, &settings.map(str::to_owned));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(folder.read("again/metrics.jsonl").contains("\"verify/accuracy/verdict\":16.0"));
    let misnamed = trainer(&folder, &[&args[..], &["--prompt-column", "questoin"]].concat());
    let said = stderr(&misnamed);
    assert!(
        said.ends_with("a task needs a `questoin` (a text, or a list of chat messages) or a `problem` (a text); its columns \
                        are `question`, `truth`; if `question` is the problem, set `problem_column = \"question\"` (`gavel \
                        eval`: --problem-column question)\n"),
        "{said}"
    );
}
