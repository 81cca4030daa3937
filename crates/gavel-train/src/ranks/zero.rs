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
