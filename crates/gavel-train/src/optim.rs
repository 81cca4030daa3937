//! AdamW with gradient clipping, and the learning-rate schedules.
//!
//! The state is kept here rather than in tch's optimiser because a run must be resumable bit for bit, and that one can
//! neither give its state away nor take it back; the arithmetic is torch's fused kernel. Weights and gradients are
//! float32: a model that computes in bfloat16 keeps float32 parameters, which are the masters of its copies.

use std::ops::Range;

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
    /// Whether other processes have moments that are not here; a share may be empty, or all there is.
    shared: bool,
    updates: i64,
}

/// One trained tensor and what the optimiser knows of it.
#[derive(Debug)]
struct Weight {
    name: String,
    decays: bool,
    parameter: Tensor,
    /// `None` of one that another process updates.
    moments: Option<Moments>,
}

#[derive(Debug)]
struct Moments {
    first: Tensor,
    second: Tensor,
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
        let all = 0..parameters.len();
        Self { shared: false, ..Self::of_share(parameters, options, all) }
    }

    /// An optimiser that has the moments of some of these parameters, and updates those alone; gradients of all count in the
    /// norm.
    pub(crate) fn of_share(
        parameters: Vec<(String, Tensor)>,
        options: AdamWOptions,
        own: Range<usize>,
    ) -> Self {
        let weight = |(place, (name, parameter)): (usize, (String, Tensor))| {
            let moments = own.contains(&place).then(|| Moments::zeros_for(&parameter));
            Weight { decays: decays(&name), name, parameter, moments }
        };
        let weights = parameters.into_iter().enumerate().map(weight).collect();
        Self { options, weights, shared: true, updates: 0 }
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
                let Some(moments) = &weight.moments else { continue };
                tensors.parameters.push(&weight.parameter);
                tensors.gradients.push(gradient);
                tensors.first_moments.push(&moments.first);
                tensors.second_moments.push(&moments.second);
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

    /// Whether it has the moments of a share of the parameters alone.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// How many updates were made.
    pub fn updates(&self) -> i64 {
        self.updates
    }

    /// The moments of each parameter, the first and the second, by the names that [`AdamW::restore`] knows them by; `None` for
    /// those of another process.
    pub(crate) fn moments(&self) -> impl Iterator<Item = [(String, Option<&Tensor>); 2]> {
        self.weights.iter().map(|weight| {
            let moments = weight.moments.as_ref();
            [
                (moment_name("first", &weight.name), moments.map(|moments| &moments.first)),
                (moment_name("second", &weight.name), moments.map(|moments| &moments.second)),
            ]
        })
    }

    /// Everything that [`AdamW::restore`] needs besides [`AdamW::updates`], by name; of several processes that share the
    /// moments, those of this one.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let known = |(name, moment): (String, Option<&Tensor>)| Some((name, moment?.shallow_clone()));
        self.moments().flatten().filter_map(known).collect()
    }

    /// Continues where [`AdamW::state`] and [`AdamW::updates`] were taken, by however many processes. The parameters must be
    /// those of then.
    ///
    /// # Errors
    ///
    /// If a tensor is missing or of another shape.
    pub fn restore(&mut self, state: Vec<(String, Tensor)>, updates: i64) -> Result<(), StateMismatch> {
        let _no_grad = tch::no_grad_guard();
        let state = std::collections::HashMap::from_iter(state);
        for weight in &mut self.weights {
            let Some(moments) = &mut weight.moments else { continue };
            copy_state(&state, moment_name("first", &weight.name), &mut moments.first)?;
            copy_state(&state, moment_name("second", &weight.name), &mut moments.second)?;
        }
        self.updates = updates;
        Ok(())
    }
}

impl Weight {
    /// The accumulated gradient: zero where no loss has depended on the weight, so that the moments fade all the
    /// same, whether or not there has been a gradient before in this process.
    fn gradient(&self) -> Tensor {
        let gradient = self.parameter.grad();
        if gradient.defined() { gradient } else { self.parameter.detach().zeros_like() }
    }
}

impl Moments {
    fn zeros_for(parameter: &Tensor) -> Self {
        let first = parameter.detach().zeros_like();
        Self { second: first.zeros_like(), first }
    }
}

fn moment_name(which: &str, parameter: &str) -> String {
    format!("{which}_moment.{parameter}")
}

/// Whether weight decay applies to a parameter: to all but norms and biases, as in `transformers`
/// (`Trainer.get_decay_parameter_names`).
pub fn decays(name: &str) -> bool {
    !(name.ends_with("bias") || name.ends_with("norm.weight"))
}

fn copy_state(
    state: &std::collections::HashMap<String, Tensor>,
    name: String,
    target: &mut Tensor,
) -> Result<(), StateMismatch> {
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
