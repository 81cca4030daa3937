//! Tensors that travel together: one message for many small ones, and large ones as they lie.

use tch::Tensor;

/// Bytes of a bucket: enough for the network to be busy, and few enough for one to be filled while another travels.
pub(super) const BYTES: usize = 32 << 20;

/// Tensors of one kind on one device, in a row.
pub(super) struct Bucket<'t> {
    tensors: Vec<&'t Tensor>,
    /// Copies of them one after the other; `None` of a tensor that is alone, and travels as it lies.
    flat: Option<Tensor>,
}

/// Splits tensors, in order, into buckets of at most so many bytes; one that is larger is alone in one.
pub(super) fn split<'t>(tensors: &[&'t Tensor], most: usize) -> Vec<Vec<&'t Tensor>> {
    let mut buckets: Vec<Vec<&Tensor>> = Vec::new();
    let mut bytes = 0;
    for &tensor in tensors {
        let own = tensor.numel() * tensor.kind().elt_size_in_bytes();
        match buckets.last_mut() {
            Some(bucket) if bytes + own <= most && alike(bucket[0], tensor) => bucket.push(tensor),
            _ => {
                buckets.push(vec![tensor]);
                bytes = 0;
            }
        }
        bytes += own;
    }
    buckets
}

fn alike(one: &Tensor, other: &Tensor) -> bool {
    (one.kind(), one.device()) == (other.kind(), other.device())
}

impl<'t> Bucket<'t> {
    /// A bucket of these tensors, filled.
    pub(super) fn fill(tensors: Vec<&'t Tensor>) -> Self {
        let flat = (tensors.len() > 1).then(|| {
            let parts: Vec<Tensor> = tensors.iter().map(|tensor| tensor.detach().view([-1])).collect();
            Tensor::cat(&parts, 0)
        });
        Self { tensors, flat }
    }

    /// What travels.
    pub(super) fn tensor(&self) -> &Tensor {
        self.flat.as_ref().unwrap_or(self.tensors[0])
    }

    /// Copies what came back to where the tensors lie.
    pub(super) fn empty(self) {
        let Some(flat) = self.flat else { return };
        let mut first = 0;
        for tensor in self.tensors {
            let count = tensor.numel() as i64;
            tensor.detach().copy_(&flat.narrow(0, first, count).view_as(tensor));
            first += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn small_tensors_share_a_bucket_and_a_large_one_is_alone() {
        let of = |elements: i64, kind: Kind| Tensor::zeros([elements], (kind, Device::Cpu));
        let sizes = [2, 1, 9, 1, 1].map(|elements| of(elements, Kind::Float));
        let tensors: Vec<&Tensor> = sizes.iter().collect();
        let split = split(&tensors, 12).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(split, [2, 1, 2]);
        let kinds = [of(1, Kind::Float), of(1, Kind::Double)];
        assert_eq!(super::split(&[&kinds[0], &kinds[1]], 100).len(), 2, "one kind in a bucket");
    }

    #[test]
    fn what_is_filled_comes_back_where_it_lay() {
        let (a, b) = (Tensor::from_slice(&[1.0f32, 2.0]), Tensor::from_slice(&[3.0f32]).view([1, 1]));
        let bucket = Bucket::fill(vec![&a, &b]);
        let _ = bucket.tensor().shallow_clone().g_mul_scalar_(2.0);
        bucket.empty();
        assert_eq!((a.double_value(&[1]), b.double_value(&[0, 0])), (4.0, 6.0));
    }
}
