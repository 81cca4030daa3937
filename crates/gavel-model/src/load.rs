//! How many tokens go to each expert, and what keeps these numbers alike without a loss: a correction of each expert's scores
//! that moves by its load ([2408.15664](https://arxiv.org/abs/2408.15664)), as in DeepSeek-V3.

use std::sync::{Arc, Mutex, PoisonError};

use tch::{Kind, Tensor, no_grad};

use crate::Model;
use crate::families::Place;
use crate::layers::BalanceLoss;

/// Counts, for each layer and each of its experts; none for layers that have not counted.
#[derive(Debug, Default)]
pub(crate) struct ExpertLoad {
    counts: Mutex<Vec<Vec<i64>>>,
    /// The sum of losses of balance, each times its tokens, and of these.
    losses: Mutex<[f64; 2]>,
}

impl ExpertLoad {
    pub(crate) fn add(&self, layer: usize, counts: &[i64]) {
        let mut layers = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if layers.len() <= layer {
            layers.resize_with(layer + 1, Vec::new);
        }
        add_up(&mut layers[layer], counts);
    }

    fn take(&self) -> Vec<Vec<i64>> {
        std::mem::take(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn add_loss(&self, [value, tokens]: [f64; 2]) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses[0] += value * tokens;
        losses[1] += tokens;
    }
}

fn add_up(sums: &mut Vec<i64>, counts: &[i64]) {
    sums.resize(counts.len().max(sums.len()), 0);
    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}

/// How tokens were spread over experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// By how much of the mean the expert with the most tokens has more than the mean; the mean over layers. 0 is balance.
    pub max_violation: f64,
    /// The share of experts that no token went to.
    pub unused: f64,
}

impl Balance {
    /// Of counts for each layer and each of its experts; `None` where there are none.
    pub fn of(load: &[Vec<i64>]) -> Option<Self> {
        let layers: Vec<&Vec<i64>> =
            load.iter().filter(|counts| counts.iter().any(|&count| count > 0)).collect();
        let violation = |counts: &&Vec<i64>| {
            let mean = counts.iter().sum::<i64>() as f64 / counts.len() as f64;
            counts.iter().copied().max().unwrap_or(0) as f64 / mean - 1.0
        };
        let experts = layers.iter().map(|counts| counts.len()).sum::<usize>();
        let unused = layers.iter().flat_map(|counts| counts.iter()).filter(|&&count| count == 0).count();
        (!layers.is_empty()).then(|| Self {
            max_violation: layers.iter().map(violation).sum::<f64>() / layers.len() as f64,
            unused: unused as f64 / experts as f64,
        })
    }
}

impl Model {
    /// How many tokens went to each expert of each layer in the backward passes since this was last asked. Layers without experts
    /// have no numbers, and the last ones may be absent.
    pub fn take_expert_load(&self) -> Vec<Vec<i64>> {
        self.load.take()
    }

    /// The losses that even out the load of experts in the backward passes since this was last asked: their sum, each times the
    /// number of its tokens, and the sum of these numbers. Both are 0 where no loss was asked for.
    pub fn take_router_aux_loss(&self) -> [f64; 2] {
        std::mem::take(&mut *self.load.losses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn balance_loss(&self, weight: f64) -> Option<Arc<BalanceLoss>> {
        (weight != 0.0 && self.has_router_aux_loss()).then(|| BalanceLoss::new(weight))
    }

    /// Whether there is a loss that evens out the load of experts: where a softmax chooses them.
    pub fn has_router_aux_loss(&self) -> bool {
        self.has_experts() && self.config.sigmoid_routing.is_none()
    }

    /// Whether the model has experts.
    pub fn has_experts(&self) -> bool {
        self.config.num_experts > 0
    }

    /// Moves what is added to experts' scores where they are chosen, by `rate` each: up where an expert had fewer tokens than
    /// the mean of its layer, down where it had more. Does nothing where the model has no such correction, nor where an adapter
    /// is trained and the model stays as it is.
    pub fn move_router_biases(&self, load: &[Vec<i64>], rate: f64) {
        if self.has_adapter() || rate == 0.0 {
            return;
        }
        for (layer, counts) in load.iter().enumerate() {
            let [masters, values] = [&self.weights, &self.values].map(|weights| &weights.blocks[layer]);
            let Some(bias) = masters.perhaps(Place::RouterBias).filter(|_| !counts.is_empty()) else {
                continue;
            };
            let counts = Tensor::from_slice(counts).to_kind(Kind::Double);
            let steps = (counts.mean(Kind::Double) - counts).sign() * rate;
            no_grad(|| {
                let mut bias = bias.shallow_clone();
                bias += steps.to_kind(bias.kind()).to_device(bias.device());
                // The same memory, where the formats of parameters and of computing are the same.
                values.tensor(Place::RouterBias).shallow_clone().copy_(&bias);
            });
        }
    }
}

/// Adds up what several processes counted.
pub fn add_expert_loads(loads: impl IntoIterator<Item = Vec<Vec<i64>>>) -> Vec<Vec<i64>> {
    let mut sums: Vec<Vec<i64>> = Vec::new();
    for load in loads {
        sums.resize_with(load.len().max(sums.len()), Vec::new);
        sums.iter_mut().zip(&load).for_each(|(sum, counts)| add_up(sum, counts));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_of_processes_add_up_and_say_how_even_they_are() {
        let load = add_expert_loads([vec![vec![], vec![1, 0, 3]], vec![vec![], vec![1, 0, 1], vec![2, 2]]]);
        assert_eq!(load, [vec![], vec![2, 0, 4], vec![2, 2]]);
        let balance = Balance::of(&load).unwrap();
        assert_eq!((balance.max_violation, balance.unused), (0.5, 0.2));
        assert_eq!(Balance::of(&[vec![], vec![0, 0]]), None);
    }
}
