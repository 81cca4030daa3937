//! Trains a tiny random model on rewards written in Rust: the reward rises, the records say so, a killed run goes on
//! as if nothing had happened.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gavel_model::{Config, Model, Precision, Tokenizer};
use gavel_train::TrainError;
use gavel_train::eval::{EvalOptions, evaluate};
use gavel_train::settings::{Reload, Settings};
use gavel_train::task::{Template, read_tasks};
use gavel_train::train::{Progress, Start, Summary, train};
use gavel_verify::{Change, Failure, Outcome, Refreshed, Reply, Reward, Score, Submission, Verdict};
use serde_json::Value;
use tch::Device;

/// A reward in plain Rust.
struct Native<F>(F);

impl<F: Fn(&Submission) -> Score + Send + Sync> Reward for Native<F> {
    fn submit(&self, submission: Submission, reply: Reply) {
        reply(self.0(&submission));
    }

    fn digests(&self) -> Vec<(String, String)> {
        vec![("native".to_owned(), String::new())]
    }
}

fn native(score: impl Fn(&Submission) -> Score + Send + Sync + 'static) -> Arc<dyn Reward> {
    Arc::new(Native(score))
}

fn scored(reward: f64) -> Score {
    let verdict = Verdict {
        reward,
        reason: Some("counted".to_owned()),
        metrics: vec![("twice".to_owned(), 2.0 * reward)],
    };
    Score {
        reward: Some(reward),
        outcomes: vec![("native".to_owned(), Outcome::verdict(verdict, Duration::from_millis(1)))],
    }
}

/// The share of the letter a.
fn share_of_a() -> Arc<dyn Reward> {
    native(|submission| {
        let letters = submission.completion.chars().count().max(1);
        scored(submission.completion.matches('a').count() as f64 / letters as f64)
    })
}

/// A model, tasks, and settings that go with them, in a directory of their own.
struct Bench {
    directory: tempfile::TempDir,
    settings: Settings,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = bench_settings(directory.path());
        save_model(&settings.model);
        let tasks: String = (0..12)
            .map(|n| format!("{{\"problem\":\"{}\",\"reference\":{n}}}\n", "abcd".repeat(1 + n % 3)))
            .collect();
        std::fs::write(&settings.tasks, tasks).unwrap();
        Self { directory, settings }
    }

    fn train(&self, reward: &Arc<dyn Reward>) -> Result<Summary, TrainError> {
        train(&self.settings, reward, Start::New, &mut |_| ControlFlow::Continue(()))
    }

    fn rows(&self) -> Vec<Value> {
        json_lines(&self.settings.output_dir.join("metrics.jsonl"))
    }
}

fn bench_settings(directory: &Path) -> Settings {
    Settings {
        model: directory.join("model"),
        tasks: directory.join("tasks.jsonl"),
        output_dir: directory.join("run"),
        template: "{problem}=".to_owned(),
        device: "cpu".to_owned(),
        num_generations: 8,
        per_device_train_batch_size: 32,
        max_completion_length: 12,
        learning_rate: 1e-2,
        max_steps: 20,
        ..Settings::default()
    }
}

fn save_model(directory: &Path) {
    let tokenizer = Tokenizer::characters("abcd=", &[]).unwrap();
    let config = Config {
        vocab_size: tokenizer.vocab_size() as i64,
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 16,
        eos_token_ids: tokenizer.eos_token_id().into_iter().collect(),
        pad_token_id: tokenizer.pad_token_id(),
        ..Config::default()
    };
    std::fs::create_dir_all(directory).unwrap();
    Model::random(config, 1, Device::Cpu, Precision::FULL).save(directory).unwrap();
    tokenizer.save(directory).unwrap();
}

fn json_lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn weights(checkpoint: &Path) -> Vec<u8> {
    std::fs::read(checkpoint.join("model.safetensors")).unwrap()
}

fn rewards(rows: &[Value]) -> Vec<f64> {
    rows.iter().filter_map(|row| row["reward"].as_f64()).collect()
}

