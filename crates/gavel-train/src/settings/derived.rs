//! What settings come to: sizes of batches, lengths of runs, the options of each part.

use gavel_model::{ChatTemplate, LoraOptions};
use gavel_torch::DeviceChoice;
use tch::Device;

use super::Settings;
use crate::TrainError;
use crate::grpo::{Objective, Surrogate};
use crate::optim::AdamWOptions;
use crate::ranks::Moments;
use crate::task::{Columns, Prompts, Template};

impl Settings {
    /// Processes that train together.
    pub fn processes(&self) -> usize {
        self.num_processes.unwrap_or(1)
    }

    /// Completions that one optimiser step learns from, all processes together.
    pub fn optimizer_batch_size(&self) -> usize {
        self.per_device_train_batch_size * self.gradient_accumulation_steps * self.processes()
    }

    /// Completions sampled at a time by all processes, before memory says otherwise: TRL's generation batch.
    pub fn generation_size(&self) -> usize {
        let micro_batches = self.steps_per_generation.unwrap_or(self.gradient_accumulation_steps);
        let of_all = self.per_device_train_batch_size * micro_batches * self.processes();
        self.generation_batch_size.unwrap_or(of_all)
    }

    /// Completions of one step: a rollout, or as many rollouts as an optimiser step learns from.
    pub fn rollout_size(&self) -> usize {
        self.generation_size().max(self.optimizer_batch_size())
    }

    /// The most sequences that a process samples at a time.
    pub fn sequences_in_flight(&self) -> usize {
        self.max_num_seqs.unwrap_or(usize::MAX).min(self.generation_size().div_ceil(self.processes()))
    }

    /// Prompts of one step.
    pub fn prompts_per_step(&self) -> usize {
        self.rollout_size() / self.num_generations
    }

    /// Optimiser steps of one step.
    pub fn updates_per_step(&self) -> usize {
        self.rollout_size() / self.optimizer_batch_size() * self.num_iterations
    }

    /// The settings with what a default leaves to the device said outright, for the record of a run.
    pub(crate) fn resolved(&self, device: Device) -> Self {
        let bf16 = self.precision(device) == gavel_model::Precision::MIXED;
        Self { bf16: Some(bf16), ..self.clone() }
    }

    /// Whether completions are learnt from only by the policy that wrote them, so that the old log-probabilities
    /// are the new ones.
    pub fn is_on_policy(&self) -> bool {
        self.updates_per_step() == 1 && self.rollout_ahead == 0
    }

    /// Steps of the whole run, for this many tasks.
    pub fn steps(&self, tasks: usize) -> u64 {
        match u64::try_from(self.max_steps) {
            Ok(steps) => steps,
            Err(_) => {
                (self.num_train_epochs * tasks as f64 / self.prompts_per_step() as f64).ceil().max(1.0) as u64
            }
        }
    }

    /// Updates of warm-up among `updates`.
    pub fn warmup_updates(&self, updates: u64) -> i64 {
        match self.warmup_steps {
            0 => (self.warmup_ratio * updates as f64).ceil() as i64,
            steps => steps as i64,
        }
    }

    /// How the lines of task files become prompts, with the model's chat template where it has one.
    ///
    /// # Errors
    /// When the model's chat template cannot be read, or does not read what the settings give it.
    pub fn prompts(&self) -> Result<Prompts, TrainError> {
        let template = Template::named(&self.template).expect("a checked template");
        let chat = ChatTemplate::load(&self.model, None)?;
        if let Some((field, problem)) = self.unread_by(chat.as_ref()) {
            return Err(TrainError::Setting { field, problem });
        }
        let chat = match self.chat_date {
            Some(date) => chat.map(|chat| chat.with_date(date)),
            None => chat,
        };
        let columns = Columns {
            prompt: self.prompt_column.clone(),
            problem: self.problem_column.clone(),
            reference: self.reference_column.clone(),
            metadata: self.metadata_column.clone(),
            leave_out: self.leave_out_columns.clone(),
        };
        let prompts =
            Prompts::new(template, chat).with_columns(columns).with_kwargs(self.chat_template_kwargs.clone());
        Ok(match &self.system_prompt {
            Some(system_prompt) => prompts.with_system_prompt(system_prompt.clone()),
            None => prompts,
        })
    }

    /// The loss of a token.
    pub fn surrogate(&self) -> Surrogate {
        self.surrogate.unwrap_or_else(|| self.loss_type.surrogate())
    }

    /// What the loss depends on.
    pub fn objective(&self) -> Objective {
        Objective {
            loss_type: self.loss_type,
            surrogate: self.surrogate(),
            importance_sampling_level: self.importance_sampling_level,
            epsilon: self.epsilon,
            epsilon_high: self.epsilon_high.unwrap_or(self.epsilon),
            delta: self.delta,
            beta: self.beta,
            use_bias_correction_kl: self.use_bias_correction_kl,
            kl_estimator: self.kl_estimator,
            kl_clamp: self.kl_clamp,
            sapo_temperature_pos: self.sapo_temperature_pos,
            sapo_temperature_neg: self.sapo_temperature_neg,
            vespo_pos: (self.vespo_k_pos, self.vespo_lambda_pos),
            vespo_neg: (self.vespo_k_neg, self.vespo_lambda_neg),
            off_policy_mask_threshold: self.off_policy_mask_threshold,
            clip_cov_ratio: self.clip_cov_ratio,
            clip_cov_bounds: (self.clip_cov_lb, self.clip_cov_ub),
            kl_cov_ratio: self.kl_cov_ratio,
            ppo_kl_coef: self.ppo_kl_coef,
            entropy_coef: self.entropy_coef,
            top_entropy_quantile: self.top_entropy_quantile,
            max_completion_length: self.max_completion_length as i64,
        }
    }

    /// What the optimiser depends on.
    pub fn adamw(&self) -> AdamWOptions {
        AdamWOptions {
            beta1: self.adam_beta1,
            beta2: self.adam_beta2,
            epsilon: self.adam_epsilon,
            weight_decay: self.weight_decay,
            max_grad_norm: self.max_grad_norm,
        }
    }

    /// Whose moments each process has.
    pub fn moments(&self) -> Moments {
        if self.zero_stage == 0 { Moments::Whole } else { Moments::Shared }
    }

    /// The adapter that is trained, where it is not all parameters.
    pub fn lora(&self) -> Option<LoraOptions> {
        let r = i64::try_from(self.lora_r?).unwrap_or(i64::MAX);
        Some(LoraOptions {
            r,
            alpha: self.lora_alpha,
            target_modules: self.lora_target_modules.clone(),
            rslora: self.use_rslora,
        })
    }

    /// Which device `device` asks for; `None` if it is none of its words.
    pub fn device(&self) -> Option<DeviceChoice> {
        self.device.parse().ok()
    }

    /// The number formats to train with on `device`.
    pub fn precision(&self, device: Device) -> gavel_model::Precision {
        if self.bf16.unwrap_or(device.is_cuda()) {
            gavel_model::Precision::MIXED
        } else {
            gavel_model::Precision::FULL
        }
    }
}
