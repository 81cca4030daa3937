//! What is logged of an update, added up on the device and brought to the host once.

use gavel_model::TokenLogProbs;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::grpo::{LossSums, Terms};

/// What is logged of an update, over the tokens that were learnt from.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct UpdateSums {
    /// Of the loss.
    pub loss: LossSums,
    /// Σ entropy over tokens.
    pub entropy: f64,
    /// Σ |log π − log π at sampling| over tokens.
    pub sampling_difference: f64,
    /// The largest of these.
    pub sampling_difference_max: f64,
}

impl UpdateSums {
    /// Adds those of other tokens of the same update.
    pub(super) fn add(&mut self, other: &Self) {
        self.loss.add(&other.loss);
        self.entropy += other.entropy;
        self.sampling_difference += other.sampling_difference;
        self.sampling_difference_max = self.sampling_difference_max.max(other.sampling_difference_max);
    }
}

/// The same while the device still works on it: on CUDA, to look at a number is to wait for it.
#[derive(Default)]
pub(super) struct SumsOnDevice {
    /// For each section what [`Terms`] logs, and the three sums of this file.
    sections: Vec<Tensor>,
}

impl SumsOnDevice {
    /// Adds a section, with the log-probabilities that its tokens were drawn with.
    pub(super) fn add(&mut self, terms: &Terms, now: &TokenLogProbs, sampled_log_probs: &Tensor) {
        let difference = (now.log_probs.detach() - sampled_log_probs).abs();
        let own = [
            now.entropy.sum(Kind::Double),
            difference.sum(Kind::Double),
            difference.max().to_kind(Kind::Double),
        ];
        self.sections.push(Tensor::cat(&[&terms.logged, &Tensor::stack(&own, 0)], 0));
    }

    /// Waits for the device.
    pub(super) fn read(self) -> UpdateSums {
        let mut sums = UpdateSums::default();
        if self.sections.is_empty() {
            return sums;
        }
        let rows: Vec<Vec<f64>> =
            Vec::try_from(Tensor::stack(&self.sections, 0)).expect("a matrix of doubles");
        for row in rows {
            let (of_loss, own) = row.split_at(row.len() - 3);
            sums.add(&UpdateSums {
                loss: LossSums::of_logged(of_loss),
                entropy: own[0],
                sampling_difference: own[1],
                sampling_difference_max: own[2],
            });
        }
        sums
    }
}
