//! GRPO, straight down: sample → score → compare within the group → loss → step → log → evaluate → save.
//!
//! The method is DeepSeekMath's ([2402.03300](https://arxiv.org/abs/2402.03300)) with TRL's options and defaults; where
//! it departs from either is listed in `docs/grpo.md`. The trainer is verifier-blind: it sees submissions go out and
//! scores come back.

mod baseline;
mod clock;
mod evaluator;
mod filter;
mod order;
mod plan;
mod progress;
mod rewards;
mod rollouts;
mod run;
mod updates;
mod watcher;

use std::ops::ControlFlow;
use std::sync::Arc;

use gavel_model::{Config, LoraOptions, Model, Precision, Room, Tokenizer};
use gavel_verify::Reward;
use tch::Device;

use crate::TrainError;
use crate::checkpoint::{Checkpoint, TrainerState};
use crate::eval::{EvalOptions, check_verifier};
use crate::learn::Learner;
use crate::optim::AdamW;
use crate::ranks::Ranks;
use crate::rollout::{self, Sampler};
use crate::seeds::{Purpose, derive};
use crate::settings::Settings;
use crate::start::Beginning;
use crate::task::{EncodedTask, Encoder, read_encoded};

use baseline::Baseline;
use evaluator::Evaluator;
use order::examples;
pub use plan::{MemoryPlan, plan};
pub use progress::{Progress, SampledCompletion, Start, StepReport, Summary};
use rewards::check_parts;
use rollouts::Rollouts;
pub(crate) use rollouts::StoredRollout;
use run::{Extent, Run, Trained, finished_run};

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
    train_together(&Ranks::alone(), settings, reward, start, progress)
}

