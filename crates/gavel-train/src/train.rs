//! GRPO, straight down: sample → score → compare within the group → loss → step → log → evaluate → save.
//!
//! The method is DeepSeekMath's ([2402.03300](https://arxiv.org/abs/2402.03300)) with TRL's options and defaults; where
//! it departs from either is listed in `docs/grpo.md`. The trainer is verifier-blind: it sees submissions go out and
//! scores come back.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use gavel_model::{Model, Precision, Sampling, Tokenizer};
use gavel_verify::{Refreshed, Reward};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tch::{Device, Tensor};

use crate::TrainError;
use crate::digests::{Digests, JudgeLog, Judges};
use crate::eval::{EvalOptions, Evaluation, evaluate_encoded};
use crate::grpo;
use crate::metrics::{self, Metrics, Window};
use crate::optim::AdamW;
use crate::records::{at_step, completion_row};
use crate::rollout::{self, EncodedTask, Rollout, Sample, Sampler};
use crate::run_directory::{Checkpoint, Records, RunDirectory, json_bytes};
use crate::seeds::{self, Purpose};
use crate::settings::{Reload, Settings};
use crate::task::{Template, read_tasks};
use crate::update::{Learning, Row, UpdateSums};

/// Whether to begin a run or to go on with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A new run; the run directory must not hold one.
    New,
    /// The run in the run directory, from its last checkpoint, or from the start if there is none yet.
    Resume,
}

/// What is going on, for whoever watches.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Everything is loaded.
    Started {
        /// Steps made already: 0, unless the run is resumed.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
        /// Parameters of the model.
        parameters: usize,
        /// Where it trains.
        device: Device,
    },
    /// A step is done.
    Stepped(&'a StepReport<'a>),
    /// An evaluation is done.
    Evaluated {
        /// After this step; 0 is before the first.
        step: u64,
        /// What it found.
        evaluation: &'a Evaluation,
    },
    /// Something of the reward has changed, with `reload = "between-steps"`.
    Refreshed {
        /// After this step; 0 is before the first.
        step: u64,
        /// What came of it.
        refreshed: &'a Refreshed,
    },
    /// A checkpoint is written.
    Saved {
        /// After this step.
        step: u64,
        /// Its directory.
        path: &'a Path,
    },
}

/// One step.
#[derive(Debug)]
pub struct StepReport<'a> {
    /// From 1.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// The metrics of this step alone.
    pub metrics: &'a Metrics,
    /// What was sampled, the completions of a prompt one after the other.
    pub completions: Vec<SampledCompletion<'a>>,
}

/// One completion of a step.
#[derive(Debug, Clone, Copy)]
pub struct SampledCompletion<'a> {
    /// The prompt.
    pub prompt: &'a str,
    /// What the policy wrote.
    pub text: &'a str,
    /// `None` if it was left out.
    pub reward: Option<f64>,
    /// How much better than its group.
    pub advantage: f64,
}

/// A finished run, and what `summary.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// See [`Evaluation::summary`]; empty if nothing was evaluated before the first step.
    pub before: Map<String, Value>,
    /// See [`Evaluation::summary`]; the latest; empty without evaluation tasks.
    pub after: Map<String, Value>,
    /// Steps made.
    pub steps: u64,
    /// Time spent, evaluation included, resumed runs added up.
    pub seconds: f64,
    /// The last checkpoint: the trained model.
    #[serde(skip)]
    pub model: PathBuf,
}

