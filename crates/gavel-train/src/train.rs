//! GRPO, straight down: sample → score → compare within the group → loss → step → log → evaluate → save.
//!
//! The method is DeepSeekMath's ([2402.03300](https://arxiv.org/abs/2402.03300)) with TRL's options and defaults; where
//! it departs from either is listed in `docs/grpo.md`. The trainer is verifier-blind: it sees submissions go out and
//! scores come back.

mod clock;
mod evaluator;
mod order;
mod progress;
mod rewards;
mod updates;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use gavel_model::{Config, Model, Precision, Room, Sampling, Tokenizer};
use gavel_verify::{Refreshed, Reward};
use serde_json::{Map, Value};
use tch::Device;

use crate::TrainError;
use crate::digests::Judges;
use crate::eval::EvalOptions;
use crate::files::json_bytes;
use crate::grpo;
use crate::learn::Learner;
use crate::metrics::{self, Metric, Metrics};
use crate::optim::AdamW;
use crate::records::{at_step, completion_row};
use crate::rollout::{self, EncodedTask, Rollout, Sampler};
use crate::run_directory::{COMPLETIONS, Checkpoint, Records, RunDirectory, Saved, TrainerState};
use crate::seeds::{self, Purpose};
use crate::settings::{Reload, Settings};
use crate::start::Beginning;
use crate::task::read_tasks;

use clock::Clock;
use evaluator::{Evaluator, record_evaluation};
use order::{examples, prompts_of_step};
pub use progress::{Progress, SampledCompletion, Start, StepReport, Summary};
use rewards::{Without, rewards, rewards_to_compare, without_verdict};

/// A run ends after so many steps in which no completion had a reward: nothing is learnt, and the cause stays.
const MOST_STEPS_WITHOUT_REWARD: u64 = 10;

