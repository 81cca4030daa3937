//! Learns from a batch of scored completions: micro-batches, old and reference log-probabilities, gradients, updates.

use gavel_model::Model;
use tch::{Device, Kind, Tensor};

use crate::grpo::{self, BatchSize, LossSums, MicroBatch, Objective};

/// One completion to learn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) prompt: &'a [i64],
    pub(crate) completion: &'a [i64],
    /// The log-probability of each token of the completion when it was drawn.
    pub(crate) sampled_log_probs: &'a [f32],
    pub(crate) truncated: bool,
    pub(crate) advantage: f64,
}

impl Row<'_> {
    fn len(&self) -> usize {
        self.prompt.len() + self.completion.len()
    }
}

/// How rows become batches, and batches a loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Learning {
    pub(crate) objective: Objective,
    pub(crate) temperature: f64,
    pub(crate) mask_truncated_completions: bool,
    /// Rows per update.
    pub(crate) optimizer_batch_size: usize,
    /// Rows per forward and backward pass.
    pub(crate) micro_batch_size: usize,
    pub(crate) device: Device,
}

/// What one update learns from.
pub(crate) struct Batch {
    parts: Vec<Part>,
    size: BatchSize,
}

/// A micro-batch, padded on the right to its longest row. Column `c` of everything `(B, T)` is token `first + c`.
struct Part {
    /// `(B, first + T)`.
    tokens: Tensor,
    /// The shortest prompt: no completion has a token before it.
    first: i64,
    /// `(B, T)`.
    mask: Tensor,
    /// `(B)`.
    advantages: Tensor,
    /// `(B, T)`, as they were when the tokens were drawn.
    sampled_log_probs: Tensor,
    /// `(B, T)`; `None` while the policy is the one that sampled.
    old_log_probs: Option<Tensor>,
    /// `(B, T)`.
    reference_log_probs: Option<Tensor>,
    /// Whether it has a gradient; where every advantage is 0, it is looked at for the metrics alone.
    learns: bool,
}

/// What is logged of an update.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UpdateSums {
    pub(crate) loss: LossSums,
    /// Σ entropy over tokens.
    pub(crate) entropy: f64,
    /// Σ |log π − log π at sampling| over tokens, and the largest.
    pub(crate) sampling_difference: f64,
    pub(crate) sampling_difference_max: f64,
}