/// Trains the model of `settings` on rewards of `reward`, and leaves everything in the run directory.
///
/// `progress` is called as things happen. When it answers `Break` to a step, the run saves a checkpoint and ends there;
/// to a checkpoint, it ends there.
///
/// # Errors
///
/// When files cannot be read or written, the run exists already or does not, what it began with has changed, or
/// training diverges.
pub fn train(
    settings: &Settings,
    reward: &Arc<dyn Reward>,
    start: Start,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Summary, TrainError> {
    settings.check()?;
    let device = gavel_torch::select_device(settings.device().expect("a checked device"))?;
    let template = Template::named(&settings.template).expect("a checked template");
    let tokenizer = Tokenizer::load(&settings.model)?;
    let tasks = rollout::encode(read_tasks(&settings.tasks, &template)?, &tokenizer)?;
    let eval_tasks = read_eval_tasks(settings, &template, &tokenizer)?;
    let (run, checkpoint, mut judges) = open_run(settings, reward.as_ref(), start)?;

    let mut state = checkpoint.as_ref().map(Checkpoint::state).transpose()?.unwrap_or_default();
    let weights = checkpoint.as_ref().map_or(&settings.model, |checkpoint| &checkpoint.path);
    let mut model = Model::load(weights, device, settings.precision(device))?;
    model.set_requires_grad(true);
    let reference = load_reference(settings, device)?;
    let mut optimizer = AdamW::new(model.parameters(), settings.adamw());
    if let Some(checkpoint) = &checkpoint {
        checkpoint.restore(&mut optimizer, state.updates)?;
    }
    let mut records = run.records_after(checkpoint.as_ref().map(|checkpoint| checkpoint.step))?;

    let steps = settings.steps(tasks.len());
    let learning = learning(settings, device);
    let mut window = Window::default();
    let mut saved = checkpoint.clone();
    let mut stopped = false;
    let parameters = model.parameter_count();
    let _ = progress(Progress::Started { step: state.step, steps, parameters, device });
    let evaluate = |model: &Model| {
        evaluate_encoded(model, &tokenizer, &eval_tasks, reward.as_ref(), &EvalOptions::of(settings))
    };
    if state.step == 0 && settings.eval_on_start && !eval_tasks.is_empty() {
        let started = Instant::now();
        let found = evaluate(&model)?;
        state.seconds += started.elapsed().as_secs_f64();
        state.before = Some(found.summary());
        record_evaluation(&run, &mut records, 0, &found)?;
        let _ = progress(Progress::Evaluated { step: 0, evaluation: &found });
    }

    while state.step < steps && !stopped {
        let mut clock = Clock::start();
        let step = state.step + 1;

        // Between steps the reward may become another.
        if settings.reload == Reload::BetweenSteps {
            if let Some(refreshed) = reward.refresh() {
                if let Refreshed::Changed(changes) = &refreshed {
                    let changed = changes.iter().map(|change| change.what.clone()).collect();
                    let now = Judges::now(settings, reward.as_ref(), state.step)?;
                    judges.record(&run, now, changed)?;
                }
                let _ = progress(Progress::Refreshed { step: state.step, refreshed: &refreshed });
            }
            clock.lap("reload");
        }

        // Sample G completions of each prompt, and score each one as soon as it ends.
        let sampler =
            Sampler { model: &model, tokenizer: &tokenizer, stop: &settings.stop, reward: reward.as_ref() };
        let prompts = prompts_of_step(settings, &tasks, step);
        let rollout = sampler.rollout(&prompts, &sampling(settings, &model, &tokenizer, step))?;
        clock.lap("sample");

        // Compare each completion with the others of its prompt.
        let rewards: Vec<f64> =
            rollout.samples.iter().map(|sample| sample.reward().unwrap_or(f64::NAN)).collect();
        let rewards = Tensor::from_slice(&rewards).reshape([-1, settings.num_generations as i64]);
        let advantages = grpo::advantages(&rewards, settings.scale_rewards);
        let advantages: Vec<f64> = Vec::try_from(advantages.reshape([-1])).expect("a vector of doubles");
        let mut metrics = metrics::of_rollout(&rollout, &rewards, settings.scale_rewards);

        // Make what was better more likely, and what was worse less.
        let rows = rows(settings, &prompts, &rollout, &advantages, step);
        let mut batches = learning.batches(&rows);
        if !settings.is_on_policy() {
            learning.remember_old(&mut batches, &model);
        }
        if let Some(reference) = &reference {
            learning.remember_reference(&mut batches, reference);
        }
        let mut updates = Window::default();
        for batch in std::iter::repeat_n(&batches, settings.num_iterations).flatten() {
            let sums = learning.backward(batch, &model);
            TrainError::require_finite(step, "loss", sums.loss.loss)?;
            clock.lap("loss");
            let learning_rate = learning_rate(settings, optimizer.updates(), steps);
            let norm = optimizer.step(learning_rate);
            TrainError::require_finite(step, "gradient norm", norm)?;
            clock.lap("step");
            updates.push(metrics_of_update(&sums, norm, learning_rate, settings.beta != 0.0));
        }
        metrics.extend(updates.take_means());

        // Log.
        state.step = step;
        state.updates = optimizer.updates();
        state.num_tokens +=
            rows.iter().map(|row| (row.prompt.len() + row.completion.len()) as u64).sum::<u64>();
        state.seconds += clock.total();
        metrics.set("num_tokens", state.num_tokens as f64);
        metrics.set("epoch", (step as usize * settings.prompts_per_step()) as f64 / tasks.len() as f64);
        metrics.extend(clock.metrics(&rollout));
        if settings.reload == Reload::BetweenSteps {
            metrics.set("reloads", judges.changes() as f64);
        }
        if let Some(memory) = gavel_torch::memory_statistics(device) {
            metrics.set("memory/peak_allocated_gib", memory.peak_allocated as f64 / f64::from(1 << 30));
        }
        let report =
            StepReport { step, steps, metrics: &metrics, completions: seen(&prompts, &rollout, &advantages) };
        stopped = progress(Progress::Stepped(&report)).is_break();
        window.push(metrics);
        let is_last = step == steps;
        let saves = is_last || stopped || step.is_multiple_of(settings.save_steps as u64);
        // A row also before every checkpoint, so that none has to remember steps that were not logged.
        if saves || step.is_multiple_of(settings.logging_steps as u64) {
            records.log(step, &window.take_means())?;
            if settings.log_completions {
                records.write_completions(
                    "completions",
                    step,
                    completion_rows(step, &prompts, &rollout, &advantages),
                )?;
            }
        }

        // Evaluate.
        let is_time = settings.eval_steps.is_some_and(|every| step.is_multiple_of(every as u64));
        if !eval_tasks.is_empty() && (is_last || is_time) {
            let started = Instant::now();
            let found = evaluate(&model)?;
            state.seconds += started.elapsed().as_secs_f64();
            record_evaluation(&run, &mut records, step, &found)?;
            let _ = progress(Progress::Evaluated { step, evaluation: &found });
            state.after = Some(found.summary());
        }

        // Save.
        if saves {
            records.sync()?;
            let keep = settings.save_total_limit;
            let checkpoint = run.save_checkpoint(&state, &model, &tokenizer, &optimizer, keep)?;
            stopped |= progress(Progress::Saved { step, path: &checkpoint.path }).is_break();
            saved = Some(checkpoint);
        }
    }

    let summary = Summary {
        before: state.before.unwrap_or_default(),
        after: state.after.unwrap_or_default(),
        steps: state.step,
        seconds: state.seconds,
        model: saved.map_or_else(|| settings.model.clone(), |checkpoint| checkpoint.path),
    };
    run.write("summary.json", &json_bytes(&summary))?;
    Ok(summary)
}

fn read_eval_tasks(
    settings: &Settings,
    template: &Template,
    tokenizer: &Tokenizer,
) -> Result<Vec<EncodedTask>, TrainError> {
    let Some(path) = &settings.eval_tasks else { return Ok(Vec::new()) };
    let mut tasks = read_tasks(path, template)?;
    tasks.truncate(settings.eval_limit.unwrap_or(usize::MAX));
    rollout::encode(tasks, tokenizer)
}

/// The run directory, the checkpoint to go on from, and what has judged up to there.
fn open_run(
    settings: &Settings,
    reward: &dyn Reward,
    start: Start,
) -> Result<(RunDirectory, Option<Checkpoint>, JudgeLog), TrainError> {
    let digests = Digests::of(settings, reward)?;
    let (run, checkpoint, mut judges) = match start {
        Start::New => (RunDirectory::create(&settings.output_dir)?, None, JudgeLog::default()),
        Start::Resume => {
            let run = RunDirectory::open(&settings.output_dir)?;
            let checkpoint = run.checkpoints()?.pop();
            let judges = JudgeLog::until(&run, checkpoint.as_ref().map(|checkpoint| checkpoint.step))?;
            if let Some(mut before) = run.read_json::<Digests>("digests.json")? {
                if let Some(judges) = judges.last() {
                    before = before.judged_by(judges);
                }
                if let Some(what) = before.changed(&digests, settings.reload) {
                    return Err(TrainError::Changed { what, path: run.path().to_owned() });
                }
            }
            (run, checkpoint, judges)
        }
    };
    run.write("settings.toml", settings.to_toml().as_bytes())?;
    run.write("digests.json", &json_bytes(&digests))?;
    let step = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.step);
    judges.record(&run, digests.judges(step), Vec::new())?;
    Ok((run, checkpoint, judges))
}

