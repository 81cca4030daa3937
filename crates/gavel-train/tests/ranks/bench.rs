//! What the tests of several processes are about, a tiny model and a reward in Rust, and how they start themselves again.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gavel_model::{Config, Model, Precision, Tokenizer};
use gavel_torch::DeviceChoice;
use gavel_torch::distributed::{Rendezvous, Store, Timeouts};
use gavel_train::settings::Settings;
use gavel_train::train::{Progress, Start, Summary, train, train_together};
use gavel_train::{Ranks, TrainError};
use gavel_verify::{NoReward, Outcome, Reply, Reward, Score, Submission, Verdict};
use serde_json::Value;
use tch::Device;

/// Where the ranks of a test find what it is about.
const DIRECTORY: &str = "GAVEL_TEST_DIRECTORY";

const TIMEOUTS: Timeouts = Timeouts { open: Duration::from_secs(60), operation: Duration::from_secs(30) };

/// The share of the letter a.
struct ShareOfA;

impl Reward for ShareOfA {
    fn submit(&self, submission: Submission, reply: Reply) {
        let letters = submission.completion.chars().count().max(1);
        let share = submission.completion.matches('a').count() as f64 / letters as f64;
        let verdict = Verdict { reason: Some("counted".to_owned()), ..Verdict::new(share) };
        let outcomes = vec![("native".to_owned(), Outcome::verdict(verdict, Duration::from_millis(1)))];
        // One in a while has no reward, and is left out.
        let none = NoReward::Dropped { verifier: "native".to_owned() };
        let reward = if submission.completion.starts_with("bb") { Err(none) } else { Ok(share) };
        reply(Score { reward, components: Vec::new(), outcomes });
    }

    fn digests(&self) -> Vec<(String, String)> {
        vec![("native".to_owned(), String::new())]
    }
}

/// Forgets to answer.
pub(super) struct Silent;

impl Reward for Silent {
    fn submit(&self, _: Submission, _: Reply) {}

    fn digests(&self) -> Vec<(String, String)> {
        ShareOfA.digests()
    }
}

pub(super) fn share_of_a() -> Arc<dyn Reward> {
    Arc::new(ShareOfA)
}

/// A model, tasks, and settings that go with them, in a directory of their own.
pub(super) struct Bench {
    pub(super) directory: tempfile::TempDir,
    pub(super) settings: Settings,
}

impl Bench {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            model: directory.path().join("model"),
            tasks: directory.path().join("tasks.jsonl").into(),
            template: "{problem}=".to_owned(),
            device: "cpu".to_owned(),
            num_generations: 4,
            per_device_train_batch_size: 16,
            max_completion_length: 8,
            learning_rate: 1e-2,
            max_steps: 4,
            ..Settings::default()
        };
        save_model(&settings.model);
        let task = |n: usize| format!("{{\"problem\":\"{}\"}}\n", "abcd".repeat(1 + n % 3));
        std::fs::write(directory.path().join("tasks.jsonl"), (0..12).map(task).collect::<String>()).unwrap();
        Self { directory, settings }
    }

    /// The settings of a run of so many ranks, which as a whole is always the same.
    pub(super) fn among(&self, ranks: usize, run: &str) -> Settings {
        Settings {
            output_dir: self.directory.path().join(run),
            per_device_train_batch_size: self.settings.per_device_train_batch_size / ranks,
            num_processes: (ranks > 1).then_some(ranks),
            ..self.settings.clone()
        }
    }

    pub(super) fn train_alone(&self, run: &str) -> Summary {
        train(&self.among(1, run), &share_of_a(), Start::New, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    /// Has ranks do what `test` does in them, with these settings, and gives their exit codes.
    pub(super) fn start(&self, test: &str, settings: &Settings) -> Vec<Option<i32>> {
        std::fs::write(self.directory.path().join("settings.toml"), settings.to_toml()).unwrap();
        start(test, settings.processes(), self.directory.path())
    }

    pub(super) fn rows(&self, run: &str) -> Vec<Value> {
        json_lines(&self.directory.path().join(run).join("metrics.jsonl"))
    }

    /// What a step sampled, with what each came to, but for times.
    pub(super) fn completions(&self, run: &str, step: usize) -> Vec<Value> {
        let path = format!("{run}/completions/completions_{step:05}.jsonl");
        let without_times = |mut row: Value| {
            row["outcomes"]["native"].as_object_mut().unwrap().shift_remove("ms");
            row
        };
        json_lines(&self.directory.path().join(path)).into_iter().map(without_times).collect()
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

/// Starts a test again in so many processes, and waits for their ends.
pub(super) fn start(test: &str, size: usize, directory: &Path) -> Vec<Option<i32>> {
    let store = Store::serve().unwrap();
    let rank = |rank: usize| {
        let numbers = [("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", size)];
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .envs(numbers.map(|(name, number)| (name, number.to_string())))
            .envs([("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &store.port().to_string())])
            .envs([("TORCHELASTIC_USE_AGENT_STORE", "True"), ("TORCH_CPP_LOG_LEVEL", "FATAL")])
            .envs([("OMP_NUM_THREADS", "1")])
            .env(DIRECTORY, directory)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let started: Vec<Child> = (0..size).map(rank).collect();
    started.into_iter().map(|mut child| child.wait().unwrap().code()).collect()
}

/// What a process is that was started as a rank of a test.
pub(super) struct Rank {
    pub(super) ranks: Ranks,
    pub(super) rank: usize,
    pub(super) directory: PathBuf,
}

impl Rank {
    /// `None` in the process that starts the others.
    pub(super) fn here() -> Option<Self> {
        let directory = PathBuf::from(std::env::var_os(DIRECTORY)?);
        let rendezvous = Rendezvous::from_variables(|name| std::env::var(name).ok()).unwrap().unwrap();
        let ranks = Ranks::open(&rendezvous, DeviceChoice::Cpu, TIMEOUTS).unwrap();
        Some(Self { ranks, rank: rendezvous.rank, directory })
    }

    pub(super) fn settings(&self) -> Settings {
        Settings::load(&self.directory.join("settings.toml"), &[]).unwrap()
    }

    /// Goes on with the run that there is, or begins one.
    pub(super) fn train(
        &self,
        settings: &Settings,
        reward: &Arc<dyn Reward>,
        mut watch: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Summary, TrainError> {
        let begun = settings.output_dir.join("metrics.jsonl").exists();
        // Whoever comes later must not see what the first has begun.
        self.ranks.wait_for_all().unwrap();
        let start = if begun { Start::Resume } else { Start::New };
        train_together(&self.ranks, settings, reward, start, &mut |progress| match progress {
            Progress::Stepped(report) => watch(report.step),
            _ => ControlFlow::Continue(()),
        })
    }

    pub(super) fn train_to_the_end(&self) {
        self.train(&self.settings(), &share_of_a(), |_| ControlFlow::Continue(())).unwrap();
    }
}
