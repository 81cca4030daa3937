//! Holds `grpo.rs` and `optim.rs` against TRL and torch: numbers from `tests/golden/grpo.json`.

#[path = "golden/objectives.rs"]
mod objectives;

use gavel_train::grpo::{
    self, BatchSize, GroupEstimator, ImportanceSamplingLevel, KlEstimator, LossSums, LossType, MicroBatch,
    Objective, Picks, ScaleRewards, Survey,
};
use gavel_train::optim::{AdamW, AdamWOptions, LrSchedulerType};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

const TOLERANCE: f64 = 1e-6;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/grpo.json")).unwrap()
}

/// A tensor of doubles from nested arrays; `null` is NaN.
fn tensor(value: &Value) -> Tensor {
    fn flatten(value: &Value, depth: usize, shape: &mut Vec<i64>, numbers: &mut Vec<f64>) {
        match value {
            Value::Array(items) => {
                if shape.len() == depth {
                    shape.push(items.len() as i64);
                }
                items.iter().for_each(|item| flatten(item, depth + 1, shape, numbers));
            }
            number => numbers.push(number.as_f64().unwrap_or(f64::NAN)),
        }
    }
    let (mut shape, mut numbers) = (Vec::new(), Vec::new());
    flatten(value, 0, &mut shape, &mut numbers);
    Tensor::from_slice(&numbers).reshape(&shape)
}

fn option<T: serde::de::DeserializeOwned>(options: &Value, name: &str) -> T {
    serde_json::from_value(options[name].clone()).unwrap()
}

#[track_caller]
fn assert_close(found: &Tensor, wanted: &Tensor, what: &str) {
    assert_eq!(found.size(), wanted.size(), "{what}");
    let difference = (found - wanted).abs().max().double_value(&[]);
    assert!(difference <= TOLERANCE, "{what}: off by {difference}");
}

#[track_caller]
fn assert_number(found: f64, wanted: &Value, what: &str) {
    let wanted = wanted.as_f64().unwrap();
    assert!((found - wanted).abs() <= TOLERANCE, "{what}: {found}, wanted {wanted}");
}

/// GRPO's own advantages, which lengths have no part in.
fn of_grpo(rewards: &Tensor, scale: ScaleRewards) -> Tensor {
    grpo::advantages(rewards, &rewards.ones_like(), GroupEstimator::Grpo, scale)
}

#[test]
fn advantages_are_those_of_trl() {
    let golden = &golden()["advantages"];
    let rewards = tensor(&golden["rewards"]);
    for case in golden["cases"].as_array().unwrap() {
        let scale: ScaleRewards = option(case, "scale_rewards");
        let what = format!("{scale:?}");
        assert_close(&of_grpo(&rewards, scale), &tensor(&case["advantages"]), &what);
        let zero = grpo::frac_reward_zero_std(&rewards, scale);
        assert_number(zero, &case["frac_reward_zero_std"], &what);
    }
}

/// The golden batch, and the sizes that go with it.
struct Batch {
    log_probs: Tensor,
    old_log_probs: Tensor,
    reference_log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    entropies: Tensor,
    picks: Picks,
}

impl Batch {
    fn golden(golden: &Value) -> Self {
        let field = |name: &str| tensor(&golden["batch"][name]);
        Self {
            log_probs: field("log_probs"),
            old_log_probs: field("old_log_probs"),
            reference_log_probs: field("reference_log_probs"),
            advantages: field("advantages"),
            mask: field("mask"),
            entropies: match &golden["batch"]["entropies"] {
                Value::Null => field("mask").zeros_like(),
                entropies => tensor(entropies),
            },
            picks: Picks::default(),
        }
    }

    fn rows(&self, rows: &[i64]) -> Self {
        let rows = Tensor::from_slice(rows);
        let select = |tensor: &Tensor| tensor.index_select(0, &rows);
        Self {
            log_probs: select(&self.log_probs),
            old_log_probs: select(&self.old_log_probs),
            reference_log_probs: select(&self.reference_log_probs),
            advantages: select(&self.advantages),
            mask: select(&self.mask),
            entropies: select(&self.entropies),
            picks: self.picks.map(select),
        }
    }

    /// With the tokens that the objective singles out among those that count.
    fn picked(mut self, objective: &Objective) -> Self {
        let counts = self.mask.to_kind(Kind::Bool);
        let flat = |of: &Tensor| of.masked_select(&counts);
        let advantages = self.advantages.unsqueeze(-1).expand_as(&self.mask);
        let survey = Survey {
            log_probs: &flat(&self.log_probs),
            old_log_probs: &flat(&self.old_log_probs),
            entropies: &flat(&self.entropies),
            advantages: &flat(&advantages),
            seed: 0,
        };
        let picks = Picks::of(&survey, objective);
        self.picks = picks.map(|picked| self.mask.zeros_like().masked_scatter(&counts, picked));
        self
    }

