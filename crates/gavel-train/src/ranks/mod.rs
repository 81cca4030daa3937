//! The processes that train together: which part of the work is whose, and what they tell each other.
//!
//! Every rank knows every completion of a step with its score: each samples a share, and all gather them. So whatever
//! compares completions computes the same everywhere, and denominators are those of the whole. Each learns from a share
//! again, and gradients are added up. A process that trains alone has the whole share, and nobody to tell.

mod failure;
mod shares;
mod wire;
mod zero;

use std::ops::Range;

use gavel_torch::distributed::{ProcessGroup, Reduction, Rendezvous, Timeouts};
use gavel_torch::{DeviceChoice, select_device_of_rank};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::{Device, Kind, Tensor};

use crate::TrainError;
pub(crate) use wire::SampleForm;
pub use zero::Moments;

/// The processes of a run, and which of them this one is.
#[derive(Debug)]
pub struct Ranks {
    group: Option<ProcessGroup>,
    /// Of this process among those of its machine.
    local_rank: usize,
}

impl Ranks {
    /// One process.
    pub fn alone() -> Self {
        Self { group: None, local_rank: 0 }
    }

    /// Those that meet at `rendezvous`, each to compute on the device that `device` means for it; see
    /// [`select_device_of_rank`].
    ///
    /// # Errors
    /// When there is no such device, or not all of them come.
    pub fn open(
        rendezvous: &Rendezvous,
        device: DeviceChoice,
        timeouts: Timeouts,
    ) -> Result<Self, TrainError> {
        let device = select_device_of_rank(device, rendezvous.local_rank)?;
        let group = ProcessGroup::open(rendezvous, device, timeouts)?;
        Ok(Self { group: Some(group), local_rank: rendezvous.local_rank })
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.group.as_ref().map_or(1, ProcessGroup::size)
    }

    fn rank(&self) -> usize {
        self.group.as_ref().map_or(0, ProcessGroup::rank)
    }

    /// Waits until all have come here.
    ///
    /// # Errors
    /// When one of them has ended.
    pub fn wait_for_all(&self) -> Result<(), TrainError> {
        self.group.as_ref().map_or(Ok(()), |group| Ok(group.barrier()?))
    }

    /// The device that this process computes on.
    pub(crate) fn select_device(&self, choice: DeviceChoice) -> Result<Device, TrainError> {
        Ok(select_device_of_rank(choice, self.local_rank)?)
    }

    /// Whether this is the one that keeps the records of the run.
    pub(crate) fn keeps_records(&self) -> bool {
        self.rank() == 0
    }

    /// Which of so many things in a row are this rank's; those of all ranks are the whole, and differ by one at most.
    pub(crate) fn share(&self, count: usize) -> Range<usize> {
        shares::even(count, self.rank(), self.size())
    }

    /// Which of some things in a row are this rank's, so that all ranks have about the same weight.
    pub(crate) fn share_by_weight(&self, weights: &[usize]) -> Range<usize> {
        shares::by_weight(weights, self.rank(), self.size())
    }

    /// What each rank has, by rank.
    pub(crate) fn each<T: Serialize + DeserializeOwned>(&self, own: T) -> Result<Vec<T>, TrainError> {
        let Some(group) = &self.group else { return Ok(vec![own]) };
        let bytes = postcard::to_allocvec(&own).expect("numbers, texts and lists of them");
        let all = group.gather(&bytes)?;
        Ok(all
            .iter()
            .map(|bytes| postcard::from_bytes(bytes).expect("what a rank of this program wrote"))
            .collect())
    }

    /// What all ranks have, in their order.
    pub(crate) fn all<T: Serialize + DeserializeOwned>(&self, own: Vec<T>) -> Result<Vec<T>, TrainError> {
        Ok(self.each(own)?.into_iter().flatten().collect())
    }

    /// The numbers of all ranks, in their order, `(n)`, and which of them are this rank's.
    pub(crate) fn all_numbers(&self, own: &Tensor) -> Result<(Tensor, Range<i64>), TrainError> {
        let Some(_) = &self.group else { return Ok((own.shallow_clone(), 0..own.size()[0])) };
        let numbers: Vec<f32> = Vec::try_from(own.to_kind(Kind::Float)).expect("a vector of numbers");
        let each = self.each(numbers)?;
        let count = |numbers: &Vec<f32>| numbers.len() as i64;
        let start = each[..self.rank()].iter().map(count).sum::<i64>();
        let all = Tensor::from_slice(&each.concat()).to_kind(own.kind()).to_device(own.device());
        Ok((all, start..start + own.size()[0]))
    }

    /// Whether it is so on any rank.
    pub(crate) fn any(&self, own: bool) -> Result<bool, TrainError> {
        let Some(group) = &self.group else { return Ok(own) };
        Ok(group.gather_numbers(i64::from(own))?.contains(&1))
    }

    /// Makes sure that all ranks have the same of `what`, by a digest of it.
    pub(crate) fn agree(&self, what: &str, digest: impl FnOnce() -> u64) -> Result<(), TrainError> {
        self.group.as_ref().map_or(Ok(()), |group| Ok(group.agree(what, digest())?))
    }

    /// Adds the gradients of all ranks up, in float32, on every rank; of a parameter that has none, it is 0.
    pub(crate) fn add_gradients(&self, parameters: &[&Tensor]) -> Result<(), TrainError> {
        let Some(group) = &self.group else { return Ok(()) };
        let gradients: Vec<Tensor> =
            tch::no_grad(|| parameters.iter().map(|parameter| gradient(parameter)).collect());
        group.all_reduce(&gradients.iter().collect::<Vec<_>>(), Reduction::Sum)?;
        for (parameter, gradient) in parameters.iter().zip(&gradients) {
            gavel_torch::set_gradient(parameter, gradient);
        }
        Ok(())
    }
}

/// The gradient of a parameter as it lies, or zeros where there is none.
fn gradient(parameter: &Tensor) -> Tensor {
    let gradient = parameter.grad();
    if gradient.defined() { gradient.contiguous() } else { parameter.detach().zeros_like().contiguous() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_the_whole() {
        let alone = Ranks::alone();
        assert_eq!((alone.size(), alone.share(7), alone.share_by_weight(&[3, 0, 9])), (1, 0..7, 0..3));
        assert_eq!(alone.all(vec![1, 2]).unwrap(), [1, 2]);
        assert!(alone.any(true).unwrap() && !alone.any(false).unwrap());
        let numbers = Tensor::from_slice(&[1.0f32, 2.0]);
        assert_eq!(alone.all_numbers(&numbers).unwrap().1, 0..2);
    }
}