#[test]
fn the_reward_rises_with_every_kind_of_loss() {
    for loss_type in ["grpo", "dr_grpo", "dapo", "bnpo"] {
        let mut bench = Bench::new();
        bench.settings.loss_type = serde_json::from_value(loss_type.into()).unwrap();
        bench.train(&share_of_a()).unwrap();
        let rewards = rewards(&bench.rows());
        let (first, last) = (rewards[0], rewards[19]);
        assert!(first < 0.4 && last > 0.8, "{loss_type}: from {first} to {last}");
    }
}

#[test]
fn the_reward_rises_off_policy_and_with_a_reference_model() {
    let mut bench = Bench::new();
    bench.settings.per_device_train_batch_size = 16;
    bench.settings.steps_per_generation = Some(2);
    bench.settings.num_iterations = 2;
    bench.settings.beta = 0.01;
    bench.settings.max_steps = 12;
    bench.train(&share_of_a()).unwrap();
    let rows = bench.rows();
    let rewards = rewards(&rows);
    assert!(rewards[11] > rewards[0] + 0.3, "{rewards:?}");
    assert!(rows.iter().any(|row| row["kl"].as_f64().unwrap() > 0.0));
    assert!(rows.iter().any(|row| row["clip_ratio/region_mean"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_run_leaves_its_records() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 4;
    bench.settings.logging_steps = 2;
    bench.settings.save_steps = 2;
    bench.settings.save_total_limit = Some(1);
    bench.settings.eval_tasks = Some(bench.settings.tasks.clone());
    bench.settings.eval_on_start = true;
    let summary = bench.train(&share_of_a()).unwrap();
    let run = &bench.settings.output_dir;

    let rows = bench.rows();
    let steps: Vec<u64> = rows.iter().map(|row| row["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [0, 2, 4, 4], "before, two rows, after");
    assert_eq!(rows[2]["verify/native/verdict"], 32.0);
    assert_eq!(rows[2]["verify/native/trap"], 0.0);
    let (reward, twice) = (&rows[2]["rewards/native/mean"], &rows[2]["verify/native/metric/twice"]);
    assert!((2.0 * reward.as_f64().unwrap() - twice.as_f64().unwrap()).abs() < 1e-12);
    for name in
        ["loss", "grad_norm", "entropy", "num_tokens", "step_time", "time/sample", "time/score_wait", "epoch"]
    {
        assert!(rows[2][name].is_f64(), "{name}");
    }
    assert!(rows[3]["eval_pass@1"].is_f64());

    let completions = json_lines(&run.join("completions/completions_00004.jsonl"));
    assert_eq!(completions.len(), 32);
    assert_eq!(completions[0]["outcomes"]["native"]["status"], "verdict");
    assert_eq!(completions[0]["outcomes"]["native"]["reason"], "counted");
    let advantages: f64 = completions[..8].iter().map(|row| row["advantage"].as_f64().unwrap()).sum();
    assert!(advantages.abs() < 1e-9, "advantages of a group add up to nothing: {advantages}");

    let checkpoints: Vec<_> = std::fs::read_dir(run.join("checkpoints")).unwrap().collect();
    assert_eq!(checkpoints.len(), 1, "save_total_limit");
    assert_eq!(summary.model, run.join("checkpoints/step-00004"));
    Model::load(&summary.model, Device::Cpu, Precision::FULL).unwrap();
    assert!(summary.before["accuracy"].is_f64() && summary.after["native"].is_f64());
    assert!(run.join("settings.toml").exists() && run.join("digests.json").exists());
    assert!(matches!(bench.train(&share_of_a()), Err(TrainError::RunExists { .. })));
    std::fs::remove_file(run.join("summary.json")).unwrap();
    let again =
        train(&bench.settings, &share_of_a(), Start::Resume, &mut |_| ControlFlow::Continue(())).unwrap();
    let lasting = |summary: &Summary| (summary.before.clone(), summary.after.clone(), summary.model.clone());
    assert_eq!(
        lasting(&again),
        lasting(&summary),
        "a run killed at its very end has its summary all the same"
    );
    assert!(run.join("summary.json").exists());
    gavel_train::report::write(run, &bench.directory.path().join("report.html")).unwrap();
}

#[test]
fn micro_batches_change_nothing_but_rounding() {
    let weights_after = |per_device: usize, accumulation: usize| {
        let mut bench = Bench::new();
        bench.settings.per_device_train_batch_size = per_device;
        bench.settings.gradient_accumulation_steps = accumulation;
        bench.settings.max_steps = 1;
        let summary = bench.train(&share_of_a()).unwrap();
        let row = bench.rows().remove(0);
        assert!(summary.model.exists());
        (row["loss"].as_f64().unwrap(), row["grad_norm"].as_f64().unwrap(), row["entropy"].as_f64().unwrap())
    };
    let (whole, split) = (weights_after(32, 1), weights_after(4, 8));
    for (whole, split) in [(whole.0, split.0), (whole.1, split.1), (whole.2, split.2)] {
        assert!((whole - split).abs() < 1e-6 * (1.0 + whole.abs()), "{whole} whole, {split} split");
    }
}

#[test]
fn what_has_no_reward_is_left_out_of_its_group() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    let reward = native(|submission| match submission.completion.contains('a') {
        true => scored(1.0),
        false => Score {
            reward: None,
            outcomes: vec![(
                "native".to_owned(),
                Outcome::failure(Failure::OutOfFuel { limit: 5 }, Duration::ZERO),
            )],
        },
    });
    bench.train(&reward).unwrap();
    let row = bench.rows().remove(0);
    assert!(row["verify/native/out-of-fuel"].as_f64().unwrap() > 0.0);
    assert_eq!(row["reward"], 1.0, "the mean of those that have one");
    assert_eq!(row["frac_reward_zero_std"].as_f64(), Some(1.0));
    let completions = json_lines(&bench.settings.output_dir.join("completions/completions_00001.jsonl"));
    assert!(completions.iter().all(|row| row["advantage"] == 0.0));
    let failed = completions.iter().find(|row| row["reward"].is_null()).unwrap();
    assert_eq!(failed["outcomes"]["native"]["reason"], "out of fuel after 5 instructions");
}

#[test]
fn a_verifier_sees_the_task_and_what_is_known_of_the_completion() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    let reward = native(|submission| {
        let metadata: Value = serde_json::from_str(&submission.metadata).unwrap();
        let problem = metadata["problem"].as_str().unwrap();
        assert_eq!(submission.prompt, format!("{problem}="));
        assert!(submission.reference.as_deref().unwrap().parse::<u32>().is_ok());
        let tokens = metadata["completion_tokens"].as_u64().unwrap();
        assert!((1..=12).contains(&tokens) && submission.completion.len() <= tokens as usize);
        assert!(!metadata["truncated"].as_bool().unwrap() || tokens == 12);
        scored(0.0)
    });
    bench.train(&reward).unwrap();
    assert_eq!(bench.rows()[0]["frac_reward_zero_std"], 1.0);
}

#[test]
fn divergence_stops_the_run_and_keeps_the_last_checkpoint() {
    let mut bench = Bench::new();
    bench.settings.save_steps = 1;
    bench.settings.max_grad_norm = 0.0;
    bench.settings.learning_rate = 1e30;
    let error = bench.train(&share_of_a()).unwrap_err();
    let TrainError::NotFinite { step, .. } = error else { panic!("{error}") };
    let last = bench.settings.output_dir.join(format!("checkpoints/step-{:05}", step - 1));
    assert!(last.join("trainer_state.json").exists(), "{error}");
}

#[test]
fn a_reward_that_does_not_answer_is_an_error() {
    struct Silent;
    impl Reward for Silent {
        fn submit(&self, _submission: Submission, _reply: Reply) {}
        fn digests(&self) -> Vec<(String, String)> {
            Vec::new()
        }
    }
    let bench = Bench::new();
    let error = bench.train(&(Arc::new(Silent) as Arc<dyn Reward>)).unwrap_err();
    assert!(matches!(error, TrainError::Unanswered { missing: 32, submitted: 32 }), "{error}");
}

#[test]
fn each_completion_is_submitted_when_it_ends_not_when_all_have() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lengths);
    let reward = native(move |submission| {
        let metadata: Value = serde_json::from_str(&submission.metadata).unwrap();
        seen.lock().unwrap().push(metadata["completion_tokens"].as_u64().unwrap());
        scored(0.0)
    });
    bench.train(&reward).unwrap();
    let completions = json_lines(&bench.settings.output_dir.join("completions/completions_00001.jsonl"));
    let in_order_of_prompts: Vec<u64> =
        completions.iter().map(|row| row["completion_tokens"].as_u64().unwrap()).collect();
    let submitted = lengths.lock().unwrap();
    // All sequences grow by a token at a time: shorter ones end earlier.
    assert!(submitted.is_sorted(), "{submitted:?}");
    assert!(!in_order_of_prompts.is_sorted(), "nothing is shown if the prompts' order is the same");
}

#[test]
fn changed_tasks_are_refused_when_resuming() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    bench.train(&share_of_a()).unwrap();
    std::fs::write(&bench.settings.tasks, "{\"problem\":\"a\"}\n").unwrap();
    let resumed = train(&bench.settings, &share_of_a(), Start::Resume, &mut |_| ControlFlow::Continue(()));
    let Err(TrainError::Changed { what, .. }) = resumed else { panic!("{resumed:?}") };
    assert_eq!(what, "the file of `tasks`");
}

