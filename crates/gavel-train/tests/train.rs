//! Trains a tiny random model on rewards written in Rust: the reward rises, the records say so, a killed run goes on
//! as if nothing had happened.

#[path = "train/experts.rs"]
mod experts;
#[path = "train/task_files.rs"]
mod task_files;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gavel_model::{Config, Model, Precision, SaveDtype, Tokenizer};
use gavel_train::eval::{EvalOptions, evaluate};
use gavel_train::grpo::{AdvEstimator, GroupFilter, MultiObjectiveAggregation, Surrogate};
use gavel_train::settings::{Reload, Settings};
use gavel_train::task::{Prompts, Template, read_tasks};
use gavel_train::train::{Progress, Start, Summary, train};
use gavel_train::watch::{Alarm, WatchOptions};
use gavel_train::{Fault, TrainError};
use gavel_verify::{
    Change, Failure, NoReward, Outcome, Refreshed, Reply, Reward, Score, Submission, Verdict,
};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// A reward in plain Rust, and the names of its verifiers.
struct Native<F>(F, &'static [&'static str]);

impl<F: Fn(&Submission) -> Score + Send + Sync> Reward for Native<F> {
    fn submit(&self, submission: Submission, reply: Reply) {
        reply(self.0(&submission));
    }

    fn digests(&self) -> Vec<(String, String)> {
        self.1.iter().map(|name| ((*name).to_owned(), String::new())).collect()
    }
}

fn native(score: impl Fn(&Submission) -> Score + Send + Sync + 'static) -> Arc<dyn Reward> {
    Arc::new(Native(score, &["native"]))
}

fn scored(reward: f64) -> Score {
    let verdict = Verdict {
        reward,
        reason: Some("counted".to_owned()),
        metrics: vec![("twice".to_owned(), 2.0 * reward)],
    };
    Score {
        reward: Ok(reward),
        components: Vec::new(),
        outcomes: vec![("native".to_owned(), Outcome::verdict(verdict, Duration::from_millis(1)))],
    }
}

fn dropped(failure: Failure) -> Score {
    Score {
        reward: Err(NoReward::Dropped { verifier: "native".to_owned() }),
        components: Vec::new(),
        outcomes: vec![("native".to_owned(), Outcome::failure(failure, Duration::ZERO))],
    }
}

/// The share of the letter a.
fn share_of_a() -> Arc<dyn Reward> {
    native(|submission| {
        let letters = submission.completion.chars().count().max(1);
        scored(submission.completion.matches('a').count() as f64 / letters as f64)
    })
}

