//! The loss that evens out the load of experts ([2101.03961](https://arxiv.org/abs/2101.03961), §2.2), over all layers at once, as
//! `transformers` computes it: with E experts, `E Σ f · p`, where f is the share of a token that an expert gets, and p the
//! mean of its probability.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gavel_torch::{differentiable, only};
use tch::{Kind, Tensor, no_grad};

/// The loss of one forward pass, which has its value and its gradient when all layers have been counted.
#[derive(Debug)]
pub(crate) struct BalanceLoss {
    /// What its gradient is multiplied by.
    weight: f64,
    sums: Mutex<Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    /// Tokens of each expert.
    counts: Vec<f64>,
    /// The sum of the probabilities of each expert, `(E)`; `None` before the first layer.
    probabilities: Option<Tensor>,
    /// Tokens, each counted in every layer.
    rows: f64,
}

impl BalanceLoss {
    pub(crate) fn new(weight: f64) -> Arc<Self> {
        Arc::new(Self { weight, sums: Mutex::default() })
    }

    /// Counts a layer, by the router's `logits` `(N, E)` and how many tokens each expert got.
    pub(crate) fn count(&self, logits: &Tensor, counts: &[i64]) {
        let of_layer = no_grad(|| probabilities(logits).sum_dim_intlist([0i64].as_slice(), false, None));
        let mut sums = self.sums();
        sums.counts.resize(counts.len(), 0.0);
        sums.counts.iter_mut().zip(counts).for_each(|(sum, &count)| *sum += count as f64);
        sums.probabilities = Some(match sums.probabilities.take() {
            Some(others) => others + of_layer,
            None => of_layer,
        });
        sums.rows += logits.size()[0] as f64;
    }

    /// `logits` as they are, to whose gradient that of the loss is added.
    pub(crate) fn attach(self: &Arc<Self>, logits: &Tensor) -> Tensor {
        let (output, kept, loss) = (logits.detach(), logits.detach(), Arc::clone(self));
        only(differentiable(&[logits], &[&output], move |gradients| {
            let own = loss.gradient(&kept);
            vec![Some(match &gradients[0] {
                Some(of_others) => of_others + own,
                None => own,
            })]
        }))
    }

    /// The loss, and of how many tokens it is, each counted in every layer; `None` where nothing was counted.
    pub(crate) fn value(&self) -> Option<[f64; 2]> {
        let sums = self.sums();
        let probabilities = sums.probabilities.as_ref()?.to_kind(Kind::Double);
        let value = (sums.shares(&probabilities) * &probabilities).sum(Kind::Double).double_value(&[]);
        Some([value / sums.rows, sums.rows])
    }

    /// The gradient by the logits of a layer.
    fn gradient(&self, logits: &Tensor) -> Tensor {
        let sums = self.sums();
        let probabilities = probabilities(logits);
        let by_each = sums.shares(&probabilities) * (self.weight / sums.rows);
        let along = (&probabilities * &by_each).sum_dim_intlist([-1i64].as_slice(), true, None);
        (&probabilities * (by_each - along)).to_kind(logits.kind())
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    /// E · f, `(E)`, in the format and place of `like`.
    fn shares(&self, like: &Tensor) -> Tensor {
        let shares = Tensor::from_slice(&self.counts) * (self.counts.len() as f64 / self.rows);
        shares.to_kind(like.kind()).to_device(like.device())
    }
}

fn probabilities(logits: &Tensor) -> Tensor {
    logits.softmax(-1, if logits.kind() == Kind::Double { Kind::Double } else { Kind::Float })
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn two_layers_have_the_loss_and_gradient_of_autograd() {
        let random = || Tensor::randn([5, 3], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let layers = [random(), random()];
        let counts = [[4, 1, 5], [0, 10, 0]];
        let shares = Tensor::from_slice(&[4.0, 11.0, 5.0]) / 10.0;
        let all = Tensor::cat(&layers.each_ref().map(|logits| logits.softmax(-1, Kind::Double)), 0);
        let expected = (all.mean_dim([0i64].as_slice(), false, None) * shares).sum(Kind::Double) * 3.0;
        (&expected * 0.7 + layers[0].sum(Kind::Double)).backward();
        let gradients = layers.each_ref().map(|logits| logits.grad().copy());

        let loss = BalanceLoss::new(0.7);
        for logits in &layers {
            let _ = logits.grad().zero_();
        }
        let attached = layers.each_ref().map(|logits| loss.attach(logits));
        layers.iter().zip(&counts).for_each(|(logits, counts)| loss.count(logits, counts));
        (attached[0].sum(Kind::Double) + attached[1].sum(Kind::Double) * 0.0).backward();
        let [value, rows] = loss.value().unwrap();
        assert!((value - expected.double_value(&[])).abs() < 1e-12 && rows == 10.0);
        for (logits, expected) in layers.iter().zip(&gradients) {
            assert!(logits.grad().allclose(expected, 1e-10, 1e-10, false));
        }
    }
}