/// Trains the model of `settings` on rewards of `reward`, and leaves everything in the run directory.
///
/// `progress` is called as things happen. When it answers `Break`, the run ends after the step, or the batch of an
/// evaluation, that it is in: with a checkpoint, unless nothing has happened since the last one.
///
/// # Errors
///
/// When files cannot be read or written, the run exists already or does not, what it began with has changed, no
/// completion has a reward in ten steps or in the whole run, or training diverges. A start that fails leaves no run directory.
pub fn train(
    settings: &Settings,
    reward: &Arc<dyn Reward>,
    start: Start,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Summary, TrainError> {
    settings.check()?;
    let device = gavel_torch::select_device(settings.device().expect("a checked device"))?;
    let tokenizer = Tokenizer::load(&settings.model)?;
    let (tasks, eval_tasks) = read_all_tasks(settings, &tokenizer)?;
    let evaluator = Evaluator::new(settings, &eval_tasks, reward.as_ref())?;
    let steps = settings.steps(tasks.len());
    let beginning = Beginning::inspect(settings, reward.as_ref(), start, device)?;
    if let Some((summary, run)) = finished_run(&beginning, steps, &evaluator)? {
        let _ = progress(Progress::AlreadyFinished { step: summary.steps, path: run.path() });
        return Ok(summary);
    }

    let checkpoint = beginning.checkpoint.clone();
    let mut state = checkpoint.as_ref().map(Checkpoint::state).transpose()?.unwrap_or_default();
    let weights = checkpoint.as_ref().map_or(&settings.model, |checkpoint| &checkpoint.path);
    let mut model = Model::load(weights, device, settings.precision(device))?;
    model.set_requires_grad(true);
    let reference = load_reference(settings, device)?;
    let mut optimizer = AdamW::new(model.parameters(), settings.adamw());
    if let Some(checkpoint) = &checkpoint {
        checkpoint.restore(&mut optimizer, &model, state.updates)?;
        model.refresh();
    }
    let stop = rollout::stop(&settings.stop, &tokenizer)?;
    let room = room(settings, &tasks, &eval_tasks);
    let mut sampler = Sampler::new(&model, &tokenizer, stop.as_ref(), reward.as_ref(), room);
    // Everything is loaded, so the run begins.
    let (run, mut judges) = beginning.begin()?;
    let mut records = run.records_after(
        checkpoint.as_ref().map(|checkpoint| checkpoint.step),
        settings.log_completions_max_bytes,
    )?;

    let mut learner = Learner { model: &model, reference, optimizer, options: updates::options(settings) };
    let mut row = Metrics::default();
    let mut saved = checkpoint;
    let mut without_reward = 0;
    let mut some_without_reward_said = false;
    let mut without_verdict_said = BTreeSet::new();
    let parameters = model.parameter_count();
    let mut stopped = progress(Progress::Started { step: state.step, steps, parameters, device }).is_break();
    if state.step == 0 && settings.eval_on_start && evaluator.has_tasks() && !stopped {
        match evaluator.evaluate(&mut sampler, &mut state, progress)? {
            Some(found) => {
                state.before = Some(found.summary());
                record_evaluation(&run, &mut records, 0, &found)?;
                stopped = progress(Progress::Evaluated { step: 0, evaluation: &found }).is_break();
            }
            None => stopped = true,
        }
    }

    while state.step < steps && !stopped {
        let mut clock = Clock::start();
        let step = state.step + 1;
        gavel_torch::reset_peak_memory(device);

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
        let prompts = prompts_of_step(settings, &tasks, step);
        let rollout = sampler
            .rollout(&prompts, &sampling(settings, &model, &tokenizer, step))
            .map_err(|error| error.while_sampling(step))?;
        clock.lap("sample");

        // Compare each completion with the others of its prompt.
        let rewards = rewards(settings, &rollout, |_| true);
        let compared = rewards_to_compare(settings, &rollout);
        let advantages = grpo::advantages(&compared, settings.scale_rewards);
        let advantages: Vec<f64> = Vec::try_from(advantages.reshape([-1])).expect("a vector of doubles");
        let mut metrics = metrics::of_rollout(&rollout, &rewards, settings.scale_rewards);
        let without = Without::of(&rollout);
        let some_without = without.as_ref().filter(|without| without.count < rollout.samples.len());
        let nothing_to_learn = without.as_ref().filter(|without| without.count == rollout.samples.len());
        without_reward = if nothing_to_learn.is_some() { without_reward + 1 } else { 0 };

        // Make what was better more likely, and what was worse less.
        let examples = examples(settings, &prompts, &rollout, &advantages, step);
        let batches = learner.batches(&examples);
        let updates = updates::learn(settings, &mut learner, &batches, (step, steps), &mut clock)?;
        sampler.load_weights();
        metrics.merge(updates.of_one_step());

        // Log.
        state.step = step;
        state.updates = learner.optimizer.updates();
        state.num_tokens += examples
            .iter()
            .map(|example| (example.prompt.len() + example.completion.len()) as u64)
            .sum::<u64>();
        state.seconds += clock.total();
        let epoch = (step as usize * settings.prompts_per_step()) as f64 / tasks.len() as f64;
        metrics.add("num_tokens", Metric::Latest(state.num_tokens as f64));
        metrics.add("epoch", Metric::Latest(epoch));
        metrics.merge(clock.metrics(&rollout));
        if settings.reload == Reload::BetweenSteps {
            metrics.add("reloads", Metric::Latest(judges.changes() as f64));
        }
        if let Some(memory) = gavel_torch::memory_statistics(device) {
            let peak = memory.peak_allocated as f64 / f64::from(1 << 30);
            metrics.add("memory/peak_allocated_gib", Metric::Max(peak));
        }
        let report =
            StepReport { step, steps, metrics: &metrics, completions: seen(&prompts, &rollout, &advantages) };
        stopped = progress(Progress::Stepped(&report)).is_break();
        if let Some(Without { why, .. }) = nothing_to_learn {
            stopped |= progress(Progress::WithoutReward { step, in_a_row: without_reward, why }).is_break();
        } else {
            for (verifier, why) in without_verdict(&rollout) {
                if without_verdict_said.insert(verifier.to_owned()) {
                    stopped |= progress(Progress::WithoutVerdict { step, verifier, why: &why }).is_break();
                }
            }
        }
        if let Some(Without { count, why, .. }) = some_without
            && !std::mem::replace(&mut some_without_reward_said, true)
        {
            let (count, of) = (*count, rollout.samples.len());
            stopped |= progress(Progress::SomeWithoutReward { step, count, of, why }).is_break();
        }
        row.merge(metrics);
        let is_last = step == steps;
        // A run that ends without ever having had a reward has not done what it was started for.
        let gives_up = without_reward == MOST_STEPS_WITHOUT_REWARD || is_last && without_reward == step;
        let mut log = |records: &mut Records| -> Result<(), TrainError> {
            records.log(step, &std::mem::take(&mut row))?;
            if settings.log_completions {
                let rows = completion_rows(step, &prompts, &rollout, &advantages);
                records.write_completions(COMPLETIONS, step, rows)?;
            }
            Ok(())
        };
        let mut saves = is_last || stopped || gives_up || step.is_multiple_of(settings.save_steps as u64);
        // A row also before every checkpoint, so that none has to remember steps that were not logged.
        let logs = saves || step.is_multiple_of(settings.logging_steps as u64);
        if logs {
            log(&mut records)?;
        }

        // Evaluate.
        let is_time = settings.eval_steps.is_some_and(|every| step.is_multiple_of(every as u64));
        if evaluator.has_tasks() && (is_last || is_time) && !stopped {
            match evaluator.evaluate(&mut sampler, &mut state, progress)? {
                Some(found) => {
                    record_evaluation(&run, &mut records, step, &found)?;
                    stopped = progress(Progress::Evaluated { step, evaluation: &found }).is_break();
                }
                None => stopped = true,
            }
            if stopped && !logs {
                log(&mut records)?;
            }
            saves |= stopped;
        }

        // Save.
        if saves {
            records.sync()?;
            let checkpoint = save(settings, &run, &state, &model, &tokenizer, &learner.optimizer)?;
            stopped |= progress(Progress::Saved { step, path: &checkpoint.path }).is_break();
            saved = Some(checkpoint);
        }
        if let Some(Without { why, host_failed, .. }) = without.filter(|_| gives_up) {
            return Err(TrainError::NoRewards { steps: without_reward, why, host_failed });
        }
    }

    // A run that was stopped in its last evaluation, and goes on, still owes it.
    if !stopped
        && evaluator.owes(&state, steps)
        && let Some(found) = evaluator.evaluate(&mut sampler, &mut state, progress)?
    {
        record_evaluation(&run, &mut records, state.step, &found)?;
        let _ = progress(Progress::Evaluated { step: state.step, evaluation: &found });
        records.sync()?;
        saved = Some(save(settings, &run, &state, &model, &tokenizer, &learner.optimizer)?);
    }

    let summary = Summary {
        before: state.before.unwrap_or_default(),
        after: state.after.unwrap_or_default(),
        steps: state.step,
        seconds: state.seconds,
        model: saved.map_or_else(|| settings.model.clone(), |checkpoint| checkpoint.path),
    };
    run.write(SUMMARY, &json_bytes(&summary))?;
    Ok(summary)
}

const SUMMARY: &str = "summary.json";

/// The tasks to train on and those to evaluate on, encoded: what the model cannot continue is refused by its line.
fn read_all_tasks(
    settings: &Settings,
    tokenizer: &Tokenizer,
) -> Result<(Vec<EncodedTask>, Vec<EncodedTask>), TrainError> {
    let prompts = settings.prompts()?;
    let vocabulary = Config::load(&settings.model)?.vocab_size;
    let tasks = rollout::encode(read_tasks(&settings.tasks, &prompts)?, tokenizer, vocabulary)?;
    let Some(path) = &settings.eval_tasks else { return Ok((tasks, Vec::new())) };
    let mut eval_tasks = read_tasks(path, &prompts)?;
    eval_tasks.truncate(settings.eval_limit.unwrap_or(usize::MAX));
    Ok((tasks, rollout::encode(eval_tasks, tokenizer, vocabulary)?))
}

/// The summary of a run that has nothing left to do, and its directory.
fn finished_run<'a>(
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

/// What the engine has to hold: the sequences of a rollout or of a batch of the evaluation, and the longest of both.
fn room(settings: &Settings, tasks: &[EncodedTask], eval_tasks: &[EncodedTask]) -> Room {
    let training = rollout::longest_prompt(tasks) + settings.max_completion_length;
    if eval_tasks.is_empty() {
        return Room { slots: settings.sequences_in_flight(), tokens: training };
    }
    let options = EvalOptions::of(settings);
    let evaluation = rollout::longest_prompt(eval_tasks) + options.max_completion_length;
    let batch = options.batch_size.min(eval_tasks.len() * options.num_generations);
    let slots = settings.sequences_in_flight().max(batch).min(settings.max_num_seqs.unwrap_or(usize::MAX));
    Room { slots, tokens: training.max(evaluation) }
}

fn save(
    settings: &Settings,
    run: &RunDirectory,
    state: &TrainerState,
    model: &Model,
    tokenizer: &Tokenizer,
    optimizer: &AdamW,
) -> Result<Checkpoint, TrainError> {
    let saved = Saved { state, model, tokenizer, optimizer, dtype: settings.save_dtype };
    run.save_checkpoint(&saved, settings.save_total_limit)
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

fn sampling(settings: &Settings, model: &Model, tokenizer: &Tokenizer, step: u64) -> Sampling {
    Sampling {
        max_new_tokens: settings.max_completion_length,
        temperature: settings.temperature,
        top_p: settings.top_p,
        top_k: settings.top_k,
        min_p: settings.min_p,
        seed: seeds::derive(settings.seed, Purpose::Rollout, step),
        first_stream: 0,
        end_tokens: rollout::end_tokens(model, tokenizer),
    }
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
        reward: sample.reward().ok(),
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
