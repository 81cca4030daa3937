//! How much device memory a run takes, said before it starts and without a card.
//!
//! Everything follows from the shape of the model and from the rules by which the code allocates: what is trained, what it
//! is trained by, the engine's cache, and the largest micro-batch of a step, split as a step is split.

use std::fmt;

use gavel_model::{
    Config, Engine, LearningMemory, Precision, Room, SamplingMemory, Tokenizer, UnknownModule, bytes_of,
};
use tch::Device;

use crate::TrainError;
use crate::grpo::AdvEstimator;
use crate::learn::{Example, LearnOptions};
use crate::settings::Settings;
use crate::task::EncodedTask;

use super::{order, read_all_tasks, room, updates};

/// Bytes that each part of a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The parameters, their copies in the format of the pass, and a reference model.
    pub weights: u64,
    /// The gradients of what is trained.
    pub gradients: u64,
    /// AdamW's moments.
    pub moments: u64,
    /// The sampler's keys and values.
    pub cache: u64,
    /// What sampling and learning work in: the sampler's buffers, activations, logits.
    pub activations: u64,
    /// The most that is there at a time. Gradients and activations of a step with one micro-batch are not, at their most.
    pub peak: u64,
    /// Tokens of the largest micro-batch.
    pub micro_batch_tokens: u64,
    /// What the sampler has room for.
    pub room: Room,
    /// Whether the sampler runs on kernels, whose memory is known exactly.
    pub on_kernels: bool,
}

/// What a model that is trained takes: bytes of weights, gradients and moments.
struct Trained {
    weights: u64,
    gradients: u64,
    moments: u64,
}

/// The plan of a run on CUDA with these settings. Model and tasks are looked at, and no weights are read.
///
/// # Errors
/// When the settings, the tasks or the model's configuration cannot be used.
pub fn plan(settings: &Settings) -> Result<MemoryPlan, TrainError> {
    settings.check()?;
    let tokenizer = Tokenizer::load(&settings.model)?;
    let (tasks, eval_tasks) = read_all_tasks(settings, &tokenizer)?;
    of_run(settings, &tasks, &eval_tasks, settings.precision(Device::Cuda(0)))
}

/// The plan of a run with these tasks: of its first step.
pub(super) fn of_run(
    settings: &Settings,
    tasks: &[EncodedTask],
    eval_tasks: &[EncodedTask],
    precision: Precision,
) -> Result<MemoryPlan, TrainError> {
    let config = Config::load(&settings.model)?;
    let first = order::prompts(settings, tasks, 0, settings.prompts_per_step());
    MemoryPlan::of(settings, &config, &first, room(settings, tasks, eval_tasks), precision)
}

impl MemoryPlan {
    /// The plan of a run on CUDA: of a step with the first `tasks`, whose completions are all as long as they may be.
    fn of(
        settings: &Settings,
        config: &Config,
        tasks: &[&EncodedTask],
        room: Room,
        precision: Precision,
    ) -> Result<Self, TrainError> {
        let policy = of_policy(settings, config, precision).map_err(|unknown| TrainError::Setting {
            field: "lora_target_modules",
            problem: format!("is wrong: {unknown}"),
        })?;
        let counts = config.count_parameters();
        let frozen = if precision == Precision::FULL { Precision::FULL } else { Precision::BF16 };
        // A reference of an adapter is the model without it, which is there anyway.
        let reference = if settings.beta > 0.0 && settings.lora_r.is_none() {
            counts.all * bytes_of(frozen.parameters)
        } else {
            0
        };
        let (sampling, on_kernels) = Engine::memory(config, room, precision);
        let SamplingMemory { cache, working } = sampling;
        let (learning, micro_batches, micro_batch_tokens) =
            largest_micro_batch(settings, config, tasks, precision);
        let mut plan = Self {
            weights: policy.weights + reference,
            gradients: policy.gradients,
            moments: policy.moments,
            cache,
            activations: working + learning.sum(),
            peak: 0,
            micro_batch_tokens,
            room,
            on_kernels,
        };
        // Before the first backward pass there is no gradient yet but that of the head.
        let of_head = (counts.vocabulary - counts.head) * bytes_of(precision.parameters);
        let first_alone = micro_batches < 2 && settings.lora_r.is_none();
        let step = if first_alone {
            (learning.sum() + of_head.min(policy.gradients)).max(policy.gradients)
        } else {
            learning.sum() + policy.gradients
        };
        let mut fixed = plan.weights + plan.moments + cache + working;
        let mut most = step;
        if settings.adv_estimator == AdvEstimator::Gae {
            // It learns after the policy, whose gradients are gone by then; its head is one number wide.
            let of_value = full(counts.all - counts.head, counts.head, precision);
            fixed += of_value.weights + of_value.moments;
            plan.weights += of_value.weights;
            plan.moments += of_value.moments;
            plan.gradients = plan.gradients.max(of_value.gradients);
            most = most.max(learning.sum() + of_value.gradients);
        }
        plan.peak = fixed + most;
        Ok(plan)
    }
}