impl Learning {
    /// Splits rows into what updates learn from, in this order; within an update, into micro-batches of similar
    /// length, so that little is padding.
    pub(crate) fn batches(&self, rows: &[Row<'_>]) -> Vec<Batch> {
        let (generation_completions, generation_tokens) = (rows.len() as i64, self.count_tokens(rows));
        let batch = |rows: &[Row<'_>]| {
            let size = BatchSize {
                completions: rows.len() as i64,
                tokens: self.count_tokens(rows),
                generation_completions,
                generation_tokens,
            };
            Batch { parts: self.parts(rows), size }
        };
        rows.chunks(self.optimizer_batch_size).map(batch).collect()
    }

    /// Fills in the log-probabilities under the policy that sampled, which is still `model`.
    pub(crate) fn remember_old(&self, batches: &mut [Batch], model: &Model) {
        for part in batches.iter_mut().flat_map(|batch| &mut batch.parts) {
            part.old_log_probs = Some(self.log_probs_without_gradient(part, model));
        }
    }

    /// Fills in the log-probabilities under the reference model.
    pub(crate) fn remember_reference(&self, batches: &mut [Batch], reference: &Model) {
        for part in batches.iter_mut().flat_map(|batch| &mut batch.parts) {
            part.reference_log_probs = Some(self.log_probs_without_gradient(part, reference));
        }
    }

    /// Accumulates the gradient of a batch's loss, micro-batch by micro-batch.
    pub(crate) fn backward(&self, batch: &Batch, model: &Model) -> UpdateSums {
        let mut sums = UpdateSums::default();
        for part in &batch.parts {
            let _no_grad = (!part.learns).then(tch::no_grad_guard);
            let now = model.log_probs(&part.tokens, None, part.first, self.temperature);
            let micro_batch = MicroBatch {
                log_probs: &now.log_probs,
                old_log_probs: part.old_log_probs.as_ref(),
                reference_log_probs: part.reference_log_probs.as_ref(),
                advantages: &part.advantages,
                mask: &part.mask,
            };
            let loss = grpo::loss(&micro_batch, &self.objective, &batch.size);
            if part.learns {
                loss.loss.backward();
            }
            sums.loss.add(&loss.sums);
            sums.add(&now.log_probs, &now.entropy, part);
        }
        sums
    }

    fn count_tokens(&self, rows: &[Row<'_>]) -> f64 {
        let counted = rows.iter().filter(|row| !(self.mask_truncated_completions && row.truncated));
        counted.map(|row| row.completion.len()).sum::<usize>() as f64
    }

    /// Rows that are masked as a whole have no part in anything and are left out. Those without a gradient go apart:
    /// they need no backward pass.
    fn parts(&self, rows: &[Row<'_>]) -> Vec<Part> {
        let counts = |row: &Row<'_>| !(self.mask_truncated_completions && row.truncated);
        let learns = |row: &Row<'_>| row.advantage != 0.0 || self.objective.beta != 0.0;
        let rows = rows.iter().copied().filter(counts);
        let (mut learning, mut idle): (Vec<_>, Vec<_>) = rows.partition(learns);
        let mut parts = Vec::new();
        for (rows, learns) in [(&mut learning, true), (&mut idle, false)] {
            rows.sort_by_key(Row::len);
            parts.extend(rows.chunks(self.micro_batch_size).map(|rows| self.part(rows, learns)));
        }
        parts
    }

    fn part(&self, rows: &[Row<'_>], learns: bool) -> Part {
        let first = rows.iter().map(|row| row.prompt.len()).min().expect("a chunk is not empty");
        let longest = rows.iter().map(Row::len).max().expect("a chunk is not empty");
        let columns = longest - first;
        let mut tokens = vec![0i64; rows.len() * longest];
        let mut sampled_log_probs = vec![0f32; rows.len() * columns];
        for (index, row) in rows.iter().enumerate() {
            let (start, prompt) = (index * longest, row.prompt.len());
            tokens[start..start + prompt].copy_from_slice(row.prompt);
            tokens[start + prompt..start + row.len()].copy_from_slice(row.completion);
            let start = index * columns + prompt - first;
            sampled_log_probs[start..start + row.completion.len()].copy_from_slice(row.sampled_log_probs);
        }
        let of_rows = |number: &dyn Fn(&Row<'_>) -> i64| {
            Tensor::from_slice(&rows.iter().map(number).collect::<Vec<_>>())
        };
        let mask = grpo::completion_mask(
            &of_rows(&|row| (row.prompt.len() - first) as i64),
            &of_rows(&|row| row.completion.len() as i64),
            &of_rows(&|row| i64::from(row.truncated)).to_kind(Kind::Bool),
            columns as i64,
            self.mask_truncated_completions,
        );
        let advantages: Vec<f32> = rows.iter().map(|row| row.advantage as f32).collect();
        let shape = |width: usize| [rows.len() as i64, width as i64];
        Part {
            tokens: Tensor::from_slice(&tokens).reshape(shape(longest)).to_device(self.device),
            first: first as i64,
            mask: mask.to_device(self.device),
            advantages: Tensor::from_slice(&advantages).to_device(self.device),
            sampled_log_probs: Tensor::from_slice(&sampled_log_probs)
                .reshape(shape(columns))
                .to_device(self.device),
            old_log_probs: None,
            reference_log_probs: None,
            learns,
        }
    }

    fn log_probs_without_gradient(&self, part: &Part, model: &Model) -> Tensor {
        let _no_grad = tch::no_grad_guard();
        model.log_probs(&part.tokens, None, part.first, self.temperature).log_probs
    }
}

impl UpdateSums {
    /// Adds a micro-batch.
    fn add(&mut self, log_probs: &Tensor, entropy: &Tensor, part: &Part) {
        let difference = (log_probs.detach() - &part.sampled_log_probs).abs() * &part.mask;
        let logged = [
            (entropy * &part.mask).sum(Kind::Double),
            difference.sum(Kind::Double),
            difference.max().to_kind(Kind::Double),
        ];
        let values: Vec<f64> = Vec::try_from(Tensor::stack(&logged, 0)).expect("a vector of three doubles");
        self.entropy += values[0];
        self.sampling_difference += values[1];
        self.sampling_difference_max = self.sampling_difference_max.max(values[2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn what_is_masked_costs_no_pass_and_what_is_equal_no_gradient() {
        let row = |truncated: bool, advantage: f64| Row {
            prompt: &[1, 2],
            completion: &[3, 4, 5],
            sampled_log_probs: &[-1.0, -1.0, -1.0],
            truncated,
            advantage,
        };
        let rows = [row(true, 1.0), row(false, 1.0), row(false, 0.0), row(true, 0.0)];
        let parts = |mask_truncated_completions: bool, beta: f64| -> Vec<(i64, bool)> {
            let learning = Learning {
                objective: Objective { beta, ..Settings::default().objective() },
                temperature: 1.0,
                mask_truncated_completions,
                optimizer_batch_size: 4,
                micro_batch_size: 4,
                device: Device::Cpu,
            };
            let batches = learning.batches(&rows);
            assert_eq!(batches[0].size.completions, 4, "denominators are those of all");
            batches[0].parts.iter().map(|part| (part.tokens.size()[0], part.learns)).collect()
        };
        assert_eq!(parts(false, 0.0), [(2, true), (2, false)]);
        assert_eq!(parts(true, 0.0), [(1, true), (1, false)]);
        assert_eq!(parts(true, 0.1), [(2, true)], "the KL term has a gradient everywhere");
    }
}
