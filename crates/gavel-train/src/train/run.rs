//! What surrounds the method: when a run reloads its reward, logs, evaluates, saves and ends, and what it says of it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use gavel_model::Model;
use gavel_verify::{Refreshed, Reward};
use serde_json::{Map, Value};
use tch::{Device, Kind};

use super::baseline::Baseline;
use super::clock::Clock;
use super::evaluator::{Evaluator, record_evaluation};
use super::progress::{Progress, SampledCompletion, StepReport, Summary};
use super::rewards::{Without, rewards, without_verdict};
use super::rollouts::{Rollouts, StepRollout};
use super::watcher::{Watch, Watcher};
use crate::TrainError;
use crate::checkpoint::{Checkpoint, Saved, TrainerState};
use crate::digests::{JudgeLog, Judges};
use crate::files::json_bytes;
use crate::learn::Learner;
use crate::metrics::{self, Metric, Metrics};
use crate::ranks::Ranks;
use crate::records::{Judged, at_step, completion_row};
use crate::rollout::Sampler;
use crate::run_directory::{COMPLETIONS, Records, RunDirectory};
use crate::settings::{Reload, Settings};
use crate::start::Beginning;
use crate::watch::{REPETITION, Raised, repetition_of};

/// A run ends after so many steps in which no completion had a reward: nothing is learnt, and the cause stays.
const MOST_STEPS_WITHOUT_REWARD: u64 = 10;

const SUMMARY: &str = "summary.json";

/// A run that is going on, but for what samples and what learns.
pub(super) struct Run<'a> {
    settings: &'a Settings,
    evaluator: Evaluator<'a>,
    watcher: Watcher<'a>,
    ranks: &'a Ranks,
    directory: RunDirectory,
    judges: JudgeLog,
    records: Records,
    extent: Extent,
    state: TrainerState,
    /// The latest checkpoint.
    saved: Option<Checkpoint>,
    /// What has not been logged yet.
    row: Metrics,
    missing: Missing,
}

/// How long a run is, and where it computes.
pub(super) struct Extent {
    /// Steps of the whole run.
    pub(super) steps: u64,
    /// Tasks of an epoch.
    pub(super) tasks: usize,
    pub(super) device: Device,
}

/// What the run has said of completions without reward.
#[derive(Default)]
struct Missing {
    /// Steps without any reward, up to now without a break.
    in_a_row: u64,
    said_of_some: bool,
    /// Verifiers that were said to have no verdict.
    verifiers: BTreeSet<String>,
}

