//! Learns from scored completions: micro-batches, old and reference log-probabilities, gradients, updates.

mod critic;
mod micro_batch;
mod sums;

use std::ops::Range;

use gavel_model::{Balance, ByTokens, Model, TokenLogProbs, add_expert_loads};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::TrainError;
use crate::grpo::{self, BatchSize, Objective, Picks, Survey};
use crate::optim::AdamW;
use crate::ranks::Ranks;
pub use critic::{Appraisal, Critic, CriticOptions, ValueBatch, ValueUpdate};
use micro_batch::{MicroBatch, Section};
use sums::SumsOnDevice;
pub use sums::UpdateSums;

/// One completion to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    /// Not empty.
    pub prompt: &'a [i64],
    /// What follows it.
    pub completion: &'a [i64],
    /// The log-probability of each token of the completion when it was drawn.
    pub sampled_log_probs: &'a [f32],
    /// Whether the completion was cut off.
    pub truncated: bool,
    /// How much better than expected: one number for the completion, or one for each of its tokens.
    pub advantages: &'a [f64],
    /// Its place among the completions of the step.
    pub index: usize,
}

/// Whose log-probabilities are those of the policy that sampled, where several updates learn from one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OldLogProbs {
    /// Those with which the tokens were drawn.
    Sampler,
    /// Those of another forward pass, before the first update.
    Trainer,
}

/// How examples become batches, and batches a loss.
#[derive(Debug, Clone, Copy)]
pub struct LearnOptions {
    /// What is minimised.
    pub objective: Objective,
    /// Logits are divided by it.
    pub temperature: f64,
    /// Leave truncated completions out.
    pub mask_truncated_completions: bool,
    /// Examples per update.
    pub optimizer_batch_size: usize,
    /// At most so many examples per forward and backward pass.
    pub micro_batch_size: usize,
    /// At most so many tokens per forward and backward pass; a completion that is longer is alone in one.
    pub micro_batch_tokens: usize,
    /// Compute each block again for the backward pass.
    pub gradient_checkpointing: bool,
    /// The weight of the loss that evens out the load of experts; `None` is the model's own.
    pub router_aux_loss_coef: Option<f64>,
    /// Whether old log-probabilities are needed, and from where.
    pub old_log_probs: Option<OldLogProbs>,
}

/// The policy in training, with what trains it.
#[derive(Debug)]
pub struct Learner<'a> {
    /// The policy.
    pub model: &'a Model,
    /// What the KL divergence is taken from; needed when β is not 0.
    pub reference: Option<Model>,
    /// What updates the parameters of `model`.
    pub optimizer: AdamW,
    /// How it learns.
    pub options: LearnOptions,
    /// Those that learn together.
    pub ranks: &'a Ranks,
}

/// What one update learns from: of its completions, those that this rank learns from.
#[derive(Debug)]
pub struct Batch {
    micro_batches: Vec<MicroBatch>,
    size: BatchSize,
}