/// The policy that the run began with, when the loss compares with it. It is not trained, so bfloat16 will do where
/// the policy computes in it.
fn load_reference(settings: &Settings, device: Device) -> Result<Option<Model>, TrainError> {
    if settings.beta == 0.0 {
        return Ok(None);
    }
    let precision =
        if settings.precision(device) == Precision::FULL { Precision::FULL } else { Precision::BF16 };
    Ok(Some(Model::load(&settings.model, device, precision)?))
}

fn learning(settings: &Settings, device: Device) -> Learning {
    Learning {
        objective: settings.objective(),
        temperature: settings.temperature,
        mask_truncated_completions: settings.mask_truncated_completions,
        optimizer_batch_size: settings.optimizer_batch_size(),
        micro_batch_size: settings.per_device_train_batch_size,
        device,
    }
}

fn learning_rate(settings: &Settings, update: i64, steps: u64) -> f64 {
    let updates = steps * settings.updates_per_step() as u64;
    let warmup = settings.warmup_updates(updates);
    settings.learning_rate * settings.lr_scheduler_type.factor(update, warmup, updates as i64)
}

/// The tasks of a step, each `num_generations` times. Every epoch has an order of its own.
fn prompts_of_step<'a>(settings: &Settings, tasks: &'a [EncodedTask], step: u64) -> Vec<&'a EncodedTask> {
    let count = settings.prompts_per_step();
    let first = (step as usize - 1) * count;
    let mut order = (usize::MAX, Vec::new());
    let task = |position: usize| {
        let (epoch, place) = (position / tasks.len(), position % tasks.len());
        if !settings.shuffle_dataset {
            return &tasks[place];
        }
        if order.0 != epoch {
            let seed = seeds::derive(settings.seed, Purpose::TaskOrder, epoch as u64);
            order = (epoch, seeds::shuffled(tasks.len(), seed));
        }
        &tasks[order.1[place]]
    };
    let chosen: Vec<&EncodedTask> = (first..first + count).map(task).collect();
    chosen.into_iter().flat_map(|task| std::iter::repeat_n(task, settings.num_generations)).collect()
}

