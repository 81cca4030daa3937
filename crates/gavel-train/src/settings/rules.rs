//! Which values settings may have.

mod comparison;
mod standstill;

use std::fmt;

use super::{Reload, Settings};
use crate::TrainError;
use crate::grpo::Surrogate;
use crate::learn::OldLogProbs;
use crate::task::Template;

/// A setting that cannot be used, and why.
type Problem = (&'static str, String);

fn found(wanted: &str, value: &dyn fmt::Display) -> String {
    format!("must be {wanted}, found {value}")
}

impl Settings {
    /// The first setting that cannot be used, and why.
    pub(super) fn problem(&self) -> Option<Problem> {
        self.missing()
            .or_else(|| self.bad_number())
            .or_else(|| self.bad_comparison())
            .or_else(|| self.bad_choice())
            .or_else(|| self.standstill())
            .or_else(|| self.bad_batches())
            .or_else(|| self.without_effect())
            .or_else(|| Some(("watch", self.watch.as_ref()?.problem()?)))
    }

    /// Whether so many processes can train with these settings.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`], which names the field.
    pub(crate) fn check_processes(&self, started: usize) -> Result<(), TrainError> {
        let (said, wrong) = (self.processes(), |field, problem| Err(TrainError::Setting { field, problem }));
        if said != started {
            let are = if started == 1 {
                "one process trains".to_owned()
            } else {
                format!("{started} processes train")
            };
            let problem = format!(
                "is {said}, and {are}: leave it out, and start as many by `gavel train --nproc-per-node` or torchrun"
            );
            return wrong("num_processes", problem);
        }
        if started > 1 && self.reload == Reload::BetweenSteps {
            let problem = format!(
                "is \"between-steps\", and with {started} processes each would take up a change of the reward at another time: \
                 set it to \"never\", or train with one process"
            );
            return wrong("reload", problem);
        }
        Ok(())
    }

    fn missing(&self) -> Option<Problem> {
        let is_missing = [
            ("model", self.model.as_os_str().is_empty()),
            ("tasks", self.tasks.is_empty()),
            ("output_dir", self.output_dir.as_os_str().is_empty()),
        ];
        let (field, _) = is_missing.into_iter().find(|&(_, missing)| missing)?;
        Some((field, "is missing".to_owned()))
    }

    fn bad_number(&self) -> Option<Problem> {
        let at_least_one = [
            ("max_completion_length", self.max_completion_length),
            ("per_device_train_batch_size", self.per_device_train_batch_size),
            ("gradient_accumulation_steps", self.gradient_accumulation_steps),
            ("num_processes", self.processes()),
            ("ddp_timeout", usize::try_from(self.ddp_timeout).unwrap_or(usize::MAX)),
            ("max_tokens_per_micro_batch", self.max_tokens_per_micro_batch),
            ("steps_per_generation", self.steps_per_generation.unwrap_or(1)),
            ("generation_batch_size", self.generation_batch_size.unwrap_or(1)),
            ("num_iterations", self.num_iterations),
            ("num_generations", self.num_generations),
            ("logging_steps", self.logging_steps),
            ("save_steps", self.save_steps),
            ("save_total_limit", self.save_total_limit.unwrap_or(1)),
            ("eval_steps", self.eval_steps.unwrap_or(1)),
            ("num_generations_eval", self.num_generations_eval),
            ("eval_limit", self.eval_limit.unwrap_or(1)),
            ("per_device_eval_batch_size", self.per_device_eval_batch_size),
            ("max_num_seqs", self.max_num_seqs.unwrap_or(1)),
            ("max_num_gen_batches", self.max_num_gen_batches),
            ("lora_r", self.lora_r.unwrap_or(1)),
        ];
        if let Some((field, _)) = at_least_one.into_iter().find(|&(_, value)| value == 0) {
            return Some((field, "must be at least 1, found 0".to_owned()));
        }
        let not_negative = [
            ("beta", self.beta),
            ("epsilon", self.epsilon),
            ("epsilon_high", self.epsilon_high.unwrap_or(0.0)),
            ("delta", self.delta.unwrap_or(0.0)),
            ("learning_rate", self.learning_rate),
            ("value_learning_rate", self.value_learning_rate.unwrap_or(0.0)),
            ("cliprange_value", self.cliprange_value),
            ("warmup_ratio", self.warmup_ratio),
            ("adam_beta1", self.adam_beta1),
            ("adam_beta2", self.adam_beta2),
            ("adam_epsilon", self.adam_epsilon),
            ("weight_decay", self.weight_decay),
            ("max_grad_norm", self.max_grad_norm),
            ("moe_router_bias_update_rate", self.moe_router_bias_update_rate),
            ("router_aux_loss_coef", self.router_aux_loss_coef.unwrap_or(0.0)),
            ("num_train_epochs", self.num_train_epochs),
            ("eval_temperature", self.eval_temperature),
            ("vespo_k_pos", self.vespo_k_pos),
            ("vespo_lambda_pos", self.vespo_lambda_pos),
            ("vespo_k_neg", self.vespo_k_neg),
            ("vespo_lambda_neg", self.vespo_lambda_neg),
            ("ppo_kl_coef", self.ppo_kl_coef),
            ("off_policy_mask_threshold", self.off_policy_mask_threshold.unwrap_or(0.0)),
        ];
        let wrong = not_negative.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0));
        if let Some((field, value)) = wrong {
            return Some((field, format!("must be a number that is not negative, found {value}")));
        }
        // With 1 a moment never moves, and its bias correction divides by 0.
        let below_one = [("adam_beta1", self.adam_beta1), ("adam_beta2", self.adam_beta2)];
        let wrong = below_one.into_iter().find(|&(_, value)| value >= 1.0);
        wrong.map(|(field, value)| (field, format!("must be below 1, found {value}")))
    }

    fn bad_choice(&self) -> Option<Problem> {
        let probability = |value: f64| value > 0.0 && value <= 1.0;
        let finite = [
            ("entropy_coef", self.entropy_coef),
            ("clip_cov_lb", self.clip_cov_lb),
            ("clip_cov_ub", self.clip_cov_ub),
        ];
        if let Some((field, value)) = finite.into_iter().find(|(_, value)| !value.is_finite()) {
            return Some((field, found("a finite number", &value)));
        }
        let shares = [
            ("gamma", self.gamma),
            ("lam", self.lam),
            ("min_pass_rate", self.min_pass_rate),
            ("max_pass_rate", self.max_pass_rate),
            ("clip_cov_ratio", self.clip_cov_ratio),
            ("kl_cov_ratio", self.kl_cov_ratio),
            ("top_entropy_quantile", self.top_entropy_quantile),
        ];
        for (field, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Some((field, found("between 0 and 1", &value)));
            }
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Some(("temperature", found("above 0, for a group to differ", &self.temperature)));
        }
        if !probability(self.top_p) {
            return Some(("top_p", found("above 0 and at most 1", &self.top_p)));
        }
        if !probability(self.eval_top_p) {
            return Some(("eval_top_p", found("above 0 and at most 1", &self.eval_top_p)));
        }
        if self.surrogate() == Surrogate::Cispo && self.epsilon_high.is_none() {
            let problem = "is missing: with cispo it is the largest ratio itself, and `epsilon` would be a poor one; the authors \
                           of ScaleRL take 5";
            return Some(("epsilon_high", problem.to_owned()));
        }
        let temperatures = [
            ("sapo_temperature_pos", self.sapo_temperature_pos),
            ("sapo_temperature_neg", self.sapo_temperature_neg),
        ];
        if let Some((field, value)) =
            temperatures.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0))
        {
            return Some((field, found("above 0", &value)));
        }
        for (field, value) in [("min_p", self.min_p), ("eval_min_p", self.eval_min_p)] {
            if !(0.0..=1.0).contains(&value) {
                return Some((field, found("between 0 and 1", &value)));
            }
        }
        if !(self.lora_alpha.is_finite() && self.lora_alpha > 0.0) {
            return Some(("lora_alpha", found("above 0", &self.lora_alpha)));
        }
        if self.max_steps == 0 || self.max_steps < -1 {
            let wanted = "at least 1, or -1 to leave it to num_train_epochs";
            return Some(("max_steps", found(wanted, &self.max_steps)));
        }
        if self.max_steps == -1 && self.num_train_epochs == 0.0 {
            let problem = "is 0, and max_steps leaves the length of the run to it: set it above 0".to_owned();
            return Some(("num_train_epochs", problem));
        }
        let columns = [
            ("prompt_column", &self.prompt_column),
            ("problem_column", &self.problem_column),
            ("reference_column", &self.reference_column),
            ("metadata_column", &self.metadata_column),
        ];
        if let Some((field, _)) = columns.into_iter().find(|(_, name)| name.is_empty()) {
            return Some((field, "must name a column".to_owned()));
        }
        if self.stop.iter().any(String::is_empty) {
            return Some(("stop", "must hold no empty string".to_owned()));
        }
        if Template::named(&self.template).is_none() {
            return Some((
                "template",
                found("chat, r1-zero, none, or a text with {problem} in it", &self.template),
            ));
        }
        if self.num_generations_eval > 1 && self.eval_temperature == 0.0 {
            let problem = format!(
                "is {}, and eval_temperature is 0, which writes the same completion every time: set eval_temperature \
                 above 0, or num_generations_eval to 1",
                self.num_generations_eval
            );
            return Some(("num_generations_eval", problem));
        }
        if self.rollout_ahead > 0 && self.old_log_probs == OldLogProbs::Trainer {
            let problem = "is \"trainer\", and with rollout_ahead the trainer's policy is no longer the one that sampled: set \
                           it to \"sampler\""
                .to_owned();
            return Some(("old_log_probs", problem));
        }
        if self.zero_stage > 1 {
            let wanted = "0 or 1, which shares the optimiser's moments; gradients and parameters are whole on every process";
            return Some(("zero_stage", found(wanted, &self.zero_stage)));
        }
        if self.device().is_none() {
            return Some(("device", found("auto, cpu, cuda or cuda:N", &self.device)));
        }
        None
    }

    fn bad_batches(&self) -> Option<Problem> {
        if self.steps_per_generation.is_some() && self.generation_batch_size.is_some() {
            let problem = "says the same as steps_per_generation; set one of them".to_owned();
            return Some(("generation_batch_size", problem));
        }
        let (rollout, batch) = (self.generation_size(), self.optimizer_batch_size());
        let field = match (self.generation_batch_size, self.steps_per_generation) {
            (Some(_), _) => "generation_batch_size",
            (_, Some(_)) => "steps_per_generation",
            _ => "per_device_train_batch_size",
        };
        if rollout % self.num_generations != 0 {
            let problem = format!(
                "makes rollouts of {rollout} completions, which is no multiple of num_generations = {}",
                self.num_generations
            );
            return Some((field, problem));
        }
        if !rollout.is_multiple_of(batch) && !batch.is_multiple_of(rollout) {
            let problem = format!(
                "makes rollouts of {rollout} completions, and an optimiser step takes {batch}: one must be a multiple \
                 of the other"
            );
            return Some((field, problem));
        }
        None
    }
}