/// A reward in versions: every completion is worth the version's number, and each refresh does what comes next.
struct Versions {
    version: Mutex<u32>,
    refreshes: Mutex<Vec<Option<Refreshed>>>,
}

/// Nothing new; a version that is refused; another one.
fn nothing() -> Option<Refreshed> {
    None
}

fn refused() -> Option<Refreshed> {
    Some(Refreshed::Refused("it is broken".to_owned()))
}

fn changed() -> Option<Refreshed> {
    let change = Change { what: "native".to_owned(), before: None, after: None };
    Some(Refreshed::Changed(vec![change]))
}

impl Versions {
    fn starting_at(version: u32, refreshes: Vec<Option<Refreshed>>) -> Arc<dyn Reward> {
        let refreshes = refreshes.into_iter().rev().collect();
        Arc::new(Self { version: Mutex::new(version), refreshes: Mutex::new(refreshes) })
    }
}

impl Reward for Versions {
    fn submit(&self, _submission: Submission, reply: Reply) {
        reply(scored(f64::from(*self.version.lock().unwrap())));
    }

    fn digests(&self) -> Vec<(String, String)> {
        vec![("native".to_owned(), format!("v{}", self.version.lock().unwrap()))]
    }

    fn refresh(&self) -> Option<Refreshed> {
        let refreshed =
            self.refreshes.lock().unwrap().pop().expect("refreshed more often than there are steps");
        *self.version.lock().unwrap() += u32::from(matches!(refreshed, Some(Refreshed::Changed(_))));
        refreshed
    }
}