/// A step that is going on.
pub(super) struct Step {
    /// From 1.
    pub(super) number: u64,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

/// What samples and what learns, after a step.
pub(super) struct Trained<'t, 'a> {
    pub(super) sampler: &'t mut Sampler<'a>,
    pub(super) learner: &'t Learner<'a>,
    pub(super) baseline: &'t Baseline<'a>,
    pub(super) rollouts: &'t Rollouts<'a>,
}

impl<'a> Run<'a> {
    /// Makes the run directory, or goes on with it. Everything else has been loaded.
    pub(super) fn begin(
        settings: &'a Settings,
        beginning: Beginning,
        evaluator: Evaluator<'a>,
        state: TrainerState,
        extent: Extent,
        (watch, ranks): (&'a mut Watch<'a>, &'a Ranks),
    ) -> Result<Self, TrainError> {
        let saved = beginning.checkpoint.clone();
        let (directory, judges) = beginning.begin(ranks)?;
        let last = saved.as_ref().map(|checkpoint| checkpoint.step);
        let records = directory.records_after(last, settings.log_completions_max_bytes)?;
        Ok(Self {
            settings,
            evaluator,
            watcher: Watcher::new(watch, ranks),
            ranks,
            directory,
            judges,
            records,
            extent,
            state,
            saved,
            row: Metrics::default(),
            missing: Missing::default(),
        })
    }

    /// Says that the run has begun, and evaluates before the first step where that is asked for.
    pub(super) fn started(&mut self, sampler: &mut Sampler<'_>) -> Result<(), TrainError> {
        let Extent { steps, device, .. } = self.extent;
        let (step, parameters) = (self.state.step, sampler.model.parameter_count());
        let adapter = sampler
            .model
            .has_adapter()
            .then(|| sampler.model.parameters().iter().map(|(_, tensor)| tensor.numel()).sum());
        self.watcher.tell(Progress::Started { step, steps, parameters, adapter, device });
        if step == 0
            && self.settings.eval_on_start
            && self.evaluator.has_tasks()
            && !self.watcher.wants_an_end()?
        {
            self.evaluate(sampler)?;
        }
        Ok(())
    }

    /// The next step, judged by what the reward has become in between where it may change; `None` once the run is over.
    pub(super) fn next_step(
        &mut self,
        reward: &dyn Reward,
        rollouts: &Rollouts<'_>,
    ) -> Result<Option<Step>, TrainError> {
        if self.watcher.wants_an_end()? || self.state.step >= self.extent.steps {
            return Ok(None);
        }
        let mut clock = Clock::start();
        gavel_torch::reset_peak_memory(self.extent.device);
        if self.settings.reload == Reload::BetweenSteps {
            self.reload(reward, rollouts)?;
            clock.lap("reload");
        }
        Ok(Some(Step { number: self.state.step + 1, clock, metrics: Metrics::default() }))
    }

    fn reload(&mut self, reward: &dyn Reward, rollouts: &Rollouts<'_>) -> Result<(), TrainError> {
        let Some(refreshed) = reward.refresh() else { return Ok(()) };
        if let Refreshed::Changed(changes) = &refreshed {
            let changed = changes.iter().map(|change| change.what.clone()).collect();
            // What was sampled ahead has been submitted already.
            let judged = self.state.step + rollouts.ahead();
            let now = Judges::now(self.settings, reward, judged)?;
            self.judges.record(&self.directory, now, changed)?;
        }
        let step = self.state.step;
        self.watcher.tell(Progress::Refreshed { step, refreshed: &refreshed });
        Ok(())
    }

    /// Logs a step that has been learnt from; evaluates and saves when due.
    ///
    /// # Errors
    ///
    /// Besides those of files and the evaluation, when the run gives up because nothing has a reward.
    pub(super) fn end_step(
        &mut self,
        step: Step,
        sampled: &StepRollout<'_>,
        advantages: &[f64],
        mut trained: Trained<'_, '_>,
    ) -> Result<(), TrainError> {
        let number = step.number;
        self.account(&step, sampled, &trained);
        let mut metrics = self.metrics(step, sampled);
        let raised = self.look_for_alarms(&mut metrics, sampled);
        let report = StepReport {
            step: number,
            steps: self.extent.steps,
            metrics: &metrics,
            completions: seen(sampled, advantages),
        };
        self.watcher.tell(Progress::Stepped(&report));
        raised.iter().for_each(|raised| self.watcher.tell(Progress::Warned { step: number, raised }));
        let without = Without::of(&sampled.rollout);
        self.tell_of_missing(sampled, without.as_ref());
        self.row.merge(metrics);

        let is_last = number == self.extent.steps;
        // A run that ends without ever having had a reward has not done what it was started for.
        let in_a_row = self.missing.in_a_row;
        let gives_up = in_a_row == MOST_STEPS_WITHOUT_REWARD || is_last && in_a_row == number;
        let stopped = self.watcher.wants_an_end()?;
        let mut saves =
            is_last || stopped || gives_up || number.is_multiple_of(self.settings.save_steps as u64);
        // A row also before every checkpoint, so that none has to remember steps that were not logged.
        let logs = saves || number.is_multiple_of(self.settings.logging_steps as u64);
        if logs {
            self.log(sampled, advantages)?;
        }
        let is_time = self.settings.eval_steps.is_some_and(|every| number.is_multiple_of(every as u64));
        if self.evaluator.has_tasks() && (is_last || is_time) && !stopped {
            self.evaluate(trained.sampler)?;
            let stopped = self.watcher.wants_an_end()?;
            if stopped && !logs {
                self.log(sampled, advantages)?;
            }
            saves |= stopped;
        }
        if saves {
            let path = self.save(&mut trained)?;
            self.watcher.tell(Progress::Saved { step: number, path: &path });
        }
        match without.filter(|_| gives_up) {
            Some(Without { why, host_failed, .. }) => {
                Err(TrainError::NoRewards { steps: in_a_row, why, host_failed })
            }
            None => Ok(()),
        }
    }

    /// Writes the summary, after the evaluation that a run owes that was stopped in its last one and goes on.
    pub(super) fn finish(mut self, mut trained: Trained<'_, '_>) -> Result<Summary, TrainError> {
        if !self.watcher.wants_an_end()?
            && self.evaluator.owes(&self.state, self.extent.steps)
            && self.evaluate(trained.sampler)?
        {
            self.save(&mut trained)?;
        }
        let summary = Summary {
            before: self.state.before.unwrap_or_default(),
            after: self.state.after.unwrap_or_default(),
            steps: self.state.step,
            seconds: self.state.seconds,
            model: self.saved.map_or_else(|| self.settings.model.clone(), |checkpoint| checkpoint.path),
        };
        self.directory.write(SUMMARY, &json_bytes(&summary))?;
        Ok(summary)
    }

    /// What the run comes to with this step.
    fn account(&mut self, step: &Step, sampled: &StepRollout<'_>, trained: &Trained<'_, '_>) {
        let samples = sampled.prompts.iter().zip(&sampled.rollout.samples);
        self.state.step = step.number;
        self.state.updates = trained.learner.optimizer.updates();
        self.state.value_updates = trained.baseline.critic().map_or(0, |critic| critic.optimizer.updates());
        self.state.prompts = sampled.prompts_so_far;
        self.state.num_tokens +=
            samples.map(|(task, sample)| (task.prompt.len() + sample.tokens.len()) as u64).sum::<u64>();
        self.state.seconds += step.clock.total();
    }

    /// Everything that is logged of a step.
    fn metrics(&self, step: Step, sampled: &StepRollout<'_>) -> Metrics {
        let rewards = rewards(self.settings, &sampled.rollout, |_| true);
        let mut metrics = metrics::of_rollout(&sampled.rollout, &rewards, self.settings.scale_rewards);
        metrics.merge(step.metrics);
        metrics.merge(sampled.metrics.clone());
        let epoch = sampled.prompts_so_far as f64 / self.extent.tasks as f64;
        metrics.add("num_tokens", Metric::Latest(self.state.num_tokens as f64));
        metrics.add("epoch", Metric::Latest(epoch));
        metrics.merge(step.clock.metrics(&sampled.rollout));
        if self.settings.reload == Reload::BetweenSteps {
            metrics.add("reloads", Metric::Latest(self.judges.changes() as f64));
        }
        if let Some(memory) = gavel_torch::memory_statistics(self.extent.device) {
            let peak = memory.peak_allocated as f64 / f64::from(1 << 30);
            metrics.add("memory/peak_allocated_gib", Metric::Max(peak));
        }
        metrics
    }

    /// What `[watch]` finds wrong that it did not find wrong before.
    fn look_for_alarms(&mut self, metrics: &mut Metrics, sampled: &StepRollout<'_>) -> Vec<Raised> {
        let Some(options) = &self.settings.watch else { return Vec::new() };
        metrics.add_mean(REPETITION, repetition_of(&sampled.rollout));
        self.state.watch.observe(options, metrics)
    }

    /// Says that completions have no reward: of each step that has none at all, and once of everything else.
    fn tell_of_missing(&mut self, sampled: &StepRollout<'_>, without: Option<&Without>) {
        let (step, of) = (self.state.step, sampled.rollout.samples.len());
        let none = without.filter(|without| without.count == of);
        self.missing.in_a_row = if none.is_some() { self.missing.in_a_row + 1 } else { 0 };
        if let Some(Without { why, .. }) = none {
            self.watcher.tell(Progress::WithoutReward { step, in_a_row: self.missing.in_a_row, why });
            return;
        }
        for (verifier, why) in without_verdict(&sampled.rollout) {
            if self.missing.verifiers.insert(verifier.to_owned()) {
                self.watcher.tell(Progress::WithoutVerdict { step, verifier, why: &why });
            }
        }
        if let Some(Without { count, why, .. }) = without
            && !std::mem::replace(&mut self.missing.said_of_some, true)
        {
            self.watcher.tell(Progress::SomeWithoutReward { step, count: *count, of, why });
        }
    }

    fn log(&mut self, sampled: &StepRollout<'_>, advantages: &[f64]) -> Result<(), TrainError> {
        let step = self.state.step;
        self.records.log(step, &std::mem::take(&mut self.row))?;
        if self.settings.log_completions {
            let rows = completion_rows(step, sampled, advantages, self.settings.num_generations);
            self.records.write_completions(COMPLETIONS, step, rows)?;
        }
        Ok(())
    }

    /// Evaluates, and writes that down; `false` if it was broken off, which ends the run.
    fn evaluate(&mut self, sampler: &mut Sampler<'_>) -> Result<bool, TrainError> {
        let step = self.state.step;
        let Some(found) = self.evaluator.evaluate(sampler, &mut self.state, &mut self.watcher)? else {
            return Ok(false);
        };
        record_evaluation(&self.directory, &mut self.records, step, &found)?;
        self.watcher.tell(Progress::Evaluated { step, evaluation: &found });
        Ok(true)
    }

    fn save(&mut self, trained: &mut Trained<'_, '_>) -> Result<PathBuf, TrainError> {
        self.records.sync()?;
        let model = trained.sampler.model;
        self.ranks.agree("the weights, which have to stay the same on all of them", || fingerprint(model))?;
        let saved = Saved {
            state: &self.state,
            model,
            base: &self.settings.model,
            tokenizer: trained.sampler.tokenizer,
            moments: self.ranks.moments(&trained.learner.optimizer)?,
            critic: trained.baseline.critic_with_moments()?,
            rollouts: &trained.rollouts.stored(self.ranks)?,
            dtype: self.settings.save_dtype,
        };
        let checkpoint = self.directory.save_checkpoint(&saved, self.settings.save_total_limit)?;
        Ok(self.saved.insert(checkpoint).path.clone())
    }
}

/// A number that follows from every bit of the parameters.
fn fingerprint(model: &Model) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (_, parameter) in model.parameters() {
        // Two sums of the bits as integers: they do not depend on the order in which a device adds.
        let bits = parameter.detach().view_dtype(Kind::Int).to_kind(Kind::Int64);
        let squares = (&bits * &bits).sum(Kind::Int64);
        (bits.sum(Kind::Int64).int64_value(&[]), squares.int64_value(&[])).hash(&mut hasher);
    }
    hasher.finish()
}

/// The summary of a run that has nothing left to do, and its directory.
pub(super) fn finished_run<'a>(
    beginning: &'a Beginning,
    steps: u64,
    evaluator: &Evaluator<'_>,
) -> Result<Option<(Summary, &'a RunDirectory)>, TrainError> {
    let (Some(run), Some(checkpoint)) = (&beginning.existing, &beginning.checkpoint) else { return Ok(None) };
    let state = checkpoint.state()?;
    let summary = run.read_json::<Summary>(SUMMARY)?.filter(|summary| summary.steps >= steps);
    let finished = summary.filter(|_| state.step >= steps && !evaluator.owes(&state, steps));
    Ok(finished.map(|summary| (Summary { model: checkpoint.path.clone(), ..summary }, run)))
}