/// The policy, all of whose parameters are trained, or an adapter.
fn of_policy(settings: &Settings, config: &Config, precision: Precision) -> Result<Trained, UnknownModule> {
    let counts = config.count_parameters();
    let Some(lora) = settings.lora() else { return Ok(full(counts.all, 0, precision)) };
    let adapter = config.count_adapter(&lora)?;
    let frozen =
        bytes_of(if precision == Precision::FULL { precision.parameters } else { precision.compute });
    // The model as it is, once more where adapters are added to it, and the adapters in float32.
    let weights = (counts.all + adapter.adapted) * frozen + adapter.parameters * 4;
    Ok(Trained { weights, gradients: adapter.parameters * 4, moments: adapter.parameters * 8 })
}

/// A model of so many parameters that are trained, and others that are not.
fn full(trained: u64, others: u64, precision: Precision) -> Trained {
    let master = bytes_of(precision.parameters);
    let copy = if precision.parameters == precision.compute { 0 } else { bytes_of(precision.compute) };
    Trained {
        weights: (trained + others) * (master + copy),
        gradients: trained * master,
        moments: 2 * trained * master,
    }
}

/// The largest micro-batch of an update: what it takes, how many the update has, and its tokens.
fn largest_micro_batch(
    settings: &Settings,
    config: &Config,
    tasks: &[&EncodedTask],
    precision: Precision,
) -> (LearningMemory, usize, u64) {
    let completion = vec![0; settings.max_completion_length];
    let examples: Vec<Example<'_>> = tasks
        .iter()
        .take(settings.optimizer_batch_size())
        .enumerate()
        .map(|(index, task)| Example {
            prompt: &task.prompt,
            completion: &completion,
            sampled_log_probs: &[],
            truncated: false,
            advantages: &[1.0],
            index,
        })
        .collect();
    let options = LearnOptions { mask_truncated_completions: false, ..updates::options(settings) };
    let sizes = options.micro_batch_sizes(&examples);
    let memory = |&(tokens, predicted): &(u64, u64)| {
        config.learning_memory(tokens, predicted, precision, settings.gradient_checkpointing)
    };
    let largest = sizes.iter().max_by_key(|size| memory(size).sum());
    let (tokens, _) = largest.copied().unwrap_or_default();
    (largest.map(memory).unwrap_or_default(), sizes.len(), tokens)
}

/// Bytes in GiB, with one digit.
fn gib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 30))
}

impl fmt::Display for MemoryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weights, gradients, moments, cache, activations, peak, .. } = *self;
        write!(
            f,
            "memory: weights {}, gradients {}, moments {}, cache {}, activations {} GiB; at most {} GiB together",
            gib(weights),
            gib(gradients),
            gib(moments),
            gib(cache),
            gib(activations),
            gib(peak)
        )
    }
}