    /// The loss, and its gradient by the log-probabilities.
    fn loss(&self, objective: &Objective, size: &BatchSize, on_policy: bool) -> (grpo::Loss, Tensor) {
        let (loss, gradient, _) = self.loss_and_gradients(objective, size, on_policy);
        (loss, gradient)
    }

    /// The loss, and its gradients by log-probabilities and by entropies; undefined where it does not look at these.
    fn loss_and_gradients(
        &self,
        objective: &Objective,
        size: &BatchSize,
        on_policy: bool,
    ) -> (grpo::Loss, Tensor, Tensor) {
        let entropies = self.entropies.detach().copy().set_requires_grad(true);
        let log_probs = self.log_probs.detach().copy().set_requires_grad(true);
        let batch = MicroBatch {
            log_probs: &log_probs,
            old_log_probs: (!on_policy).then_some(&self.old_log_probs),
            reference_log_probs: Some(&self.reference_log_probs),
            advantages: &self.advantages,
            mask: &self.mask,
            entropies: Some(&entropies),
            picks: &self.picks,
        };
        let loss = grpo::loss(&batch, objective, size);
        loss.loss.backward();
        (loss, log_probs.grad(), entropies.grad())
    }
}

fn objective(options: &Value) -> Objective {
    let number = |name: &str| options[name].as_f64().unwrap_or(0.0);
    Objective {
        loss_type: option(options, "loss_type"),
        importance_sampling_level: option(options, "importance_sampling_level"),
        epsilon: option(options, "epsilon"),
        epsilon_high: option(options, "epsilon_high"),
        delta: option(options, "delta"),
        beta: option(options, "beta"),
        use_bias_correction_kl: option(options, "use_bias_correction_kl"),
        surrogate: match options.get("surrogate") {
            Some(name) => serde_json::from_value(name.clone()).unwrap(),
            None => option::<LossType>(options, "loss_type").surrogate(),
        },
        kl_estimator: KlEstimator::K3,
        kl_clamp: false,
        sapo_temperature_pos: 1.0,
        sapo_temperature_neg: 1.05,
        vespo_pos: (2.0, 3.0),
        vespo_neg: (3.0, 2.0),
        off_policy_mask_threshold: options["off_policy_mask_threshold"].as_f64(),
        clip_cov_ratio: options["clip_cov_ratio"].as_f64().unwrap_or(1.0),
        clip_cov_bounds: (number("clip_cov_lb"), number("clip_cov_ub")),
        kl_cov_ratio: options["kl_cov_ratio"].as_f64().unwrap_or(1.0),
        ppo_kl_coef: number("ppo_kl_coef"),
        entropy_coef: number("entropy_coef"),
        top_entropy_quantile: options["top_entropy_quantile"].as_f64().unwrap_or(1.0),
        max_completion_length: option(options, "max_completion_length"),
    }
}

fn batch_size(batch: &Batch, options: &Value) -> BatchSize {
    let completions = batch.mask.size()[0];
    BatchSize {
        completions,
        tokens: batch.mask.sum(Kind::Double).double_value(&[]),
        generation_completions: completions * option::<i64>(options, "steps_per_generation"),
        generation_tokens: option(options, "generation_tokens"),
        entropy_tokens: match &batch.picks.high_entropy {
            Some(picked) => picked.sum(Kind::Double).double_value(&[]),
            None => batch.mask.sum(Kind::Double).double_value(&[]),
        },
    }
}