impl Learner<'_> {
    /// Splits examples into what updates learn from, in this order, and fills in the log-probabilities of the policy that
    /// sampled, which `model` still is, and of the reference. Of each batch, a rank learns from its share; its sizes are those
    /// of the whole.
    pub fn batches(&self, examples: &[Example<'_>]) -> Vec<Batch> {
        let (generation_completions, generation_tokens) =
            (examples.len() as i64, self.options.count_tokens(examples));
        let batch = |examples: &[Example<'_>]| {
            let size = BatchSize {
                completions: examples.len() as i64,
                tokens: self.options.count_tokens(examples),
                generation_completions,
                generation_tokens,
                entropy_tokens: self.options.count_tokens(examples),
            };
            let parts = self.options.micro_batches(examples, self.ranks);
            let mut micro_batches: Vec<MicroBatch> =
                parts.iter().map(|examples| self.micro_batch(examples)).collect();
            self.weigh_router_aux_loss(&mut micro_batches);
            Batch { micro_batches, size }
        };
        examples.chunks(self.options.optimizer_batch_size).map(batch).collect()
    }

    /// Gives each micro-batch its share of the loss that evens out the load of experts, by its tokens; ranks have equal shares.
    fn weigh_router_aux_loss(&self, micro_batches: &mut [MicroBatch]) {
        let own = self.model.config().router_aux_loss_coef;
        let coefficient = self.options.router_aux_loss_coef.unwrap_or(own) / self.ranks.size() as f64;
        let tokens = |part: &MicroBatch| part.packed.input_tokens() as f64;
        let all: f64 = micro_batches.iter().map(tokens).sum();
        for part in micro_batches {
            part.packed.set_router_aux_loss(coefficient * tokens(part) / all);
        }
    }

    fn micro_batch(&self, examples: &[Example<'_>]) -> MicroBatch {
        let mut part = MicroBatch::new(examples, self.model);
        let temperature = self.options.temperature;
        part.old_log_probs = match self.options.old_log_probs {
            None => None,
            Some(OldLogProbs::Sampler) => Some(part.sampled_log_probs.shallow_clone()),
            Some(OldLogProbs::Trainer) => Some(self.model.log_probs(&part.packed, temperature).log_probs),
        };
        part.reference_log_probs = self.reference.as_ref().map(|reference| {
            reference.log_probs(&reference.pack(&micro_batch::groups(examples)), temperature).log_probs
        });
        part
    }

    /// Accumulates the gradient of a batch's loss, micro-batch by micro-batch, and adds up those of all ranks. `seed` decides
    /// what is left to chance.
    ///
    /// # Errors
    /// When another rank has failed.
    pub fn backward(&self, batch: &Batch, seed: u64) -> Result<UpdateSums, TrainError> {
        let mut sums = SumsOnDevice::default();
        let (picks, size) = self.picks(batch, seed)?;
        for (part, picks) in batch.micro_batches.iter().zip(&picks) {
            let rows: Vec<Range<i64>> = part.sections.iter().map(|section| section.rows.clone()).collect();
            let LearnOptions { temperature, gradient_checkpointing, .. } = self.options;
            self.model.backward(
                &part.packed,
                temperature,
                gradient_checkpointing,
                &rows,
                &mut |index, now| {
                    let section = &part.sections[index];
                    tch::with_grad(|| self.gradient_of((part, picks), section, now, &size, &mut sums))
                },
            );
        }
        self.ranks.add_gradients(&self.optimizer.parameters())?;
        let mut all = UpdateSums::default();
        self.ranks.each(sums.read())?.iter().for_each(|of_rank| all.add(of_rank));
        Ok(all)
    }

    /// The tokens that the objective singles out in each micro-batch, `(n)`, and the sizes that follow. Where there are
    /// any, that costs a forward pass: how a batch is split, also between ranks, must not decide which they are.
    fn picks(&self, batch: &Batch, seed: u64) -> Result<(Vec<Picks>, BatchSize), TrainError> {
        let (parts, objective) = (&batch.micro_batches, &self.options.objective);
        if !objective.picks() {
            return Ok((parts.iter().map(|_| Picks::default()).collect(), batch.size));
        }
        let now: Vec<TokenLogProbs> =
            parts.iter().map(|part| self.model.log_probs(&part.packed, self.options.temperature)).collect();
        let old = |(part, now): (&MicroBatch, &TokenLogProbs)| match &part.old_log_probs {
            Some(old) => old.shallow_clone(),
            None => now.log_probs.shallow_clone(),
        };
        let joined = |of_parts: Vec<Tensor>| {
            let none = Tensor::zeros([0i64], (Kind::Float, self.model.device()));
            self.ranks.all_numbers(&if of_parts.is_empty() { none } else { Tensor::cat(&of_parts, 0) })
        };
        let (log_probs, own) = joined(now.iter().map(|now| now.log_probs.shallow_clone()).collect())?;
        if log_probs.numel() == 0 {
            return Ok((Vec::new(), batch.size));
        }
        let survey = Survey {
            log_probs: &log_probs,
            old_log_probs: &joined(parts.iter().zip(&now).map(old).collect())?.0,
            entropies: &joined(now.iter().map(|now| now.entropy.shallow_clone()).collect())?.0,
            advantages: &joined(parts.iter().map(|part| part.advantages.shallow_clone()).collect())?.0,
            seed,
        };
        let picks = Picks::of(&survey, objective);
        let mut size = batch.size;
        if let Some(picked) = &picks.high_entropy {
            size.entropy_tokens = picked.sum(Kind::Double).double_value(&[]);
        }
        let mut end = own.start;
        let of_part = |part: &TokenLogProbs| {
            let (start, count) = (end, part.log_probs.size()[0]);
            end += count;
            picks.map(|of_all| of_all.narrow(0, start, count))
        };
        Ok((now.iter().map(of_part).collect(), size))
    }

    /// The derivative of the loss of a section by its log-probabilities, and by its entropies where it has a term for them.
    fn gradient_of(
        &self,
        (part, picks): (&MicroBatch, &Picks),
        section: &Section,
        now: &TokenLogProbs,
        size: &BatchSize,
        sums: &mut SumsOnDevice,
    ) -> ByTokens {
        let objective = &self.options.objective;
        let leaf = now.log_probs.detach().set_requires_grad(true);
        let entropy = (objective.entropy_coef != 0.0).then(|| now.entropy.detach().set_requires_grad(true));
        let of_section = |flat: &Option<Tensor>| Some(section.padded(&section.of(flat.as_ref()?)));
        let old_log_probs = of_section(&part.old_log_probs);
        let reference_log_probs = of_section(&part.reference_log_probs);
        let terms = grpo::terms(
            &grpo::MicroBatch {
                log_probs: &section.padded(&leaf),
                old_log_probs: old_log_probs.as_ref(),
                reference_log_probs: reference_log_probs.as_ref(),
                advantages: &section.advantages,
                mask: &section.mask,
                entropies: entropy.as_ref().map(|entropy| section.padded(entropy)).as_ref(),
                picks: &picks.map(|of_part| section.padded(&section.of(of_part))),
            },
            objective,
            size,
        );
        terms.loss.backward();
        sums.add(&terms, now, &section.of(&part.sampled_log_probs));
        ByTokens { log_probs: leaf.grad(), entropy: entropy.map(|entropy| entropy.grad()) }
    }

    /// Updates the policy by the gradient, and gives the gradient's norm; where that is not finite, nothing changes.
    ///
    /// # Errors
    /// When another rank has failed.
    pub fn step(&mut self, learning_rate: f64) -> Result<f64, TrainError> {
        let norm = self.optimizer.step(learning_rate);
        self.ranks.spread_parameters(&self.optimizer)?;
        self.model.refresh();
        Ok(norm)
    }

    /// After an update, moves what evens out the load of experts by `rate`, and says how even it was among the tokens of all
    /// ranks. A rate of 0 moves nothing.
    ///
    /// # Errors
    /// When another rank has failed.
    pub fn balance_experts(&self, rate: f64) -> Result<Experts, TrainError> {
        if !self.model.has_experts() {
            return Ok(Experts::default());
        }
        let own = (self.model.take_expert_load(), self.model.take_router_aux_loss());
        let (loads, losses): (Vec<_>, Vec<_>) = self.ranks.each(own)?.into_iter().unzip();
        let load = add_expert_loads(loads);
        self.model.move_router_biases(&load, rate);
        let [loss, tokens] =
            [0, 1].map(|place| losses.iter().map(|sums: &[f64; 2]| sums[place]).sum::<f64>());
        Ok(Experts { balance: Balance::of(&load), router_aux_loss: (tokens > 0.0).then(|| loss / tokens) })
    }
}

/// How the experts of a policy fared in an update.
#[derive(Debug, Clone, Copy, Default)]
pub struct Experts {
    /// How tokens were spread over them; `None` where there are none, or nothing was learnt from.
    pub balance: Option<Balance>,
    /// The loss that evens them out, a mean over tokens; `None` where there is none.
    pub router_aux_loss: Option<f64>,
}

impl LearnOptions {
    fn counts(&self, example: &Example<'_>) -> bool {
        !(self.mask_truncated_completions && example.truncated)
    }

    fn count_tokens(&self, examples: &[Example<'_>]) -> f64 {
        let counted = examples.iter().filter(|example| self.counts(example));
        counted.map(|example| example.completion.len()).sum::<usize>() as f64
    }

    /// Of each micro-batch of these examples, where one process learns from them, how many tokens the model runs on, and how many it predicts.
    pub(crate) fn micro_batch_sizes(&self, examples: &[Example<'_>]) -> Vec<(u64, u64)> {
        let size = |part: &Vec<Example<'_>>| {
            let groups = micro_batch::groups(part);
            let prompts: usize = groups.iter().map(|group| group.prompt.len()).sum();
            let predicted: usize = part.iter().map(|example| example.completion.len()).sum();
            ((prompts + predicted - part.len()) as u64, predicted as u64)
        };
        self.micro_batches(examples, &Ranks::alone()).iter().map(size).collect()
    }

    /// Splits the examples that have a gradient into micro-batches. Those that are masked or teach nothing, because
    /// their advantages are 0 and nothing else of them has a say, cost no pass.
    ///
    /// Of those, this rank's share, by tokens. There are as few micro-batches as their bounds allow, and those are of similar
    /// size.
    fn micro_batches<'a>(&self, examples: &[Example<'a>], ranks: &Ranks) -> Vec<Vec<Example<'a>>> {
        let learns = |example: &&Example<'_>| {
            let teaches = example.advantages.iter().any(|&advantage| advantage != 0.0);
            self.counts(example)
                && (teaches || self.objective.looks_at_all())
                && !example.completion.is_empty()
        };
        let learnt = micro_batch::by_prompt(examples.iter().filter(learns)).concat();
        let own = ranks.share_by_weight(&micro_batch::tokens(&learnt));
        let groups = micro_batch::by_prompt(learnt[own].iter());
        let split = |tokens: usize| micro_batch::split(&groups, tokens, self.micro_batch_size);
        let fewest = split(self.micro_batch_tokens);
        // The smallest bound on tokens that needs no more of them, by bisection.
        let (mut too_small, mut enough) = (0, self.micro_batch_tokens);
        while enough - too_small > 1 {
            let middle = too_small + (enough - too_small) / 2;
            if split(middle).len() > fewest.len() { too_small = middle } else { enough = middle }
        }
        split(enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn options() -> LearnOptions {
        LearnOptions {
            objective: Settings::default().objective(),
            temperature: 1.0,
            mask_truncated_completions: false,
            optimizer_batch_size: 8,
            micro_batch_size: 100,
            micro_batch_tokens: 1000,
            gradient_checkpointing: false,
            router_aux_loss_coef: None,
            old_log_probs: None,
        }
    }

    fn example(prompt: &'static [i64], advantage: &'static f64) -> Example<'static> {
        Example {
            prompt,
            completion: &[3, 4, 5],
            sampled_log_probs: &[-1.0, -1.0, -1.0],
            truncated: false,
            advantages: std::slice::from_ref(advantage),
            index: 0,
        }
    }

    /// The number of examples of each micro-batch.
    fn sizes(options: &LearnOptions, examples: &[Example<'_>]) -> Vec<usize> {
        options.micro_batches(examples, &Ranks::alone()).iter().map(Vec::len).collect()
    }

    #[test]
    fn what_is_masked_or_teaches_nothing_costs_no_pass() {
        let row =
            |truncated: bool, advantage: &'static f64| Example { truncated, ..example(&[1, 2], advantage) };
        let rows = [row(true, &1.0), row(false, &1.0), row(false, &0.0), row(true, &0.0)];
        let with = |mask_truncated_completions: bool, beta: f64| LearnOptions {
            objective: Objective { beta, ..options().objective },
            mask_truncated_completions,
            ..options()
        };
        assert_eq!(sizes(&with(false, 0.0), &rows), [2]);
        assert_eq!(sizes(&with(true, 0.0), &rows), [1]);
        assert_eq!(sizes(&with(true, 0.1), &rows), [2], "the KL term has a gradient everywhere");
        assert_eq!(sizes(&with(true, 0.0), &rows[2..]), [0; 0]);
        assert_eq!(with(true, 0.0).count_tokens(&rows), 6.0, "denominators are those of all that counts");
    }

    #[test]
    fn micro_batches_are_bounded_by_tokens_and_by_completions() {
        let rows = [example(&[1, 2], &1.0); 6];
        // One prompt of 2 tokens, and completions of 3, of which the last is only predicted.
        let within = |micro_batch_tokens: usize| LearnOptions { micro_batch_tokens, ..options() };
        assert_eq!(sizes(&within(14), &rows), [6]);
        assert_eq!(sizes(&within(13), &rows), [3, 3], "rather than 5 and 1");
        assert_eq!(sizes(&within(7), &rows), [2, 2, 2]);
        assert_eq!(sizes(&within(1), &rows), [1; 6], "what is longer is alone");
        assert_eq!(sizes(&LearnOptions { micro_batch_size: 4, ..options() }, &rows), [3, 3]);
    }

    #[test]
    fn a_group_stays_together_where_it_fits() {
        let rows = [
            example(&[1, 2], &1.0),
            example(&[7], &1.0),
            example(&[1, 2], &1.0),
            example(&[7], &1.0),
            example(&[1, 2], &1.0),
        ];
        let options = LearnOptions { micro_batch_tokens: 12, ..options() };
        let parts = options.micro_batches(&rows, &Ranks::alone());
        let prompts: Vec<Vec<i64>> =
            parts.iter().map(|part| part.iter().map(|example| example.prompt[0]).collect()).collect();
        assert_eq!(prompts, [vec![1, 1, 1], vec![7, 7]]);
    }
}