fn seen<'s>(sampled: &'s StepRollout<'_>, advantages: &[f64]) -> Vec<SampledCompletion<'s>> {
    let samples = sampled.prompts.iter().zip(&sampled.rollout.samples).zip(advantages);
    let seen = samples.map(|((task, sample), &advantage)| SampledCompletion {
        prompt: &task.task.prompt,
        text: &sample.text,
        reward: sample.reward().ok(),
        advantage,
    });
    seen.collect()
}

fn completion_rows<'s>(
    step: u64,
    sampled: &'s StepRollout<'_>,
    advantages: &'s [f64],
    group: usize,
) -> impl Iterator<Item = Map<String, Value>> + 's {
    let samples = sampled.prompts.iter().zip(&sampled.rollout.samples).zip(advantages);
    samples.enumerate().map(move |(place, ((task, sample), &advantage))| {
        let task = &task.task;
        let judged = Judged {
            prompt: &task.prompt,
            question: task.question.as_deref(),
            completion: &sample.text,
            reference: task.reference.as_deref(),
            metadata: &task.metadata,
        };
        let extra = [
            ("group", (place / group).into()),
            ("advantage", advantage.into()),
            ("completion_tokens", sample.tokens.len().into()),
            ("truncated", sample.truncated.into()),
        ];
        at_step(step, completion_row(&judged, &sample.score, &extra))
    })
}