/// As [`train`](fn@train), as one of several processes that do the same, each with a reward of its own. They learn what one
/// process would that has the same [`Settings::optimizer_batch_size`], and the first of them writes.
///
/// # Errors
///
/// As [`train`](fn@train), and where it fails on any of them, or one of them ends.
pub fn train_together(
    ranks: &Ranks,
    settings: &Settings,
    reward: &Arc<dyn Reward>,
    start: Start,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Summary, TrainError> {
    ranks.together(|| train_as_one(ranks, settings, reward, start, progress))
}

fn train_as_one(
    ranks: &Ranks,
    settings: &Settings,
    reward: &Arc<dyn Reward>,
    start: Start,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Summary, TrainError> {
    // What the run begins or goes on with. Nothing is written before everything is loaded.
    settings.check()?;
    settings.check_processes(ranks.size())?;
    let device = ranks.select_device(settings.device().expect("a checked device"))?;
    let tokenizer = Tokenizer::load(&settings.model)?;
    let (tasks, eval_tasks) = read_all_tasks(settings, &tokenizer)?;
    let evaluator = Evaluator::new(settings, &eval_tasks, reward.as_ref())?;
    if let Some(name) = &settings.filter_groups_metric {
        check_verifier(name, "which groups differ", reward.as_ref())?;
    }
    check_parts(settings, reward.as_ref())?;
    let steps = settings.steps(tasks.len());
    let beginning = Beginning::inspect(settings, reward.as_ref(), (start, ranks.keeps_records()), device)?;
    let damaged = |error| beginning.explained(error);
    if let Some((summary, run)) = finished_run(&beginning, steps, &evaluator).map_err(damaged)? {
        let _ = progress(Progress::AlreadyFinished { step: summary.steps, path: run.path() });
        return Ok(summary);
    }
    let checkpoint = beginning.checkpoint.clone();
    if device.is_cuda() {
        let plan = plan::of_run(settings, &tasks, &eval_tasks, settings.precision(device))?;
        let _ = progress(Progress::Planned { plan: &plan, of: gavel_torch::device_memory(device) });
    }
    let (model, optimizer, state) =
        load_policy(settings, ranks, checkpoint.as_ref(), device).map_err(damaged)?;
    check_router_aux_loss(settings, &model)?;
    let reference = load_reference(settings, &model, device)?;
    let baseline = Baseline::load(settings, reward.as_ref(), ranks, checkpoint.as_ref(), device);
    let mut baseline = baseline.map_err(damaged)?;
    let stop = rollout::stop(&settings.stop, &tokenizer)?;
    let room = room(settings, &tasks, &eval_tasks);
    let mut sampler = Sampler::new(&model, &tokenizer, stop.as_ref(), reward.as_ref(), ranks, room);
    let mut learner =
        Learner { model: &model, reference, optimizer, options: updates::options(settings), ranks };
    let stored = checkpoint.as_ref().map(Checkpoint::rollouts).transpose().map_err(damaged)?;
    let stored = stored.unwrap_or_default();
    let mut rollouts = Rollouts::new(settings, &tasks, steps, &state, stored, &sampler)?;
    let extent = Extent { steps, tasks: tasks.len(), device };
    let mut run = Run::begin(settings, beginning, evaluator, state, extent, (progress, ranks))?;
    run.started(&mut sampler)?;

    while let Some(mut step) = run.next_step(reward.as_ref(), &rollouts)? {
        // Sample o₁ … o_G ~ π_old(· | q) for each prompt q, and score each one as soon as it ends.
        let sampled = rollouts.next(&mut sampler, step.number, learner.optimizer.updates())?;
        step.clock.lap("sample");

        // Compare each with its group: A_i = (r_i − mean r) / (std r + ε). With PPO, each token with what was expected.
        let examples = examples(settings, &sampled, step.number);
        let compared = baseline.compare(&sampled, &examples)?;

        // Make what was better more likely, and what was worse less: θ ← θ − η ∇ mean(−min(ρ A, clip(ρ) A) + β KL).
        let batches = learner.batches(&compared.of(examples));
        let of_updates =
            updates::learn(settings, &mut learner, &batches, (step.number, steps), &mut step.clock)?;
        sampler.load_weights();
        step.metrics.merge(baseline.learn(&compared, (step.number, steps), &mut step.clock)?);

        // Log, evaluate, save.
        step.metrics.merge(of_updates.of_one_step());
        let trained =
            Trained { sampler: &mut sampler, learner: &learner, baseline: &baseline, rollouts: &rollouts };
        run.end_step(step, &sampled, &compared.means(), trained)?;
    }
    run.finish(Trained { sampler: &mut sampler, learner: &learner, baseline: &baseline, rollouts: &rollouts })
}

/// The tasks to train on and those to evaluate on, encoded: what the model cannot continue is refused by its line.
fn read_all_tasks(
    settings: &Settings,
    tokenizer: &Tokenizer,
) -> Result<(Vec<EncodedTask>, Vec<EncodedTask>), TrainError> {
    let prompts = settings.prompts()?;
    let vocabulary = Config::load(&settings.model)?.vocab_size;
    let encoder = Encoder { tokenizer, vocabulary };
    let tasks = read_encoded(&settings.tasks, &prompts, encoder, usize::MAX)?;
    let Some(files) = &settings.eval_tasks else { return Ok((tasks, Vec::new())) };
    let limit = settings.eval_limit.unwrap_or(usize::MAX);
    Ok((tasks, read_encoded(files, &prompts, encoder, limit)?))
}

/// The policy and its optimiser: as they were at a checkpoint, or the model that the settings name, with a fresh adapter
/// perhaps.
fn load_policy(
    settings: &Settings,
    ranks: &Ranks,
    checkpoint: Option<&Checkpoint>,
    device: Device,
) -> Result<(Model, AdamW, TrainerState), TrainError> {
    let mut model = match settings.lora() {
        Some(lora) => load_adapted(settings, &lora, checkpoint, device)?,
        None => {
            let weights = checkpoint.map_or(&settings.model, |checkpoint| &checkpoint.path);
            Model::load(weights, device, settings.precision(device))?
        }
    };
    model.set_requires_grad(true);
    let mut optimizer = ranks.optimizer(model.parameters(), settings.adamw(), settings.moments());
    let Some(checkpoint) = checkpoint else { return Ok((model, optimizer, TrainerState::default())) };
    let state = checkpoint.state()?;
    checkpoint.restore(&mut optimizer, &model, state.updates)?;
    model.refresh();
    Ok((model, optimizer, state))
}

/// A policy of which an adapter is trained.
fn load_adapted(
    settings: &Settings,
    lora: &LoraOptions,
    checkpoint: Option<&Checkpoint>,
    device: Device,
) -> Result<Model, TrainError> {
    if gavel_model::is_adapter(&settings.model) {
        let problem = format!(
            "is an adapter itself, and `lora_r` trains one of a model: `gavel import {} DIR` makes a model of it",
            settings.model.display()
        );
        return Err(TrainError::Setting { field: "model", problem });
    }
    let mut model = Model::load(&settings.model, device, frozen_precision(settings, device))?;
    match checkpoint {
        Some(checkpoint) => model.load_adapter(&checkpoint.path)?,
        None => {
            let seed = derive(settings.seed, Purpose::Adapter, 0);
            model.add_adapter(lora, seed).map_err(|unknown| TrainError::Setting {
                field: "lora_target_modules",
                problem: format!("is wrong: {unknown}"),
            })?;
        }
    }
    Ok(model)
}

/// A loss of balance is of a model that has one.
fn check_router_aux_loss(settings: &Settings, model: &Model) -> Result<(), TrainError> {
    if settings.router_aux_loss_coef.is_none_or(|coefficient| coefficient == 0.0)
        || model.has_router_aux_loss()
    {
        return Ok(());
    }
    let reason = match model.has_experts() {
        true => "and sigmoids choose this model's experts: `moe_router_bias_update_rate` evens them out",
        false => "and this model has none",
    };
    let problem = format!("evens out the load of experts that a softmax chooses, {reason}; leave it out");
    Err(TrainError::Setting { field: "router_aux_loss_coef", problem })
}

/// The policy that the run began with, when the loss compares with it.
fn load_reference(settings: &Settings, policy: &Model, device: Device) -> Result<Option<Model>, TrainError> {
    if settings.beta == 0.0 {
        return Ok(None);
    }
    if policy.has_adapter() {
        return Ok(Some(policy.without_adapter()));
    }
    Ok(Some(Model::load(&settings.model, device, frozen_precision(settings, device))?))
}

/// Of what is not trained: bfloat16 will do where the policy computes in it.
fn frozen_precision(settings: &Settings, device: Device) -> Precision {
    if settings.precision(device) == Precision::FULL { Precision::FULL } else { Precision::BF16 }
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