fn sampling(settings: &Settings, model: &Model, tokenizer: &Tokenizer, step: u64) -> Sampling {
    Sampling {
        max_new_tokens: settings.max_completion_length,
        temperature: settings.temperature,
        top_p: settings.top_p,
        top_k: settings.top_k,
        seed: seeds::derive(settings.seed, Purpose::Rollout, step),
        end_tokens: rollout::end_tokens(model, tokenizer),
        pad_token: tokenizer.pad_token_id().unwrap_or(0),
    }
}

/// What is learnt from; in an order of the seed's when several updates share it, so that each sees many prompts.
fn rows<'a>(
    settings: &Settings,
    prompts: &[&'a EncodedTask],
    rollout: &'a Rollout,
    advantages: &[f64],
    step: u64,
) -> Vec<Row<'a>> {
    let row = |index: usize| {
        let sample: &Sample = &rollout.samples[index];
        Row {
            prompt: &prompts[index].prompt,
            completion: &sample.tokens,
            sampled_log_probs: &sample.log_probs,
            truncated: sample.truncated,
            advantage: advantages[index],
        }
    };
    let count = rollout.samples.len();
    if count == settings.optimizer_batch_size() {
        return (0..count).map(row).collect();
    }
    seeds::shuffled(count, seeds::derive(settings.seed, Purpose::BatchOrder, step))
        .into_iter()
        .map(row)
        .collect()
}