/// The task file of a bench.
const TASKS: &str = "tasks.jsonl";

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
        std::fs::write(directory.path().join(TASKS), tasks).unwrap();
        Self { directory, settings }
    }

    fn train(&self, reward: &Arc<dyn Reward>) -> Result<Summary, TrainError> {
        train(&self.settings, reward, Start::New, &mut |_| ControlFlow::Continue(()))
    }

    fn resume(&self, reward: &Arc<dyn Reward>) -> Result<Summary, TrainError> {
        train(&self.settings, reward, Start::Resume, &mut |_| ControlFlow::Continue(()))
    }

    /// All steps, stopped after one of them and resumed, or in one go where that is the last.
    fn train_with_a_stop_after(&self, step: u64) {
        train(&self.settings, &share_of_a(), Start::New, &mut |progress| match progress {
            Progress::Stepped(report) if report.step == step => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
        if step < self.settings.max_steps as u64 {
            self.resume(&share_of_a()).unwrap();
        }
    }

    fn completions(&self, step: u64) -> Vec<Value> {
        json_lines(&self.settings.output_dir.join(format!("completions/completions_{step:05}.jsonl")))
    }

    fn rows(&self) -> Vec<Value> {
        json_lines(&self.settings.output_dir.join("metrics.jsonl"))
    }
}

fn bench_settings(directory: &Path) -> Settings {
    Settings {
        model: directory.join("model"),
        tasks: directory.join(TASKS).into(),
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
    save_model_of(directory, Config::default().initializer_range);
}

fn save_model_of(directory: &Path, initializer_range: f64) {
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
        initializer_range,
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
    for loss_type in ["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"] {
        let mut bench = Bench::new();
        bench.settings.loss_type = serde_json::from_value(loss_type.into()).unwrap();
        bench.settings.epsilon_high = (loss_type == "cispo").then_some(5.0);
        bench.train(&share_of_a()).unwrap();
        let rewards = rewards(&bench.rows());
        let (first, last) = (rewards[0], rewards[19]);
        assert!(first < 0.4 && last > 0.8, "{loss_type}: from {first} to {last}");
    }
}

#[test]
fn the_reward_rises_with_every_surrogate_and_estimator() {
    let surrogates = ["cispo_two_sided", "gmpo", "dppo_tv", "dppo_kl", "gpg", "clip_cov", "kl_cov"];
    let estimators =
        ["rloo", "reinforce_plus_plus", "reinforce_plus_plus_baseline", "opo", "max_rl", "grpo_passk"];
    let chosen = surrogates.map(|name| (Some(name), "grpo")).into_iter();
    for (surrogate, estimator) in chosen.chain(estimators.map(|name| (None, name))) {
        let mut bench = Bench::new();
        bench.settings.surrogate = surrogate.map(|name| serde_json::from_value(name.into()).unwrap());
        bench.settings.adv_estimator = serde_json::from_value(estimator.into()).unwrap();
        bench.train(&share_of_a()).unwrap();
        let rewards = rewards(&bench.rows());
        let (first, last) = (rewards[0], rewards[19]);
        assert!(last > first + 0.3, "{surrogate:?}, {estimator}: from {first} to {last}");
    }
}

#[test]
fn those_that_remain_in_their_group_are_learnt_from_alone() {
    let mut bench = Bench::new();
    bench.settings.num_remains_in_group = Some(4);
    bench.settings.group_filter_func = GroupFilter::TokenEfficiency;
    bench.train(&share_of_a()).unwrap();
    let rewards = rewards(&bench.rows());
    assert!(rewards[19] > rewards[0] + 0.2, "{rewards:?}");
    for group in bench.completions(1).chunks(8) {
        let learnt = group.iter().filter(|row| row["advantage"] != 0.0).count();
        assert!(learnt <= 4, "{learnt} of a group");
    }
}

/// A reward that pays for the letter a, and a verifier beside it that looks for another one.
fn paid_for_a_and_watched_by(letter: char) -> Arc<dyn Reward> {
    let score = move |submission: &Submission| {
        let letters = submission.completion.chars().count().max(1) as f64;
        let share = |letter: char| submission.completion.matches(letter).count() as f64 / letters;
        let outcome = |name: &str, reward: f64, forged: f64| {
            let verdict = Verdict { reward, reason: None, metrics: vec![("forged".to_owned(), forged)] };
            (name.to_owned(), Outcome::verdict(verdict, Duration::ZERO))
        };
        let outcomes =
            vec![outcome("paid", share('a'), 0.0), outcome("watched", share(letter), share('d') / 9.0)];
        Score { reward: Ok(share('a')), components: Vec::new(), outcomes }
    };
    Arc::new(Native(score, &["paid", "watched"]))
}

/// Trains with a watch on, perhaps stopped and resumed, and gives the alarms and the steps of those.
fn alarms(letter: char, stop_after: Option<u64>) -> (Vec<(u64, Alarm)>, Vec<Value>) {
    let mut bench = Bench::new();
    bench.settings.watch = Some(WatchOptions {
        verifier: Some("watched".to_owned()),
        forged: Some("watched.forged".to_owned()),
        window: 4,
        min_entropy: 0.0,
        ..WatchOptions::default()
    });
    let reward = paid_for_a_and_watched_by(letter);
    let mut alarms = Vec::new();
    for start in if stop_after.is_some() { vec![Start::New, Start::Resume] } else { vec![Start::New] } {
        train(&bench.settings, &reward, start, &mut |progress| {
            match progress {
                Progress::Warned { step, raised } => alarms.push((step, raised.alarm)),
                Progress::Stepped(report) if Some(report.step) == stop_after && start == Start::New => {
                    return ControlFlow::Break(());
                }
                _ => {}
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    (alarms, bench.rows())
}

#[test]
fn a_reward_with_a_hole_is_noticed_and_an_honest_one_is_not() {
    let (honest, rows) = alarms('a', None);
    assert!(rows[19]["reward"].as_f64().unwrap() > 0.8, "it learns");
    assert!(rows.iter().all(|row| row["watch/parted"] == 0.0), "and nothing parts");
    assert!(honest.iter().all(|(_, alarm)| *alarm == Alarm::Repetition), "{honest:?}");

    let (hacked, rows) = alarms('b', None);
    let parted: Vec<u64> =
        hacked.iter().filter(|(_, alarm)| *alarm == Alarm::Parted).map(|&(step, _)| step).collect();
    assert!(matches!(parted[..], [8..=14]), "said once: {hacked:?}");
    assert_eq!(rows[19]["watch/parted"], 1.0);
    assert_eq!(alarms('b', Some(6)).0, hacked, "a run that goes on remembers what it saw");
}

#[test]
fn a_watch_that_watches_nothing_is_refused() {
    let mut bench = Bench::new();
    let watch =
        |verifier: &str| WatchOptions { verifier: Some(verifier.to_owned()), ..WatchOptions::default() };
    bench.settings.watch = Some(watch("wached"));
    let error = bench.train(&paid_for_a_and_watched_by('b')).unwrap_err();
    assert!(matches!(error, TrainError::UnknownVerifier { .. }), "{error}");
    bench.settings.watch = Some(WatchOptions { window: 0, ..watch("watched") });
    let error = bench.train(&paid_for_a_and_watched_by('b')).unwrap_err();
    assert!(error.to_string().starts_with("`watch` has a `window` of 0"), "{error}");
}

/// One verifier that gives the share of a, and another a hundred times that of b.
fn shares_of_a_and_b() -> Arc<dyn Reward> {
    let score = |submission: &Submission| {
        let letters = submission.completion.chars().count().max(1) as f64;
        let share = |letter: char| submission.completion.matches(letter).count() as f64 / letters;
        let (a, b) = (share('a'), 100.0 * share('b'));
        let outcome = |name: &str, reward: f64| {
            let verdict = Verdict { reward, reason: None, metrics: Vec::new() };
            (name.to_owned(), Outcome::verdict(verdict, Duration::ZERO))
        };
        Score { reward: Ok(a + b), components: Vec::new(), outcomes: vec![outcome("a", a), outcome("b", b)] }
    };
    Arc::new(Native(score, &["a", "b"]))
}

#[test]
fn no_part_of_a_reward_drowns_another_where_each_is_normalised() {
    let learnt = |aggregation: MultiObjectiveAggregation| {
        let mut bench = Bench::new();
        bench.settings.multi_objective_aggregation = aggregation;
        if aggregation == MultiObjectiveAggregation::NormalizeThenSum {
            bench.settings.reward_weights =
                [("a", 1.0), ("b", 1.0)].map(|(name, weight)| (name.to_owned(), weight)).into();
        }
        bench.train(&shares_of_a_and_b()).unwrap();
        let rows = bench.rows();
        ["rewards/a/mean", "rewards/b/mean"]
            .map(|name| rows[19][name].as_f64().unwrap() - rows[0][name].as_f64().unwrap())
    };
    let [a, b] = learnt(MultiObjectiveAggregation::SumThenNormalize);
    assert!(a < 0.0 && b > 30.0, "the smaller part has no say in the sum: {a}, {b}");
    let [a, b] = learnt(MultiObjectiveAggregation::NormalizeThenSum);
    assert!(a + b / 100.0 > 0.3 && a > 0.0, "both have one where each is normalised: {a}, {b}");
}

/// The same with components of the same values, and weights.
struct OfComponents([f64; 2]);

impl Reward for OfComponents {
    fn submit(&self, submission: Submission, reply: Reply) {
        let of_verifiers = Box::new(|mut score: Score| {
            let given = |(name, outcome): &(String, Outcome)| {
                (name.clone(), outcome.result.as_ref().map_or(f64::NAN, |verdict| verdict.reward))
            };
            score.components = score.outcomes.iter().map(given).collect();
            reply(score);
        });
        shares_of_a_and_b().submit(submission, of_verifiers);
    }

    fn digests(&self) -> Vec<(String, String)> {
        shares_of_a_and_b().digests()
    }

    fn components(&self) -> Vec<(String, f64)> {
        ["a", "b"].map(str::to_owned).into_iter().zip(self.0).collect()
    }
}

#[test]
fn the_parts_of_a_reward_are_its_components_where_nothing_else_is_said() {
    let learnt = |weights: Option<[f64; 2]>, reward: &Arc<dyn Reward>| {
        let mut bench = Bench::new();
        bench.settings.max_steps = 3;
        bench.settings.multi_objective_aggregation = MultiObjectiveAggregation::NormalizeThenSum;
        let named =
            weights.into_iter().flat_map(|weights| ["a", "b"].map(str::to_owned).into_iter().zip(weights));
        bench.settings.reward_weights = named.collect();
        self::weights(&bench.train(reward).unwrap().model)
    };
    let of_components = |weights: [f64; 2]| -> Arc<dyn Reward> { Arc::new(OfComponents(weights)) };
    let by_verifiers = learnt(Some([1.0, 3.0]), &shares_of_a_and_b());
    assert!(learnt(None, &of_components([1.0, 3.0])) == by_verifiers);
    assert!(learnt(None, &of_components([3.0, 1.0])) != by_verifiers);
}

#[test]
fn parts_of_a_reward_are_verifiers_that_there_are() {
    let mut bench = Bench::new();
    bench.settings.multi_objective_aggregation = MultiObjectiveAggregation::NormalizeThenSum;
    let refused = |bench: &Bench| bench.train(&share_of_a()).unwrap_err().to_string();
    assert!(refused(&bench).contains("the reward has no parts"));
    bench.settings.reward_weights = [("nativ".to_owned(), 1.0)].into();
    let message = refused(&bench);
    assert!(message.contains("`nativ`, which is to say what is compared"), "{message}");
    bench.settings.multi_objective_aggregation = MultiObjectiveAggregation::SumThenNormalize;
    assert!(refused(&bench).contains("the formula of the reward file weighs"));
}

#[test]
fn the_greedy_completion_takes_the_place_of_groups() {
    for (num_generations, filter_groups) in [(1, false), (8, false), (8, true)] {
        let mut bench = Bench::new();
        bench.settings.adv_estimator = AdvEstimator::Remax;
        bench.settings.num_generations = num_generations;
        bench.settings.filter_groups = filter_groups;
        bench.train(&share_of_a()).unwrap();
        let rows = bench.rows();
        let rewards = rewards(&rows);
        assert!(rewards[19] > rewards[0] + 0.3, "{num_generations}, {filter_groups}: {rewards:?}");
        // A completion's advantage is its reward less that of the greedy one, the same for all of a prompt.
        for group in bench.completions(1).chunks(num_generations) {
            let baseline = |row: &Value| row["reward"].as_f64().unwrap() - row["advantage"].as_f64().unwrap();
            let first = baseline(&group[0]);
            assert!(group.iter().all(|row| (baseline(row) - first).abs() < 1e-12));
        }
        assert!(rows.iter().all(|row| row["sampling/greedy_reward"].is_number()));
    }
}

#[test]
fn a_value_model_takes_the_place_of_groups() {
    for num_generations in [1, 8] {
        let mut bench = Bench::new();
        bench.settings.adv_estimator = AdvEstimator::Gae;
        bench.settings.num_generations = num_generations;
        bench.settings.value_learning_rate = Some(2e-2);
        bench.settings.num_iterations = 2;
        bench.settings.max_steps = 30;
        bench.train(&share_of_a()).unwrap();
        let rows = bench.rows();
        let rewards = rewards(&rows);
        assert!(rewards[29] > rewards[0] + 0.3, "{rewards:?}");
        // The first values are all 0, and explain nothing; later ones follow the rewards.
        assert_eq!(rows[0]["value/mean"], 0.0);
        let late = |name: &str| rows[20..].iter().map(|row| row[name].as_f64().unwrap()).sum::<f64>() / 10.0;
        assert!(
            (late("value/mean") - late("reward")).abs() < 0.15,
            "{} {}",
            late("value/mean"),
            late("reward")
        );
        assert!(rows.iter().all(|row| row["value/grad_norm"].as_f64().unwrap() > 0.0));
    }
}

#[test]
fn a_run_with_a_value_model_resumes_to_the_same_weights() {
    let run = |stop_at: u64| {
        let mut bench = Bench::new();
        bench.settings.adv_estimator = AdvEstimator::Gae;
        bench.settings.max_steps = 4;
        bench.train_with_a_stop_after(stop_at);
        let checkpoint = bench.settings.output_dir.join("checkpoints/step-00004");
        (
            weights(&checkpoint),
            weights(&checkpoint.join("value")),
            std::fs::read(checkpoint.join("value/value_head.safetensors")).unwrap(),
        )
    };
    assert!(run(2) == run(4), "policy or value model differ");
}

/// Of which an adapter alone is trained.
fn bench_with_adapter() -> Bench {
    let mut bench = Bench::new();
    // Embeddings stay too, and with small ones no token can become likely.
    save_model_of(&bench.settings.model, 0.3);
    bench.settings.lora_r = Some(4);
    bench.settings.lora_alpha = 16.0;
    bench
}

#[test]
fn an_adapter_learns_and_is_a_model_with_the_one_that_it_belongs_to() {
    let mut bench = bench_with_adapter();
    let before = weights(&bench.settings.model);
    bench.settings.beta = 0.01;
    bench.settings.eval_tasks = Some(bench.settings.tasks.clone());
    let summary = bench.train(&share_of_a()).unwrap();
    let rows = bench.rows();
    let rewards = rewards(&rows[..rows.len() - 1]);
    assert!(rewards[19] > rewards[0] + 0.3, "{rewards:?}");
    assert_eq!(rows[0]["kl"].as_f64(), Some(0.0), "the reference is the policy without its adapter");
    assert!(rows[15]["kl"].as_f64().unwrap() > 0.0);
    assert!(weights(&bench.settings.model) == before, "the model stays as it is");
    let names: Vec<_> =
        std::fs::read_dir(&summary.model).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name == "adapter_model.safetensors"), "{names:?}");
    assert!(!names.iter().any(|name| name == "model.safetensors"), "{names:?}");
    // What was sampled last in the run is what a model of both samples.
    let model = Model::load(&summary.model, Device::Cpu, Precision::FULL).unwrap();
    let tokenizer = Tokenizer::load(&summary.model).unwrap();
    let tasks = read_tasks(&bench.settings.tasks, &problems("{problem}=")).unwrap();
    let options = EvalOptions::of(&bench.settings);
    let found = evaluate(&model, &tokenizer, &tasks, share_of_a().as_ref(), &options).unwrap();
    let texts: Vec<_> = found.completions.iter().map(|completion| completion.text.as_str()).collect();
    let recorded = json_lines(&bench.settings.output_dir.join("evaluations/completions_00020.jsonl"));
    assert_eq!(texts, recorded.iter().map(|row| row["completion"].as_str().unwrap()).collect::<Vec<_>>());
    let nested = Settings {
        model: summary.model.clone(),
        output_dir: bench.directory.path().join("other"),
        ..bench.settings.clone()
    };
    let error = train(&nested, &share_of_a(), Start::New, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().starts_with("`model` is an adapter itself"), "{error}");
}

#[test]
fn a_run_with_an_adapter_resumes_to_the_same_one() {
    let run = |stop_at: u64| {
        let mut bench = bench_with_adapter();
        bench.settings.max_steps = 4;
        bench.settings.save_dtype = SaveDtype::Bfloat16;
        bench.train_with_a_stop_after(stop_at);
        let checkpoint = bench.settings.output_dir.join("checkpoints/step-00004");
        std::fs::read(checkpoint.join("adapter_model.safetensors")).unwrap()
    };
    assert!(run(2) == run(4));
}

#[test]
fn a_layer_that_the_model_lacks_is_refused_with_those_that_it_has() {
    let mut bench = bench_with_adapter();
    bench.settings.lora_target_modules = vec!["q_proj".to_owned(), "query".to_owned()];
    let error = bench.train(&share_of_a()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`lora_target_modules` is wrong: the model has no layer `query` that can have an adapter; it has down_proj, gate_proj, \
         k_proj, o_proj, q_proj, up_proj, v_proj"
    );
    assert!(!bench.settings.output_dir.exists());
}

#[test]
fn a_stopped_run_goes_on_with_greedy_completions_and_draws_the_same_tokens() {
    let run = |change: fn(&mut Settings), stop_at: u64| {
        let mut bench = Bench::new();
        bench.settings.max_steps = 5;
        change(&mut bench.settings);
        bench.train_with_a_stop_after(stop_at);
        weights(&bench.settings.output_dir.join("checkpoints/step-00005"))
    };
    let greedy_ahead: fn(&mut Settings) = |settings| {
        settings.adv_estimator = AdvEstimator::Remax;
        settings.rollout_ahead = 2;
    };
    let some_tokens: fn(&mut Settings) = |settings| {
        settings.surrogate = Some(Surrogate::ClipCov);
        (settings.clip_cov_lb, settings.clip_cov_ratio) = (0.0, 0.2);
    };
    for change in [greedy_ahead, some_tokens] {
        assert!(run(change, 2) == run(change, 5));
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
    assert_eq!(rows[2]["verify/native/verdict"], 64.0, "counts of two steps of 32 are added up");
    assert_eq!(rows[2]["reward/none/dropped"], 0.0);
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
    assert!(summary.before["accuracy"].is_f64() && summary.after["rewards/native"].is_f64());
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
    gavel_report::write(run, &bench.directory.path().join("report.html")).unwrap();
}

/// Loss, norm of the gradient and entropy of the last row, after `change` of the settings.
fn learnt(change: impl Fn(&mut Settings)) -> [f64; 3] {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    change(&mut bench.settings);
    bench.train(&share_of_a()).unwrap();
    let row = bench.rows().pop().unwrap();
    ["loss", "grad_norm", "entropy"].map(|name| row[name].as_f64().unwrap())
}

#[track_caller]
fn assert_same(found: [f64; 3], expected: [f64; 3], tolerance: f64) {
    for (found, expected) in found.into_iter().zip(expected) {
        let difference = (found - expected).abs();
        assert!(difference < tolerance * (1.0 + expected.abs()), "{found} instead of {expected}");
    }
}

#[test]
fn how_a_batch_is_split_and_computed_changes_nothing_but_rounding() {
    let objectives: [(fn(&mut Settings), f64); 4] = [
        (|_| (), 1e-6),
        (
            |settings| {
                settings.surrogate = Some(Surrogate::ClipCov);
                // Completions of the mean reward have no covariance but rounding, which a bound of 0 would cut in two.
                (settings.clip_cov_lb, settings.clip_cov_ratio) = (0.02, 0.5);
            },
            1e-6,
        ),
        // Where rounding alone tells a ratio from 1, the gradient of its penalty |log ratio| has either sign.
        (
            |settings| {
                settings.surrogate = Some(Surrogate::KlCov);
                // An update has moved nothing yet when it is the first, so there are two.
                settings.num_iterations = 2;
                (settings.kl_cov_ratio, settings.ppo_kl_coef) = (0.2, 1.0);
            },
            2e-2,
        ),
        (
            |settings| {
                settings.entropy_coef = 0.05;
                settings.top_entropy_quantile = 0.3;
            },
            1e-6,
        ),
    ];
    let by_completions: fn(&mut Settings) = |settings| {
        settings.per_device_train_batch_size = 4;
        settings.gradient_accumulation_steps = 8;
    };
    // Less than one group has, so that its prompt comes several times.
    let by_tokens: fn(&mut Settings) = |settings| settings.max_tokens_per_micro_batch = 30;
    let recomputed: fn(&mut Settings) = |settings| settings.gradient_checkpointing = true;
    for (objective, tolerance) in objectives {
        let whole = learnt(objective);
        for way in [by_completions, by_tokens, recomputed] {
            let both = |settings: &mut Settings| {
                objective(settings);
                way(settings);
            };
            assert_same(learnt(both), whole, tolerance);
        }
    }
}

#[test]
fn entropy_is_kept_up_or_down_by_its_coefficient() {
    let last_entropy = |entropy_coef: f64| {
        let mut bench = Bench::new();
        bench.settings.entropy_coef = entropy_coef;
        bench.train(&share_of_a()).unwrap();
        bench.rows()[19]["entropy"].as_f64().unwrap()
    };
    let [less, none, more] = [-0.2, 0.0, 0.2].map(last_entropy);
    assert!(less < none && none + 0.2 < more, "{less}, {none}, {more}");
}

#[test]
fn a_policy_learns_from_the_tokens_at_which_it_is_least_sure() {
    let mut bench = Bench::new();
    bench.settings.top_entropy_quantile = 0.4;
    bench.settings.num_iterations = 2;
    bench.train(&share_of_a()).unwrap();
    let rewards = rewards(&bench.rows());
    assert!(rewards[19] > rewards[0] + 0.3, "{rewards:?}");
}

#[test]
fn off_policy_the_samplers_log_probs_are_those_of_another_forward_pass() {
    use gavel_train::learn::OldLogProbs;
    let with = |old_log_probs| {
        learnt(move |settings| {
            (settings.num_iterations, settings.old_log_probs) = (3, old_log_probs);
        })
    };
    let sampler = with(OldLogProbs::Sampler);
    assert_same(sampler, with(OldLogProbs::Trainer), 1e-4);
    let on_policy = learnt(|_| ());
    assert!((sampler[0] - on_policy[0]).abs() > 1e-3, "the ratio has a say: {sampler:?} and {on_policy:?}");
}

#[test]
fn a_step_that_teaches_nothing_leaves_out_what_it_did_not_compute() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    bench.train(&native(|_| scored(1.0))).unwrap();
    let row = bench.rows().remove(0);
    assert_eq!((row["frac_reward_zero_std"].as_f64(), row["grad_norm"].as_f64()), (Some(1.0), Some(0.0)));
    assert!(row["entropy"].is_null(), "{row}");
}

#[test]
fn what_has_no_reward_is_left_out_of_its_group() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    let reward = native(|submission| match submission.completion.contains('a') {
        true => scored(1.0),
        false => dropped(Failure::OutOfFuel { limit: 5 }),
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
    assert_eq!(failed["no_reward"]["kind"], "dropped");
    assert_eq!(failed["no_reward"]["verifier"], "native");
    let without = completions.iter().filter(|row| row["reward"].is_null()).count();
    assert_eq!(row["reward/none/dropped"].as_f64(), Some(without as f64));
    assert_eq!(row["reward/none/host-failed"], 0.0);
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
    let (TrainError::NotFinite { step, .. } | TrainError::Sampling { step, .. }) = error else {
        panic!("{error}")
    };
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

/// Answers a completion when as many more have come as `after` says, and the last ones at the end.
struct Late {
    after: usize,
    /// How many are still to come.
    left: Mutex<usize>,
    held: Mutex<Vec<(Submission, Reply)>>,
}

impl Reward for Late {
    fn submit(&self, submission: Submission, reply: Reply) {
        let mut held = self.held.lock().unwrap();
        held.push((submission, reply));
        let mut left = self.left.lock().unwrap();
        *left -= 1;
        let waiting = if *left == 0 { 0 } else { self.after };
        while held.len() > waiting {
            let (submission, reply) = held.remove(0);
            let letters = submission.completion.chars().count().max(1);
            reply(scored(submission.completion.matches('a').count() as f64 / letters as f64));
        }
    }

    fn digests(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[test]
fn rewards_may_take_until_the_next_rollouts_are_sampled() {
    let mut bench = Bench::new();
    bench.settings.rollout_ahead = 2;
    bench.settings.learning_rate = 5e-3;
    let completions = 32 * bench.settings.max_steps as usize;
    // Two whole steps of 32 are on their way all the time: a trainer that waited for either would wait for ever.
    let reward: Arc<dyn Reward> =
        Arc::new(Late { after: 64, left: Mutex::new(completions), held: Mutex::default() });
    bench.train(&reward).unwrap();
    let rows = bench.rows();
    let staleness: Vec<f64> = rows.iter().map(|row| row["sampling/staleness"].as_f64().unwrap()).collect();
    assert_eq!(staleness[..4], [0.0, 1.0, 2.0, 2.0]);
    assert!(staleness[4..].iter().all(|&staleness| staleness == 2.0));
    let rewards = rewards(&rows);
    assert!(rewards[19] > rewards[0] + 0.3, "{rewards:?}");
    // The ratio is that of the policy that sampled, so it is not 1.
    assert!(rows[8]["sampling/sampling_logp_difference/mean"].as_f64().unwrap() > 1e-3);
}

/// The share of the letter a for one task in three, and nothing for the others, whatever is written.
fn share_of_a_for_some() -> Arc<dyn Reward> {
    native(|submission| {
        let number: u32 = submission.reference.as_deref().unwrap().parse().unwrap();
        let letters = submission.completion.chars().count().max(1);
        let share = submission.completion.matches('a').count() as f64 / letters as f64;
        scored(if number.is_multiple_of(3) { share } else { 0.0 })
    })
}

#[test]
fn a_batch_is_filled_with_groups_that_differ() {
    let mut bench = Bench::new();
    bench.settings.filter_groups = true;
    bench.settings.max_steps = 6;
    bench.train(&share_of_a_for_some()).unwrap();
    for (row, step) in bench.rows().iter().zip(1..) {
        assert_eq!(row["frac_reward_zero_std"], 0.0, "{row}");
        assert!(row["sampling/num_gen_batches"].as_f64().unwrap() >= 2.0, "{row}");
        assert!(row["sampling/groups_alike"].as_f64().unwrap() >= 4.0, "{row}");
        let completions = bench.completions(step);
        assert_eq!(completions.len(), 32);
        for group in completions.chunks(8) {
            assert_eq!(group[0]["reference"].as_str().unwrap().parse::<u32>().unwrap() % 3, 0);
            assert!(group.iter().all(|row| row["prompt"] == group[0]["prompt"]));
            assert!(group.iter().any(|row| row["reward"] != group[0]["reward"]), "{group:?}");
        }
    }
    // Prompts that were sampled for are used up, whatever came of them.
    assert!(bench.rows()[5]["epoch"].as_f64().unwrap() >= 3.0 * 6.0 * 4.0 / 12.0);
}

#[test]
fn a_batch_is_filled_with_groups_that_are_neither_too_easy_nor_too_hard() {
    let begins_with_a = |text: &str| f64::from(u8::from(text.starts_with('a')));
    let mut bench = Bench::new();
    bench.settings.filter_groups = true;
    (bench.settings.min_pass_rate, bench.settings.max_pass_rate) = (0.25, 0.5);
    bench.settings.max_num_gen_batches = 50;
    bench.settings.max_steps = 3;
    bench.train(&native(move |submission| scored(begins_with_a(&submission.completion)))).unwrap();
    for (row, step) in bench.rows().iter().zip(1..) {
        assert!(row["sampling/num_gen_batches"].as_f64().unwrap() < 50.0, "{row}");
        assert!(row["sampling/groups_too_easy_or_hard"].is_number(), "{row}");
        for group in bench.completions(step).chunks(8) {
            let passed = group.iter().filter(|row| row["reward"] == 1.0).count();
            assert!((2..=4).contains(&passed), "{passed} of 8");
        }
    }
    let apart =
        bench.rows().iter().filter_map(|row| row["sampling/groups_too_easy_or_hard"].as_f64()).sum::<f64>();
    assert!(apart > 0.0, "groups that differ are left out too");
}

#[test]
fn what_has_to_differ_may_be_one_verifier_and_a_batch_without_any_is_sampled_for_no_more_than_that() {
    let mut bench = Bench::new();
    bench.settings.filter_groups = true;
    bench.settings.max_num_gen_batches = 3;
    bench.settings.max_steps = 2;
    bench.settings.filter_groups_metric = Some("nativ".to_owned());
    let refused = bench.train(&share_of_a()).unwrap_err().to_string();
    assert!(
        refused.contains("`nativ`, which is to say which groups differ") && refused.contains("native"),
        "{refused}"
    );

    // The whole reward differs, and what the verifier says does not.
    bench.settings.filter_groups_metric = Some("native".to_owned());
    let length = native(|submission| {
        let Score { outcomes, .. } = scored(1.0);
        Score { reward: Ok(submission.completion.len() as f64), components: Vec::new(), outcomes }
    });
    bench.train(&length).unwrap();
    for (row, step) in bench.rows().iter().zip(1..) {
        assert_eq!(row["sampling/num_gen_batches"], 3.0);
        assert_eq!(row["sampling/groups_alike"], 12.0);
        assert_eq!(bench.completions(step).len(), 32, "what is missing is filled up");
    }
}

#[test]
fn the_components_of_a_reward_are_logged_each_by_itself() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    let reward = native(|submission| {
        let letters = submission.completion.chars().count() as f64;
        let right = f64::from(u8::from(submission.completion.contains('a')));
        let components = vec![("right".to_owned(), right), ("letters".to_owned(), letters)];
        Score { components, ..scored(right - 0.1 * letters) }
    });
    bench.train(&reward).unwrap();
    let (row, completions) = (&bench.rows()[0], bench.completions(1));
    for name in ["right", "letters"] {
        let values: Vec<f64> =
            completions.iter().map(|row| row["reward_components"][name].as_f64().unwrap()).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let logged = row[format!("reward/component/{name}/mean")].as_f64().unwrap();
        assert!((logged - mean).abs() < 1e-12, "{name}: {logged}, {mean}");
        assert!(row[format!("reward/component/{name}/std")].as_f64().unwrap() >= 0.0);
    }
    assert!(completions[0]["reward"].is_number() && completions[0]["outcomes"]["native"].is_object());
}

#[test]
fn a_run_that_filters_goes_on_with_the_next_prompts() {
    let run = |stop_at: Option<u64>| {
        let mut bench = Bench::new();
        bench.settings.filter_groups = true;
        bench.settings.max_steps = 6;
        let mut steps = 0;
        train(&bench.settings, &share_of_a_for_some(), Start::New, &mut |progress| {
            steps += u64::from(matches!(progress, Progress::Stepped(_)));
            if stop_at == Some(steps) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        if stop_at.is_some() {
            bench.resume(&share_of_a_for_some()).unwrap();
        }
        let epochs: Vec<Value> = bench.rows().iter().map(|row| row["epoch"].clone()).collect();
        (epochs, weights(&bench.settings.output_dir.join("checkpoints/step-00006")))
    };
    let (epochs, expected) = run(None);
    let (resumed_epochs, resumed) = run(Some(3));
    assert_eq!(resumed_epochs, epochs);
    assert!(resumed == expected, "the weights differ");
}

#[test]
fn changed_tasks_are_refused_when_resuming() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    bench.train(&share_of_a()).unwrap();
    std::fs::write(bench.directory.path().join(TASKS), "{\"problem\":\"a\"}\n").unwrap();
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
    gavel_report::write(&bench.settings.output_dir, &page).unwrap();
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
    std::fs::write(bench.directory.path().join(TASKS), "{\"problem\":\"a\"}\n").unwrap();
    bench.settings.reload = Reload::BetweenSteps;
    let resumed = until(&mut bench, 6, Start::Resume, &Versions::starting_at(3, Vec::new()));
    assert!(matches!(resumed, Err(TrainError::Changed { .. })), "tasks do not reload");
}

#[test]
fn evaluation_counts_what_is_right() {
    let bench = Bench::new();
    let model = Model::load(&bench.settings.model, Device::Cpu, Precision::FULL).unwrap();
    let tokenizer = Tokenizer::load(&bench.settings.model).unwrap();
    let tasks = read_tasks(&bench.settings.tasks, &problems("{problem}=")).unwrap();
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

/// The run of the kill tests. After step 5, which lies between two checkpoints, the process waits to be killed.
fn run_to_kill(directory: &Path, rollout_ahead: u64, start: Start, waits: bool) -> Summary {
    let settings = Settings {
        rollout_ahead,
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
    let rollout_ahead = std::env::var("GAVEL_TEST_ROLLOUT_AHEAD").unwrap().parse().unwrap();
    run_to_kill(&directory, rollout_ahead, Start::New, true);
}

#[test]
fn a_killed_run_resumes_to_the_same_weights_bit_for_bit() {
    kill_and_resume(0);
}

#[test]
fn a_killed_run_learns_from_what_it_had_sampled_ahead() {
    kill_and_resume(2);
}

fn kill_and_resume(rollout_ahead: u64) {
    let whole = Bench::new();
    let expected = run_to_kill(whole.directory.path(), rollout_ahead, Start::New, false);

    let killed = Bench::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed", "--ignored"])
        .env("GAVEL_TEST_DIRECTORY", killed.directory.path())
        .env("GAVEL_TEST_ROLLOUT_AHEAD", rollout_ahead.to_string())
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

    let resumed = run_to_kill(killed.directory.path(), rollout_ahead, Start::Resume, false);
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

#[test]
fn steps_without_any_reward_warn_and_then_end_the_run_with_a_checkpoint() {
    let mut bench = Bench::new();
    let reward = native(|_| dropped(Failure::InvalidTask("no reference".to_owned())));
    let mut warnings = Vec::new();
    let ended = train(&bench.settings, &reward, Start::New, &mut |progress| {
        if let Progress::WithoutReward { step, in_a_row, why } = progress {
            warnings.push((step, in_a_row, why.to_owned()));
        }
        ControlFlow::Continue(())
    });
    let why = "`native` has no verdict (`native`: invalid task: no reference)";
    assert_eq!(warnings.first(), Some(&(1, 1, why.to_owned())));
    assert_eq!(warnings.len(), 10);
    let error = ended.unwrap_err();
    assert_eq!(error.to_string(), format!("no completion has had a reward for 10 steps: {why}"));
    assert_eq!(error.fault(), Fault::Input);
    assert!(bench.settings.output_dir.join("checkpoints/step-00010/model.safetensors").exists());

    // One reward among all completions of a step is enough to go on.
    let seen = Mutex::new(0);
    let reward = native(move |_| {
        let mut seen = seen.lock().unwrap();
        *seen += 1;
        if *seen % 32 == 0 { scored(1.0) } else { dropped(Failure::Abstained("why not".to_owned())) }
    });
    bench.settings.output_dir = bench.directory.path().join("another");
    bench.settings.max_steps = 11;
    let mut warnings = Vec::new();
    let summary = train(&bench.settings, &reward, Start::New, &mut |progress| {
        match progress {
            Progress::SomeWithoutReward { step, count, of, why } => {
                warnings.push((step, count, of, why.to_owned()));
            }
            Progress::WithoutVerdict { .. } | Progress::WithoutReward { .. } => panic!("{progress:?}"),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    assert_eq!(summary.unwrap().steps, 11);
    // The first such step is said, and it alone.
    assert_eq!(warnings, [(1, 31, 32, "`native` has no verdict (`native`: abstained: why not)".to_owned())]);
}

#[test]
fn a_run_without_any_reward_fails_however_short_it_is() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    let reward = native(|_| dropped(Failure::InvalidTask("no reference".to_owned())));
    let error = bench.train(&reward).unwrap_err();
    let why = "`native` has no verdict (`native`: invalid task: no reference)";
    assert_eq!(error.to_string(), format!("no completion has had a reward for 1 step: {why}"));
    assert!(bench.settings.output_dir.join("checkpoints/step-00001/model.safetensors").exists());
}

#[test]
fn a_verifier_without_a_single_verdict_is_said_once_though_every_completion_has_a_reward() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 3;
    let reward = native(|_| Score {
        reward: Ok(0.0),
        components: Vec::new(),
        outcomes: vec![(
            "native".to_owned(),
            Outcome::failure(Failure::InvalidTask("no reference".to_owned()), Duration::ZERO),
        )],
    });
    let mut warnings = Vec::new();
    train(&bench.settings, &reward, Start::New, &mut |progress| {
        if let Progress::WithoutVerdict { step, verifier, why } = progress {
            warnings.push((step, verifier.to_owned(), why.to_owned()));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(warnings, [(1, "native".to_owned(), "invalid task: no reference".to_owned())]);
}

#[test]
fn a_machine_that_cannot_judge_is_at_fault_itself() {
    let bench = Bench::new();
    let reward = native(|_| Score {
        reward: Err(NoReward::HostFailed { verifier: "native".to_owned() }),
        components: Vec::new(),
        outcomes: vec![(
            "native".to_owned(),
            Outcome::failure(Failure::HostFailed("no memory".to_owned()), Duration::ZERO),
        )],
    });
    let error = bench.train(&reward).unwrap_err();
    assert_eq!(error.fault(), Fault::Machine, "{error}");
    assert_eq!(bench.rows()[0]["reward/none/host-failed"], 32.0);
    assert_eq!(bench.rows()[0]["verify/native/host-failed"], 32.0);
}

#[test]
fn a_start_that_is_refused_leaves_nothing() {
    let refused = |change: &dyn Fn(&mut Settings)| -> TrainError {
        let mut bench = Bench::new();
        bench.settings.eval_tasks = Some(bench.settings.tasks.clone());
        change(&mut bench.settings);
        let error = bench.train(&share_of_a()).unwrap_err();
        assert!(!bench.settings.output_dir.exists(), "{error}");
        error
    };
    let error = refused(&|settings| settings.eval_correct = Some("nativ".to_owned()));
    assert_eq!(
        error.to_string(),
        "no verifier is called `nativ`, which is to say what is correct (did you mean `native`?); the reward has native"
    );
    let error = refused(&|settings| std::fs::remove_file(settings.model.join("model.safetensors")).unwrap());
    assert!(error.to_string().ends_with("model.safetensors"), "{error}");
    let error = refused(&|settings| {
        std::fs::write(settings.model.with_file_name(TASKS), "{\"prompt\":\"a\"}\n\n{\"prompt\":\"\"}\n")
            .unwrap();
    });
    assert!(matches!(error, TrainError::EmptyPrompt { line: 3, .. }), "{error}");
    let error = refused(&|settings| {
        Tokenizer::characters("abcd=€", &[]).unwrap().save(&settings.model).unwrap();
        std::fs::write(settings.model.with_file_name(TASKS), "{\"prompt\":\"a\"}\n{\"prompt\":\"a€\"}\n")
            .unwrap();
    });
    assert!(matches!(error, TrainError::UnknownToken { line: 2, id: 7, vocabulary: 7, .. }), "{error}");
    assert!(
        error.to_string().contains("tasks.jsonl:2: the prompt has the token `€`, which is id 7"),
        "{error}"
    );
}

#[test]
fn a_run_goes_on_only_with_what_decided_its_course() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 2;
    bench.train(&share_of_a()).unwrap();
    let began = bench.settings.clone();

    bench.settings.seed = 7;
    let error = bench.resume(&share_of_a()).unwrap_err();
    let TrainError::SettingChanged { field, before, now, .. } = &error else { panic!("{error}") };
    assert_eq!((field.as_str(), before.as_str(), now.as_str()), ("seed", "42", "7"));

    // How a batch is split is a matter of memory.
    bench.settings = Settings {
        max_steps: 3,
        save_steps: 1,
        per_device_train_batch_size: 16,
        gradient_accumulation_steps: 2,
        ..began.clone()
    };
    assert_eq!(bench.resume(&share_of_a()).unwrap().steps, 3);
    let resumes = json_lines(&bench.settings.output_dir.join("resumes.jsonl"));
    assert_eq!(resumes.len(), 1, "what is refused is not recorded");
    assert_eq!(resumes[0]["step"], 2);
    let changed: Vec<_> = resumes[0]["changed"].as_array().unwrap().iter().collect();
    let fields: Vec<_> = changed.iter().map(|change| change["field"].as_str().unwrap()).collect();
    let expected = ["per_device_train_batch_size", "gradient_accumulation_steps", "max_steps", "save_steps"];
    assert_eq!(fields, expected);
    assert_eq!((&changed[2]["before"], &changed[2]["now"]), (&"2".into(), &"3".into()));
}

#[test]
fn every_file_that_was_loaded_is_compared() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 1;
    let generation = bench.settings.model.join("generation_config.json");
    std::fs::write(&generation, "{\"eos_token_id\": [1]}\n").unwrap();
    bench.train(&share_of_a()).unwrap();
    bench.settings.max_steps = 2;
    for file in ["config.json", "generation_config.json", "tokenizer_config.json", "model.safetensors"] {
        let path = bench.settings.model.join(file);
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, [before.as_slice(), b" "].concat()).unwrap();
        let error = bench.resume(&share_of_a()).unwrap_err();
        let TrainError::Changed { what, .. } = &error else { panic!("{error}") };
        assert_eq!(*what, format!("the file of `model/{file}`"));
        std::fs::write(&path, before).unwrap();
    }
    let resumed = bench.resume(&share_of_a()).unwrap();
    assert_eq!(
        std::fs::read(resumed.model.join("generation_config.json")).unwrap(),
        std::fs::read(generation).unwrap()
    );
}

#[test]
fn to_resume_a_finished_run_says_so_and_changes_nothing() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 2;
    bench.settings.eval_tasks = Some(bench.settings.tasks.clone());
    let finished = bench.train(&share_of_a()).unwrap();
    let metrics = std::fs::read(bench.settings.output_dir.join("metrics.jsonl")).unwrap();
    let mut said = Vec::new();
    let again = train(&bench.settings, &share_of_a(), Start::Resume, &mut |progress| {
        said.push(matches!(progress, Progress::AlreadyFinished { step: 2, .. }));
        ControlFlow::Continue(())
    });
    let again = again.unwrap();
    assert_eq!(said, [true]);
    assert_eq!(
        (again.steps, &again.model, &again.after["accuracy"]),
        (2, &finished.model, &finished.after["accuracy"])
    );
    assert_eq!(std::fs::read(bench.settings.output_dir.join("metrics.jsonl")).unwrap(), metrics);
    assert!(!bench.settings.output_dir.join("resumes.jsonl").exists());
}

#[test]
fn an_evaluation_can_be_broken_off_and_is_made_up_for() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 2;
    bench.settings.logging_steps = 7;
    bench.settings.eval_tasks = Some(bench.settings.tasks.clone());
    bench.settings.per_device_eval_batch_size = 5;
    let mut batches = 0;
    let stopped = train(&bench.settings, &share_of_a(), Start::New, &mut |progress| {
        let Progress::Evaluating { done, of, .. } = progress else { return ControlFlow::Continue(()) };
        batches += 1;
        assert_eq!((done, of), (5 * (batches - 1), 12));
        if batches == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!((stopped.steps, stopped.after.len(), batches), (2, 0, 2));
    assert!(stopped.model.ends_with("step-00002"));
    let resumed = bench.resume(&share_of_a()).unwrap();
    assert!(resumed.after["accuracy"].is_f64());
    let steps: Vec<_> = bench.rows().iter().map(|row| row["eval_pass@1"].is_f64()).collect();
    assert_eq!(steps, [false, true]);
    let finished = train(&bench.settings, &share_of_a(), Start::Resume, &mut |progress| {
        assert!(matches!(progress, Progress::AlreadyFinished { .. }), "and then it is finished");
        ControlFlow::Continue(())
    });
    assert_eq!(finished.unwrap().model, resumed.model);
}

#[test]
fn an_evaluation_does_not_depend_on_its_batches_and_knows_one_accuracy() {
    let bench = Bench::new();
    let model = Model::load(&bench.settings.model, Device::Cpu, Precision::FULL).unwrap();
    let tokenizer = Tokenizer::load(&bench.settings.model).unwrap();
    let tasks = read_tasks(&bench.settings.tasks, &problems("{problem}=")).unwrap();
    // A verifier with the name of the number in the summary, which has no verdict on what lacks a b.
    let reward = native(|submission| {
        let right = f64::from(u8::from(submission.completion.contains('a')));
        let verdict = Outcome::verdict(Verdict::new(right), Duration::ZERO);
        let failure = Outcome::failure(Failure::OutOfFuel { limit: 1 }, Duration::ZERO);
        match submission.completion.contains('b') {
            true => Score {
                reward: Ok(right),
                components: Vec::new(),
                outcomes: vec![("accuracy".to_owned(), verdict)],
            },
            false => Score {
                reward: Err(NoReward::Dropped { verifier: "accuracy".to_owned() }),
                components: Vec::new(),
                outcomes: vec![("accuracy".to_owned(), failure)],
            },
        }
    });
    let with = |batch_size: usize| {
        let correct = None;
        let options = EvalOptions {
            num_generations: 4,
            temperature: 1.0,
            batch_size,
            correct,
            ..EvalOptions::of(&bench.settings)
        };
        evaluate(&model, &tokenizer, &tasks, reward.as_ref(), &options).unwrap()
    };
    let (whole, split) = (with(48), with(7));
    let texts = |evaluation: &gavel_train::eval::Evaluation| -> Vec<String> {
        evaluation.completions.iter().map(|completion| completion.text.clone()).collect()
    };
    assert_eq!(texts(&whole), texts(&split));
    assert!(texts(&whole)[..4].iter().any(|text| *text != texts(&whole)[0]), "a task's completions differ");

    let right = whole.completions.iter().filter(|completion| completion.correct).count();
    let failed = whole.completions.iter().filter(|completion| completion.score.reward.is_err()).count();
    assert!(right > 0 && failed > 0);
    assert_eq!(whole.no_reward["dropped"], failed);
    let summary = whole.summary();
    assert_eq!(summary["accuracy"].as_f64(), Some(right as f64 / 48.0), "failures count as wrong");
    let mean = summary["rewards/accuracy"].as_f64().unwrap();
    assert!(mean > whole.accuracy(), "the mean of those that have a verdict is another number");
    assert_eq!(whole.majority, None, "nothing is marked as an answer");
    assert!(whole.metrics().get("eval_majority@4").is_none());

    let greedy = EvalOptions { num_generations: 4, temperature: 0.0, ..whole.options.clone() };
    let refused = evaluate(&model, &tokenizer, &tasks, reward.as_ref(), &greedy).unwrap_err();
    assert!(matches!(refused, TrainError::Setting { field: "num_generations", .. }), "{refused}");
    let misnamed = EvalOptions { correct: Some("nativ".to_owned()), ..whole.options };
    let refused = evaluate(&model, &tokenizer, &tasks, reward.as_ref(), &misnamed).unwrap_err();
    assert!(refused.to_string().contains("did you mean `native`?"), "{refused}");
}

#[test]
fn a_split_rollout_has_the_same_completions() {
    let completions = |change: &dyn Fn(&mut Settings)| {
        let mut bench = Bench::new();
        bench.settings.max_steps = 1;
        change(&mut bench.settings);
        bench.train(&share_of_a()).unwrap();
        let text = |row: &Value| row["completion"].as_str().unwrap().to_owned();
        let row = bench.rows().remove(0);
        let texts: Vec<_> = bench.completions(1).iter().map(text).collect();
        (texts, row["loss"].as_f64().unwrap())
    };
    let (whole, loss) = completions(&|_| {});
    let (split, _) = completions(&|settings| settings.max_num_seqs = Some(5));
    assert_eq!(whole, split);
    // TRL's steps_per_generation below gradient_accumulation_steps: two rollouts make one optimiser step.
    let (split, split_loss) = completions(&|settings| {
        settings.per_device_train_batch_size = 8;
        settings.gradient_accumulation_steps = 4;
        settings.steps_per_generation = Some(2);
    });
    assert_eq!(whole, split);
    assert!((loss - split_loss).abs() < 1e-6, "{loss} and {split_loss}");
}

#[test]
fn masked_completions_count_in_the_baseline_unless_they_are_left_out() {
    let advantages = |truncated_in_baseline: bool| -> Vec<(bool, f64, f64)> {
        let mut bench = Bench::new();
        bench.settings.max_steps = 1;
        bench.settings.mask_truncated_completions = true;
        bench.settings.truncated_in_baseline = truncated_in_baseline;
        bench.settings.scale_rewards = gavel_train::grpo::ScaleRewards::None;
        bench.train(&share_of_a()).unwrap();
        let row = |row: &Value| {
            let number = |name: &str| row[name].as_f64().unwrap();
            (row["truncated"].as_bool().unwrap(), number("reward"), number("advantage"))
        };
        bench.completions(1).iter().map(row).collect()
    };
    let (with, without) = (advantages(true), advantages(false));
    let mut groups = 0;
    for (with, without) in with.chunks(8).zip(without.chunks(8)) {
        let mean = |counts: &dyn Fn(bool) -> bool| {
            let rewards: Vec<f64> = with.iter().filter(|row| counts(row.0)).map(|row| row.1).collect();
            rewards.iter().sum::<f64>() / rewards.len() as f64
        };
        let truncated = with.iter().filter(|row| row.0).count();
        if !(1..7).contains(&truncated) {
            continue;
        }
        groups += 1;
        let (all, ended) = (mean(&|_| true), mean(&|truncated| !truncated));
        for (with, without) in with.iter().zip(without) {
            assert!((with.2 - (with.1 - all)).abs() < 1e-9);
            let expected = if without.0 { 0.0 } else { without.1 - ended };
            assert!((without.2 - expected).abs() < 1e-9);
        }
    }
    assert!(groups > 0, "no group has both kinds");
}

#[test]
fn what_is_masked_and_left_out_of_the_baseline_has_no_say() {
    let weights_where_truncated_is_worth = |reward_of_truncated: f64| {
        let mut bench = Bench::new();
        bench.settings.max_steps = 2;
        bench.settings.mask_truncated_completions = true;
        bench.settings.truncated_in_baseline = false;
        let reward = native(move |submission| {
            let metadata: Value = serde_json::from_str(&submission.metadata).unwrap();
            let truncated = metadata["truncated"].as_bool().unwrap();
            scored(if truncated {
                reward_of_truncated
            } else {
                f64::from(submission.completion.len() as u32)
            })
        });
        weights(&bench.train(&reward).unwrap().model)
    };
    assert_eq!(weights_where_truncated_is_worth(9.0), weights_where_truncated_is_worth(-9.0));
}

/// Makes the last norm of the model, and so its logits, NaN.
fn break_the_model(settings: &Settings) {
    let model = Model::load(&settings.model, Device::Cpu, Precision::FULL).unwrap();
    let (name, mut norm) = model.parameters().pop().unwrap();
    assert_eq!(name, "model.norm.weight");
    tch::no_grad(|| norm.copy_(&(norm.ones_like() * f64::NAN)));
    model.save(&settings.model).unwrap();
}

#[test]
fn logits_that_are_no_numbers_are_an_error_with_tensor_and_step() {
    for temperature in [1.0, 0.7] {
        let mut bench = Bench::new();
        bench.settings.temperature = temperature;
        break_the_model(&bench.settings);
        let error = bench.train(&share_of_a()).unwrap_err();
        let TrainError::Sampling { step: 1, source } = &error else { panic!("{error}") };
        assert!(source.to_string().contains("tensor `model.norm.weight` of the model holds NaN"), "{source}");
    }
}

#[test]
fn updates_that_are_not_finite_are_skipped_where_that_is_asked_for() {
    let mut bench = Bench::new();
    bench.settings.max_steps = 3;
    // So large that float32 overflows in the loss.
    let reward = native(|submission| scored(if submission.completion.contains('a') { 1e300 } else { 0.0 }));
    bench.settings.scale_rewards = gavel_train::grpo::ScaleRewards::None;
    let error = bench.train(&reward).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { step: 1, .. }), "{error}");

    bench.settings.output_dir = bench.directory.path().join("another");
    bench.settings.skip_nonfinite_updates = true;
    let summary = bench.train(&reward).unwrap();
    let before = std::fs::read(bench.settings.model.join("model.safetensors")).unwrap();
    assert_eq!(weights(&summary.model), before, "nothing was learnt from them");
    assert!(bench.rows().iter().all(|row| row["skipped_updates"] == 1.0));
}

#[test]
fn weights_are_saved_as_they_came_and_a_run_resumes_with_all_their_digits() {
    let bench_of = |max_steps: i64| {
        let mut bench = Bench::new();
        let model = Model::load(&bench.settings.model, Device::Cpu, Precision::FULL).unwrap();
        model.save_as(&bench.settings.model, SaveDtype::Bfloat16).unwrap();
        bench.settings.max_steps = max_steps;
        bench.settings.bf16 = Some(false);
        bench.settings.lr_scheduler_type = gavel_train::optim::LrSchedulerType::Constant;
        bench
    };
    let kind = |checkpoint: &Path| {
        let tensors = Tensor::read_safetensors(checkpoint.join("model.safetensors")).unwrap();
        tensors.iter().for_each(|(_, tensor)| assert_eq!(tensor.kind(), tensors[0].1.kind()));
        tensors[0].1.kind()
    };
    let whole = bench_of(3);
    let expected = whole.train(&share_of_a()).unwrap();
    assert_eq!(kind(&expected.model), Kind::BFloat16);
    assert!(std::fs::read_to_string(expected.model.join("config.json")).unwrap().contains("bfloat16"));

    let mut stopped = bench_of(1);
    stopped.train(&share_of_a()).unwrap();
    stopped.settings.max_steps = 3;
    let resumed = stopped.resume(&share_of_a()).unwrap();
    for name in ["model.safetensors", "optimizer.safetensors"] {
        let bytes = |summary: &Summary| std::fs::read(summary.model.join(name)).unwrap();
        assert!(bytes(&expected) == bytes(&resumed), "{name} differs");
    }

    let mut full = bench_of(1);
    full.settings.save_dtype = SaveDtype::Float32;
    assert_eq!(kind(&full.train(&share_of_a()).unwrap().model), Kind::Float);
}

/// Problems in a text, for a model without a chat template.
fn problems(template: &str) -> Prompts {
    Prompts::new(Template::named(template).unwrap(), None)
}