#[test]
fn loss_gradient_and_metrics_are_those_of_trl() {
    let golden = golden();
    let batch = Batch::golden(&golden["loss"]);
    let cases = golden["loss"]["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 48);
    for case in cases {
        let options = &case["options"];
        let what = options.to_string();
        let (loss, gradient) =
            batch.loss(&objective(options), &batch_size(&batch, options), option(options, "on_policy"));
        assert_number(loss.loss.double_value(&[]), &case["loss"], &what);
        assert_close(&gradient, &tensor(&case["gradient"]), &what);
        let metrics = &case["metrics"];
        assert_number(loss.sums.low_mean(), &metrics["clip_ratio/low_mean"], &what);
        assert_number(loss.sums.high_mean(), &metrics["clip_ratio/high_mean"], &what);
        assert_number(loss.sums.region_mean(), &metrics["clip_ratio/region_mean"], &what);
        assert_number(loss.sums.low_min, &metrics["clip_ratio/low_min"], &what);
        assert_number(loss.sums.high_max, &metrics["clip_ratio/high_max"], &what);
        if objective(options).beta != 0.0 {
            assert_number(loss.sums.kl_mean(), &metrics["kl"], &what);
        }
    }
}

#[test]
fn a_batch_has_the_same_loss_however_it_is_split() {
    let golden = golden();
    let batch = Batch::golden(&golden["loss"]);
    for case in golden["loss"]["cases"].as_array().unwrap() {
        let options = &case["options"];
        let (objective, size) = (objective(options), batch_size(&batch, options));
        let on_policy = option(options, "on_policy");
        let (whole, whole_gradient) = batch.loss(&objective, &size, on_policy);
        for split in [vec![vec![0, 1, 2, 3, 4, 5]], vec![vec![3], vec![0, 4], vec![1, 2, 5]]] {
            let mut sums = LossSums::default();
            let gradient = Tensor::zeros_like(&whole_gradient);
            for rows in split {
                let (part, part_gradient) = batch.rows(&rows).loss(&objective, &size, on_policy);
                sums.add(&part.sums);
                let _ = gradient.shallow_clone().index_copy_(0, &Tensor::from_slice(&rows), &part_gradient);
            }
            let difference = (sums.loss - whole.sums.loss).abs();
            assert!(difference < 1e-12, "{options}: off by {difference}");
            assert!((sums.region_mean() - whole.sums.region_mean()).abs() < 1e-12);
            assert_eq!((sums.low_min, sums.high_max), (whole.sums.low_min, whole.sums.high_max));
            assert_close(&gradient, &whole_gradient, &options.to_string());
        }
    }
}

#[test]
fn the_mask_covers_each_completion_and_leaves_out_what_was_truncated() {
    let (starts, lengths) = (Tensor::from_slice(&[0i64, 1, 1]), Tensor::from_slice(&[2i64, 0, 2]));
    let truncated = Tensor::from_slice(&[false, false, true]);
    let rows = |masked| {
        let mask = grpo::completion_mask(&starts, &lengths, &truncated, 4, masked);
        Vec::<Vec<f32>>::try_from(mask).unwrap()
    };
    assert_eq!(rows(false), [[1., 1., 0., 0.], [0., 0., 0., 0.], [0., 1., 1., 0.]]);
    assert_eq!(rows(true), [[1., 1., 0., 0.], [0., 0., 0., 0.], [0., 0., 0., 0.]]);
}

#[test]
fn a_batch_that_is_masked_altogether_has_loss_zero() {
    let golden = golden();
    let mut batch = Batch::golden(&golden["loss"]);
    batch.mask = batch.mask.zeros_like();
    for loss_type in [LossType::Grpo, LossType::DrGrpo, LossType::Dapo, LossType::Bnpo] {
        let mut objective = objective(&golden["loss"]["cases"][0]["options"]);
        objective.loss_type = loss_type;
        objective.importance_sampling_level = ImportanceSamplingLevel::Sequence;
        let size = BatchSize {
            completions: 6,
            tokens: 0.0,
            generation_completions: 6,
            generation_tokens: 0.0,
            entropy_tokens: 0.0,
        };
        let (loss, gradient) = batch.loss(&objective, &size, false);
        assert_eq!(loss.sums.loss, 0.0, "{loss_type:?}");
        assert_eq!(gradient.abs().max().double_value(&[]), 0.0, "{loss_type:?}");
    }
}

#[test]
fn adamw_and_clipping_are_those_of_torch() {
    let golden = &golden()["adamw"];
    let parameters: Vec<Tensor> = golden["start"]
        .as_array()
        .unwrap()
        .iter()
        .map(|start| tensor(start).set_requires_grad(true))
        .collect();
    let mut optimizer = adamw(golden, &parameters);
    for (index, step) in golden["steps"].as_array().unwrap().iter().enumerate() {
        if index == 3 {
            // A new optimiser with the state of the old one goes on as if nothing had happened.
            let (state, updates) = (optimizer.state(), optimizer.updates());
            optimizer = adamw(golden, &parameters);
            optimizer.restore(state, updates).unwrap();
        }
        backward(&parameters, &step["gradients"]);
        let norm = optimizer.step(step["learning_rate"].as_f64().unwrap());
        assert_number(norm, &step["gradient_norm"], "norm");
        for (parameter, wanted) in parameters.iter().zip(step["parameters"].as_array().unwrap()) {
            assert_close(parameter, &tensor(wanted), &format!("step {index}"));
        }
    }
}

fn adamw(golden: &Value, parameters: &[Tensor]) -> AdamW {
    let named = parameters.iter().enumerate().map(|(i, p)| (format!("p{i}"), p.shallow_clone())).collect();
    let options = AdamWOptions {
        beta1: golden["betas"][0].as_f64().unwrap(),
        beta2: golden["betas"][1].as_f64().unwrap(),
        epsilon: golden["eps"].as_f64().unwrap(),
        weight_decay: golden["weight_decay"].as_f64().unwrap(),
        max_grad_norm: 1.0,
    };
    AdamW::new(named, options)
}

/// Leaves these gradients in the parameters, through a loss that is linear in them.
fn backward(parameters: &[Tensor], gradients: &Value) {
    let mut loss = Tensor::zeros([0i64; 0], (Kind::Double, Device::Cpu));
    for (parameter, gradient) in parameters.iter().zip(gradients.as_array().unwrap()) {
        loss += (parameter * tensor(gradient)).sum(Kind::Double);
    }
    loss.backward();
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    let parameter = Tensor::ones([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let options =
        AdamWOptions { beta1: 0.9, beta2: 0.9, epsilon: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };
    let mut optimizer = AdamW::new(vec![("w".to_owned(), parameter.shallow_clone())], options);
    (&parameter * f64::NAN).sum(Kind::Float).backward();
    assert!(optimizer.step(0.1).is_nan());
    assert_eq!(Vec::<f32>::try_from(parameter.detach()).unwrap(), [1.0, 1.0]);
    assert_eq!(optimizer.updates(), 0);
}

#[test]
fn schedules_are_those_of_transformers() {
    for case in golden()["schedules"].as_array().unwrap() {
        let schedule: LrSchedulerType = option(case, "lr_scheduler_type");
        let (warmup, updates) = (option(case, "warmup_steps"), option(case, "steps"));
        for (update, wanted) in case["factors"].as_array().unwrap().iter().enumerate() {
            let factor = schedule.factor(update as i64, warmup, updates);
            assert_number(factor, wanted, &format!("{schedule:?} at {update}"));
        }
    }
}

#[test]
fn equal_rewards_have_advantage_zero_whatever_rounding_says() {
    // 0.1 six times, added from left to right, has a mean that is not 0.1.
    let noisy = [0.1, 0.2 - 0.1, 0.3 - 0.2, 0.7 - 0.6, 1.1 - 1.0, 0.1 + 1e-17];
    let large = [1e9, 1e9 + 1e-6, 1e9 - 1e-6, 1e9, 1e9, 1e9];
    let apart = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1001];
    let rewards = Tensor::from_slice(&[noisy, large, apart].concat()).reshape([3, 6]);
    for scale in [ScaleRewards::Group, ScaleRewards::None, ScaleRewards::Batch] {
        let advantages = Vec::<Vec<f64>>::try_from(of_grpo(&rewards, scale)).unwrap();
        assert_eq!(advantages[0], [0.0; 6], "{scale:?}");
        assert_eq!(advantages[1], [0.0; 6], "{scale:?}");
        assert!(advantages[2].iter().all(|&advantage| advantage != 0.0), "{scale:?}");
    }
    let share = grpo::frac_reward_zero_std(&rewards, ScaleRewards::Group);
    assert!((share - 2.0 / 3.0).abs() < 1e-12, "the share says the same: {share}");
}

#[test]
fn the_kl_term_is_bounded_where_that_is_asked_for() {
    let log_probs = Tensor::from_slice(&[-60.0, -1.0, -0.5]).set_requires_grad(true);
    let reference = Tensor::from_slice(&[-1.0, -1.5, -0.5]);
    let plain = grpo::kl(&log_probs, &reference, KlEstimator::K3, false);
    assert!(plain.double_value(&[0]) > 1e25, "one token that outweighs everything");
    let clamped = grpo::kl(&log_probs, &reference, KlEstimator::K3, true);
    assert_eq!(clamped.double_value(&[0]), 10.0);
    assert_close(&clamped.narrow(0, 1, 2), &plain.narrow(0, 1, 2), "what is within the bounds");
    clamped.sum(Kind::Double).backward();
    assert_eq!(log_probs.grad().double_value(&[0]), 0.0);
    assert!(log_probs.grad().double_value(&[1]) != 0.0);
}

#[test]
fn norms_and_biases_do_not_decay() {
    let options =
        AdamWOptions { beta1: 0.9, beta2: 0.9, epsilon: 1e-8, weight_decay: 0.5, max_grad_norm: 0.0 };
    let names = [
        ("model.embed_tokens.weight", true),
        ("model.layers.0.input_layernorm.weight", false),
        ("model.layers.0.self_attn.q_norm.weight", false),
        ("model.layers.0.self_attn.qkv_proj.weight", true),
        ("model.layers.0.self_attn.qkv_proj.bias", false),
        ("model.norm.weight", false),
        ("lm_head.weight", true),
    ];
    for (name, decays) in names {
        let parameter = Tensor::ones([1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let mut optimizer = AdamW::new(vec![(name.to_owned(), parameter.shallow_clone())], options);
        optimizer.step(0.1);
        let expected = if decays { 0.95 } else { 1.0 };
        assert!((parameter.double_value(&[0]) - expected).abs() < 1e-6, "{name}");
    }
}