fn metrics_of_update(sums: &UpdateSums, norm: f64, learning_rate: f64, has_reference: bool) -> Metrics {
    let tokens = sums.loss.tokens.max(1.0);
    let mut metrics = Metrics::default();
    metrics.set("loss", sums.loss.loss);
    metrics.set("grad_norm", norm);
    metrics.set("learning_rate", learning_rate);
    metrics.set("entropy", sums.entropy / tokens);
    if has_reference {
        metrics.set("kl", sums.loss.kl_mean());
    }
    metrics.set("clip_ratio/low_mean", sums.loss.low_mean());
    metrics.set("clip_ratio/low_min", sums.loss.low_min);
    metrics.set("clip_ratio/high_mean", sums.loss.high_mean());
    metrics.set("clip_ratio/high_max", sums.loss.high_max);
    metrics.set("clip_ratio/region_mean", sums.loss.region_mean());
    metrics.set("sampling/sampling_logp_difference/mean", sums.sampling_difference / tokens);
    metrics.set("sampling/sampling_logp_difference/max", sums.sampling_difference_max);
    metrics
}

fn seen<'a>(
    prompts: &[&'a EncodedTask],
    rollout: &'a Rollout,
    advantages: &[f64],
) -> Vec<SampledCompletion<'a>> {
    let samples = prompts.iter().zip(&rollout.samples).zip(advantages);
    let seen = samples.map(|((task, sample), &advantage)| SampledCompletion {
        prompt: &task.task.prompt,
        text: &sample.text,
        reward: sample.reward(),
        advantage,
    });
    seen.collect()
}

fn completion_rows<'a>(
    step: u64,
    prompts: &'a [&'a EncodedTask],
    rollout: &'a Rollout,
    advantages: &'a [f64],
) -> impl Iterator<Item = Map<String, Value>> + 'a {
    prompts.iter().zip(&rollout.samples).zip(advantages).map(move |((task, sample), &advantage)| {
        let task = &task.task;
        let texts = (task.prompt.as_str(), sample.text.as_str(), task.reference.as_deref());
        let extra = [
            ("advantage", advantage.into()),
            ("completion_tokens", sample.tokens.len().into()),
            ("truncated", sample.truncated.into()),
        ];
        at_step(step, completion_row(texts, &sample.score, &extra))
    })
}

fn record_evaluation(
    run: &RunDirectory,
    records: &mut Records,
    step: u64,
    evaluation: &Evaluation,
) -> Result<(), TrainError> {
    records.log(step, &evaluation.metrics())?;
    evaluation.write(&run.path().join(format!("evaluations/eval_{step:05}.json")))?;
    let rows = evaluation.completions.iter().map(|completion| at_step(step, completion.to_json()));
    records.write_completions("evaluations", step, rows)
}

/// The phases of a step, timed.
struct Clock {
    started: Instant,
    lap_started: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Clock {
    fn start() -> Self {
        let now = Instant::now();
        Self { started: now, lap_started: now, laps: Vec::new() }
    }

    /// The time since the last lap belongs to `phase`, which may come several times.
    fn lap(&mut self, phase: &'static str) {
        let seconds = self.lap_started.elapsed().as_secs_f64();
        match self.laps.iter_mut().find(|(known, _)| *known == phase) {
            Some((_, sum)) => *sum += seconds,
            None => self.laps.push((phase, seconds)),
        }
        self.lap_started = Instant::now();
    }

    fn total(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// `time/…`: the wall-clock of each phase, and the time of the verifiers, which overlaps with sampling.
    fn metrics(&self, rollout: &Rollout) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.set("step_time", self.total());
        for (phase, seconds) in &self.laps {
            metrics.set(format!("time/{phase}"), *seconds);
        }
        metrics.set("time/sample", rollout.sample_time.as_secs_f64());
        metrics.set("time/score_wait", rollout.score_wait.as_secs_f64());
        metrics.set("time/score", rollout.score_time().as_secs_f64());
        metrics
    }
}
