//! AdamW with gradient clipping, and the learning-rate schedules.
//!
//! The state is kept here rather than in tch's optimiser because a run must be resumable bit for bit, and that one can
//! neither give its state away nor take it back; the arithmetic is torch's fused kernel. Weights and gradients are
//! float32: a model that computes in bfloat16 keeps float32 parameters, which are the masters of its copies.

use gavel_torch::clear_gradient;
use gavel_torch::optim::{AdamWTensors, AdamWUpdate, adamw, norm};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// AdamW's constants, named as in `transformers.TrainingArguments`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWOptions {
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε, added to the root of the second moment.
    pub epsilon: f64,
    /// λ, decoupled from the gradient.
    pub weight_decay: f64,
    /// The global norm to which gradients are scaled down; 0 leaves them as they are.
    pub max_grad_norm: f64,
}

/// Decoupled weight decay Adam (Loshchilov and Hutter, [1711.05101](https://arxiv.org/abs/1711.05101), algorithm 2).
#[derive(Debug)]
pub struct AdamW {
    options: AdamWOptions,
    weights: Vec<Weight>,
    updates: i64,
}

/// One trained tensor and what the optimiser knows of it.
#[derive(Debug)]
struct Weight {
    name: String,
    decays: bool,
    parameter: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
}

/// A state that does not fit the weights it is given to.
#[derive(Debug, thiserror::Error)]
#[error("the optimiser state does not fit the model: `{name}` is {problem}")]
pub struct StateMismatch {
    /// The tensor that is missing or of another shape.
    pub name: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl AdamW {
    /// An optimiser of these named parameters, which must require gradients; its moments are zero.
    pub fn new(parameters: Vec<(String, Tensor)>, options: AdamWOptions) -> Self {
        let weights = parameters.into_iter().map(|(name, parameter)| Weight::new(name, parameter)).collect();
        Self { options, weights, updates: 0 }
    }

    /// Clips the gradients to `max_grad_norm`, updates the weights, and forgets the gradients.
    /// Returns the norm before clipping; when it is not finite, nothing is changed.
    ///
    /// ```text
    /// g ← g · min(1, max_grad_norm / (‖g‖ + 1e-6))
    /// m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
    /// θ ← θ − lr λ θ                 θ ← θ − lr (m / (1 − β₁ᵗ)) / (√v / √(1 − β₂ᵗ) + ε)
    /// ```
    ///
    /// λ is 0 for norms and biases, which [`decays`] tells by their names.
    pub fn step(&mut self, learning_rate: f64) -> f64 {
        let _no_grad = tch::no_grad_guard();
        if self.weights.is_empty() {
            return 0.0;
        }
        let gradients: Vec<Tensor> = self.weights.iter().map(Weight::gradient).collect();
        let norm = norm(&gradients.iter().collect::<Vec<_>>());
        // The norm decides on the device: to bring it to the host first would leave the device idle meanwhile.
        let max = self.options.max_grad_norm;
        let divisor = if max > 0.0 { ((&norm + 1e-6) / max).clamp_min(1.0) } else { norm.ones_like() };
        let (divisor, skip) =
            (divisor.to_kind(Kind::Float), norm.isfinite().logical_not().to_kind(Kind::Float));
        for decays in [true, false] {
            let mut tensors = AdamWTensors::default();
            for (weight, gradient) in self.weights.iter().zip(&gradients).filter(|(w, _)| w.decays == decays)
            {
                tensors.parameters.push(&weight.parameter);
                tensors.gradients.push(gradient);
                tensors.first_moments.push(&weight.first_moment);
                tensors.second_moments.push(&weight.second_moment);
            }
            adamw(&tensors, &self.update(learning_rate, decays), &divisor, &skip);
        }
        let norm = norm.double_value(&[]);
        if norm.is_finite() {
            self.updates += 1;
            self.forget_gradients();
        }
        norm
    }

    /// The numbers of the next update.
    fn update(&self, learning_rate: f64, decays: bool) -> AdamWUpdate {
        let AdamWOptions { beta1, beta2, epsilon, weight_decay, .. } = self.options;
        let weight_decay = if decays { weight_decay } else { 0.0 };
        AdamWUpdate { step: self.updates + 1, learning_rate, beta1, beta2, epsilon, weight_decay }
    }

    /// Forgets the gradients, as after an update; of one that is skipped, say.
    pub fn forget_gradients(&self) {
        for weight in &self.weights {
            clear_gradient(&weight.parameter);
        }
    }

    /// What is trained.
    pub(crate) fn parameters(&self) -> Vec<&Tensor> {
        self.weights.iter().map(|weight| &weight.parameter).collect()
    }

    /// How many updates were made.
    pub fn updates(&self) -> i64 {
        self.updates
    }

    /// Everything that [`AdamW::restore`] needs besides [`AdamW::updates`], by name.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = Vec::new();
        for weight in &self.weights {
            state.push((format!("first_moment.{}", weight.name), weight.first_moment.shallow_clone()));
            state.push((format!("second_moment.{}", weight.name), weight.second_moment.shallow_clone()));
        }
        state
    }

