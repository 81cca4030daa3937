//! Numbers on their way to the device, without waiting for it.

use gavel_torch::cuda::{Cuda, CudaError, Pinned};
use tch::{Kind, Tensor};

/// Arrays begin at multiples of so many numbers: 16 bytes.
const ALIGNMENT: usize = 4;

/// Memory of the host and of the device for some arrays of integers that are sent together.
#[derive(Debug)]
pub(super) struct Upload {
    cuda: Cuda,
    host: Pinned<i32>,
    device: Tensor,
}

impl Upload {
    /// Room for arrays of these lengths, or of others that need no more.
    pub(super) fn new(cuda: &Cuda, lengths: &[usize]) -> Result<Self, CudaError> {
        let total: usize = lengths.iter().map(|length| length.next_multiple_of(ALIGNMENT)).sum();
        let device = Tensor::zeros([total as i64], (Kind::Int, cuda.device()));
        Ok(Self { cuda: cuda.clone(), host: cuda.pinned(total)?, device })
    }

    /// Enqueues a copy of the arrays, and gives them on the device: at the same addresses whenever the lengths are the same,
    /// and until arrays are sent the next time.
    pub(super) fn send(&mut self, arrays: &[&[i32]]) -> Vec<Tensor> {
        let host = self.host.as_mut_slice();
        let mut begin = 0;
        let places: Vec<_> = arrays
            .iter()
            .map(|array| {
                let place = begin;
                host[place..place + array.len()].copy_from_slice(array);
                begin += array.len().next_multiple_of(ALIGNMENT);
                (place as i64, array.len() as i64)
            })
            .collect();
        self.host.copy_to(&self.device, begin, self.cuda.current_stream());
        places.into_iter().map(|(begin, length)| self.device.narrow(0, begin, length)).collect()
    }
}