/// The rows of `digests.jsonl`, as step and digest.
fn judges(bench: &Bench) -> Vec<(u64, String)> {
    let rows = json_lines(&bench.settings.output_dir.join("digests.jsonl"));
    let row = |row: &Value| {
        (row["step"].as_u64().unwrap(), row["verifiers"]["native"].as_str().unwrap().to_owned())
    };
    rows.iter().map(row).collect()
}

fn judge(step: u64, digest: &str) -> (u64, String) {
    (step, digest.to_owned())
}

#[test]
fn a_reward_changes_between_steps_and_the_run_says_since_when() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 4;
    bench.settings.reload = Reload::BetweenSteps;
    let reward = Versions::starting_at(1, vec![nothing(), refused(), changed(), nothing()]);
    let mut said = Vec::new();
    train(&bench.settings, &reward, Start::New, &mut |progress| {
        if let Progress::Refreshed { step, refreshed } = progress {
            said.push((step, matches!(refreshed, Refreshed::Changed(_))));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(said, [(1, false), (2, true)]);
    let rows = bench.rows();
    assert_eq!(rewards(&rows), [1.0, 1.0, 2.0, 2.0]);
    let reloads: Vec<_> = rows.iter().map(|row| row["reloads"].as_f64().unwrap()).collect();
    assert_eq!(reloads, [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(judges(&bench), [judge(0, "v1"), judge(2, "v2")]);
    let page = bench.directory.path().join("report.html");
    gavel_train::report::write(&bench.settings.output_dir, &page).unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("What judged") && page.contains("<code>v2</code>"));
}

#[test]
fn a_run_is_judged_to_its_end_by_what_it_began_with_unless_it_says_otherwise() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 2;
    bench.train(&Versions::starting_at(1, Vec::new())).unwrap();
    assert_eq!(judges(&bench), [judge(0, "v1")]);
    assert!(bench.rows()[0].get("reloads").is_none());
}

#[test]
fn a_run_with_another_reward_resumes_only_if_it_reloads() {
    let mut bench = Bench::new();
    bench.settings.reload = Reload::BetweenSteps;
    bench.settings.save_steps = 2;
    let until = |bench: &mut Bench, steps: i64, start: Start, reward: &Arc<dyn Reward>| {
        bench.settings.max_steps = steps;
        train(&bench.settings, reward, start, &mut |_| ControlFlow::Continue(())).map(drop)
    };
    // It changes before the third step and before the fourth; the last checkpoint is after the second.
    let reward = Versions::starting_at(1, vec![nothing(), nothing(), changed(), changed()]);
    until(&mut bench, 4, Start::New, &reward).unwrap();
    assert_eq!(judges(&bench), [judge(0, "v1"), judge(2, "v2"), judge(3, "v3")]);
    std::fs::remove_dir_all(bench.settings.output_dir.join("checkpoints/step-00004")).unwrap();

    bench.settings.reload = Reload::Never;
    let other = Versions::starting_at(3, Vec::new());
    let resumed = until(&mut bench, 4, Start::Resume, &other);
    let Err(TrainError::Changed { what, .. }) = resumed else { panic!("{resumed:?}") };
    assert_eq!(what, "verifier `native`");

    bench.settings.reload = Reload::BetweenSteps;
    let other = Versions::starting_at(3, vec![nothing(), nothing()]);
    until(&mut bench, 4, Start::Resume, &other).unwrap();
    assert_eq!(judges(&bench), [judge(0, "v1"), judge(2, "v3")], "what judged the steps that there are");
    assert_eq!(rewards(&bench.rows()), [1.0, 1.0, 3.0, 3.0]);

    // Whoever resumes with what judged last goes on, reloading or not.
    bench.settings.reload = Reload::Never;
    until(&mut bench, 5, Start::Resume, &Versions::starting_at(3, Vec::new())).unwrap();
    assert_eq!(judges(&bench).len(), 2);
    std::fs::write(&bench.settings.tasks, "{\"problem\":\"a\"}\n").unwrap();
    bench.settings.reload = Reload::BetweenSteps;
    let resumed = until(&mut bench, 6, Start::Resume, &Versions::starting_at(3, Vec::new()));
    assert!(matches!(resumed, Err(TrainError::Changed { .. })), "tasks do not reload");
}

#[test]
fn evaluation_counts_what_is_right() {
    let bench = Bench::new();
    let model = Model::load(&bench.settings.model, Device::Cpu, Precision::FULL).unwrap();
    let tokenizer = Tokenizer::load(&bench.settings.model).unwrap();
    let tasks = read_tasks(&bench.settings.tasks, &Template::named("{problem}=").unwrap()).unwrap();
    let options = EvalOptions {
        num_generations: 4,
        temperature: 1.0,
        batch_size: 10,
        ..EvalOptions::of(&bench.settings)
    };
    let reward = native(|submission| scored(f64::from(u8::from(submission.completion.starts_with('a')))));
    let evaluation = evaluate(&model, &tokenizer, &tasks, reward.as_ref(), &options).unwrap();
    let again = evaluate(&model, &tokenizer, &tasks, reward.as_ref(), &options).unwrap();
    assert_eq!(evaluation.completions, again.completions, "the seed decides");
    assert_eq!(evaluation.completions.len(), 48);
    let right = evaluation.completions.iter().filter(|completion| completion.text.starts_with('a')).count();
    assert!((evaluation.accuracy() - right as f64 / 48.0).abs() < 1e-12);
    assert_eq!(evaluation.pass_at.keys().copied().collect::<Vec<_>>(), [1, 2, 4]);
    assert!(
        evaluation.pass_at[&4] >= evaluation.pass_at[&2] && evaluation.pass_at[&2] >= evaluation.accuracy()
    );
    assert_eq!(evaluation.verifiers["native"], evaluation.reward);
}

/// The run of the kill test. After step 5, which lies between two checkpoints, the process waits to be killed.
fn run_to_kill(directory: &Path, start: Start, waits: bool) -> Summary {
    let settings = Settings {
        max_steps: 8,
        save_steps: 2,
        logging_steps: 1,
        per_device_train_batch_size: 16,
        steps_per_generation: Some(2),
        beta: 0.01,
        lr_scheduler_type: gavel_train::optim::LrSchedulerType::Cosine,
        ..bench_settings(directory)
    };
    let mut progress = |progress: Progress<'_>| {
        if let Progress::Stepped(report) = progress
            && waits
            && report.step == 6
        {
            std::fs::write(directory.join("waiting"), "").unwrap();
            std::thread::sleep(Duration::from_secs(600));
        }
        ControlFlow::Continue(())
    };
    train(&settings, &share_of_a(), start, &mut progress).unwrap()
}

#[test]
#[ignore = "the process that the kill test starts and kills"]
fn child_that_is_killed() {
    let directory = PathBuf::from(std::env::var_os("GAVEL_TEST_DIRECTORY").unwrap());
    run_to_kill(&directory, Start::New, true);
}

#[test]
fn a_killed_run_resumes_to_the_same_weights_bit_for_bit() {
    let whole = Bench::new();
    let expected = run_to_kill(whole.directory.path(), Start::New, false);

    let killed = Bench::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed", "--ignored"])
        .env("GAVEL_TEST_DIRECTORY", killed.directory.path())
        .spawn()
        .unwrap();
    while !killed.directory.path().join("waiting").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    // What a process killed in the middle of writing leaves behind.
    let run = killed.directory.path().join("run");
    std::fs::create_dir_all(run.join("checkpoints/.step-00006.tmp")).unwrap();
    std::fs::write(run.join("checkpoints/.step-00006.tmp/model.safetensors"), "half").unwrap();
    let metrics = std::fs::read(run.join("metrics.jsonl")).unwrap();
    std::fs::write(run.join("metrics.jsonl"), [metrics.as_slice(), b"{\"step\": 6, \"rew"].concat()).unwrap();
    assert!(run.join("checkpoints/step-00004").exists() && !run.join("checkpoints/step-00006").exists());

    let resumed = run_to_kill(killed.directory.path(), Start::Resume, false);
    assert_eq!(resumed.steps, 8);
    for name in ["model.safetensors", "optimizer.safetensors"] {
        let bytes = |summary: &Summary| std::fs::read(summary.model.join(name)).unwrap();
        assert!(bytes(&expected) == bytes(&resumed), "{name} differs");
    }
    assert_ne!(weights(&resumed.model), weights(&run.join("checkpoints/step-00004")), "it went on learning");

    let steps: Vec<u64> =
        json_lines(&run.join("metrics.jsonl")).iter().map(|row| row["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 6, 7, 8], "every step once");
    let loss = |directory: &Path| -> Vec<Value> {
        json_lines(&directory.join("run/metrics.jsonl")).iter().map(|row| row["loss"].clone()).collect()
    };
    assert_eq!(loss(killed.directory.path()), loss(whole.directory.path()));
}

#[test]
fn a_stopped_run_saves_and_resumes() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 4;
    let mut stop_after_two = |progress: Progress<'_>| match progress {
        Progress::Stepped(report) if report.step == 2 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let stopped = train(&bench.settings, &share_of_a(), Start::New, &mut stop_after_two).unwrap();
    assert_eq!(stopped.steps, 2);
    assert!(stopped.model.ends_with("step-00002"));
    let resumed =
        train(&bench.settings, &share_of_a(), Start::Resume, &mut |_| ControlFlow::Continue(())).unwrap();
    let whole = Bench::new();
    let settings = Settings { max_steps: 4, ..whole.settings.clone() };
    let expected = train(&settings, &share_of_a(), Start::New, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(weights(&resumed.model), weights(&expected.model));
}