    /// Continues where [`AdamW::state`] and [`AdamW::updates`] were taken. The parameters must be those of then.
    ///
    /// # Errors
    ///
    /// If a tensor is missing or of another shape.
    pub fn restore(&mut self, state: Vec<(String, Tensor)>, updates: i64) -> Result<(), StateMismatch> {
        let _no_grad = tch::no_grad_guard();
        let state = std::collections::HashMap::from_iter(state);
        for weight in &mut self.weights {
            copy_state(&state, "first_moment", &weight.name, &mut weight.first_moment)?;
            copy_state(&state, "second_moment", &weight.name, &mut weight.second_moment)?;
        }
        self.updates = updates;
        Ok(())
    }
}

impl Weight {
    fn new(name: String, parameter: Tensor) -> Self {
        let first_moment = parameter.detach().zeros_like();
        let second_moment = first_moment.zeros_like();
        Self { decays: decays(&name), name, parameter, first_moment, second_moment }
    }

    /// The accumulated gradient: zero where no loss has depended on the weight, so that the moments fade all the
    /// same, whether or not there has been a gradient before in this process.
    fn gradient(&self) -> Tensor {
        let gradient = self.parameter.grad();
        if gradient.defined() { gradient } else { self.first_moment.zeros_like() }
    }
}

/// Whether weight decay applies to a parameter: to all but norms and biases, as in `transformers`
/// (`Trainer.get_decay_parameter_names`).
pub fn decays(name: &str) -> bool {
    !(name.ends_with("bias") || name.ends_with("norm.weight"))
}

fn copy_state(
    state: &std::collections::HashMap<String, Tensor>,
    kind: &str,
    name: &str,
    target: &mut Tensor,
) -> Result<(), StateMismatch> {
    let name = format!("{kind}.{name}");
    let Some(source) = state.get(&name) else { return Err(StateMismatch { name, problem: "missing" }) };
    if source.size() != target.size() {
        return Err(StateMismatch { name, problem: "of another shape" });
    }
    target.copy_(source);
    Ok(())
}

/// How the learning rate changes over a run, named as in `transformers.SchedulerType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LrSchedulerType {
    /// Always the same, warm-up or not.
    Constant,
    /// The same after a linear warm-up.
    ConstantWithWarmup,
    /// Linear warm-up, then linear to 0.
    Linear,
    /// Linear warm-up, then half a cosine to 0.
    Cosine,
}

impl LrSchedulerType {
    /// What `learning_rate` is multiplied by in update `update` (from 0) of `updates`, of which `warmup` are warm-up.
    pub fn factor(self, update: i64, warmup: i64, updates: i64) -> f64 {
        if update < warmup && self != Self::Constant {
            return update as f64 / warmup as f64;
        }
        let progress = (update - warmup) as f64 / (updates - warmup).max(1) as f64;
        match self {
            Self::Constant | Self::ConstantWithWarmup => 1.0,
            Self::Linear => (1.0 - progress).max(0.0),
            Self::Cosine => (0.5 * (1.0 + (std::f64::consts::PI * progress).cos())).max(0.0),
        }
    }
}
