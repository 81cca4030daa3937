//! Moments that ranks share: stage 1 of ZeRO ([1910.02054](https://arxiv.org/abs/1910.02054) §5.1).
//!
//! Each rank updates the parameters whose moments it has, and gives them to the others. Whole tensors are shared out, as in
//! torch's `ZeroRedundancyOptimizer`, so the arithmetic of an update is that of one process.

use std::ops::Range;

use gavel_torch::distributed::ProcessGroup;
use tch::{Device, Tensor};

use super::{Ranks, shares};
use crate::TrainError;
use crate::optim::{AdamW, AdamWOptions};

/// Whether each rank has the moments of all parameters, or of its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moments {
    /// Of all.
    Whole,
    /// Of a share.
    Shared,
}

impl Ranks {
    /// An optimiser of these parameters.
    pub(crate) fn optimizer(
        &self,
        parameters: Vec<(String, Tensor)>,
        options: AdamWOptions,
        moments: Moments,
    ) -> AdamW {
        match moments {
            Moments::Whole => AdamW::new(parameters, options),
            Moments::Shared => {
                let own = self.share_by_weight(&elements(parameters.iter().map(|(_, tensor)| tensor)));
                AdamW::of_share(parameters, options, own)
            }
        }
    }

    /// After an update, gives every rank the parameters that others have updated.
    pub(crate) fn spread_parameters(&self, optimizer: &AdamW) -> Result<(), TrainError> {
        let Some(group) = self.group_of_shares(optimizer) else { return Ok(()) };
        let parameters = optimizer.parameters();
        for (owner, share) in self.shares_of(&parameters).enumerate() {
            group.broadcast(&parameters[share], owner)?;
        }
        Ok(())
    }

    /// The moments of all parameters for a checkpoint, where this rank keeps the records; on others there is nothing to keep.
    pub(crate) fn moments(&self, optimizer: &AdamW) -> Result<Vec<(String, Tensor)>, TrainError> {
        let Some(group) = self.group_of_shares(optimizer) else { return Ok(optimizer.state()) };
        let parameters = optimizer.parameters();
        let owners =
            self.shares_of(&parameters).enumerate().flat_map(|(owner, share)| share.map(move |_| owner));
        let mut kept = Vec::new();
        for ((moments, parameter), owner) in optimizer.moments().zip(&parameters).zip(owners) {
            for (name, own) in moments {
                // Over the CPU, one after the other: no card has room for all of them.
                let moment = match own {
                    Some(own) => own.to_device(Device::Cpu).contiguous(),
                    None => Tensor::zeros(parameter.size(), (parameter.kind(), Device::Cpu)),
                };
                group.broadcast(&[&moment], owner)?;
                kept.extend(self.keeps_records().then_some((name, moment)));
            }
        }
        Ok(kept)
    }

    /// The group, where it shares the moments of this optimiser.
    fn group_of_shares(&self, optimizer: &AdamW) -> Option<&ProcessGroup> {
        self.group.as_ref().filter(|group| group.size() > 1 && optimizer.is_shared())
    }

    /// Which parameters are whose, by rank.
    fn shares_of(&self, parameters: &[&Tensor]) -> impl Iterator<Item = Range<usize>> {
        let (elements, size) = (elements(parameters.iter().copied()), self.size());
        (0..size).map(move |rank| shares::by_weight(&elements, rank, size))
    }
}

fn elements<'t>(tensors: impl Iterator<Item = &'t Tensor>) -> Vec<usize> {
    tensors.map(Tensor::numel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn an_optimiser_with_a_share_updates_it_alone_by_the_norm_of_all() {
        let parameters: Vec<(String, Tensor)> = ["a.weight", "b.weight", "c.weight"]
            .map(|name| (name.to_owned(), Tensor::from_slice(&[1.0f32, 1.0]).set_requires_grad(true)))
            .into();
        let sums: Vec<Tensor> = parameters.iter().map(|(_, parameter)| parameter.sum(None)).collect();
        Tensor::stack(&sums, 0).sum(None).backward();
        let tensors: Vec<Tensor> =
            parameters.iter().map(|(_, parameter)| parameter.shallow_clone()).collect();
        let mut optimizer = AdamW::of_share(parameters, Settings::default().adamw(), 1..2);
        assert!((optimizer.step(0.1) - 6.0f64.sqrt()).abs() < 1e-6);
        let moved = tensors.iter().map(|tensor| tensor.double_value(&[0]) != 1.0).collect::<Vec<_>>();
        assert_eq!(moved, [false, true, false]);
        let names: Vec<String> = optimizer.state().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["first_moment.b.weight", "second_moment.b.weight"]);
        assert!(optimizer.is_shared() && optimizer.moments().count() == 3);
    }
}
