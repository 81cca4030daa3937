//! The family of GRPO against TRL and verl: losses and their gradients, KL estimators, advantages. The values are made by
//! `tests/golden/objectives.py`.

use gavel_train::grpo::gae::{gae, value_loss, whiten};
use gavel_train::grpo::{
    self, AdvEstimator, GroupEstimator, GroupFilter, KlEstimator, Objective, ScaleRewards,
};
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::{Batch, assert_close, assert_number, batch_size, objective, option, tensor};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../tests/golden/objectives.json")).unwrap()
}

#[test]
fn losses_and_gradients_are_those_of_trl_and_verl() {
    let golden = golden();
    let cases = golden["losses"].as_array().unwrap();
    assert_eq!(cases.len(), 39);
    for case in cases {
        let options = &case["options"];
        let what = options.to_string();
        let objective = objective(options);
        let batch = Batch::golden(&golden).picked(&objective);
        let (loss, gradient, by_entropies) =
            batch.loss_and_gradients(&objective, &batch_size(&batch, options), false);
        assert_number(loss.loss.double_value(&[]), &case["loss"], &what);
        assert_close(&gradient, &tensor(&case["gradient"]), &what);
        if objective.entropy_coef != 0.0 {
            assert_close(&by_entropies, &tensor(&case["entropy_gradient"]), &what);
        }
    }
}

#[test]
fn a_batch_has_the_same_loss_however_it_is_split() {
    let golden = golden();
    for case in golden["losses"].as_array().unwrap() {
        let options = &case["options"];
        let objective = objective(options);
        let batch = Batch::golden(&golden).picked(&objective);
        let size = batch_size(&batch, options);
        let (whole, _) = batch.loss(&objective, &size, false);
        let parts = [vec![3], vec![0, 4], vec![1, 2, 5]];
        let sum: f64 =
            parts.iter().map(|rows| batch.rows(rows).loss(&objective, &size, false).0.sums.loss).sum();
        assert!((sum - whole.sums.loss).abs() < 1e-12, "{options}: {sum}, not {}", whole.sums.loss);
    }
}

#[test]
fn what_teaches_nothing_has_no_gradient_with_any_surrogate() {
    // Completions with advantage 0 are left out of passes, which must change nothing.
    let golden = golden();
    let mut batch = Batch::golden(&golden);
    batch.advantages = batch.advantages.zeros_like();
    for case in golden["losses"].as_array().unwrap() {
        let options = &case["options"];
        let objective = objective(options);
        if objective.looks_at_all() && objective.beta == 0.0 {
            continue;
        }
        let objective = Objective { beta: 0.0, ..objective };
        let (_, gradient) = batch.loss(&objective, &batch_size(&batch, options), false);
        assert_eq!(gradient.abs().max().double_value(&[]), 0.0, "{options}");
    }
}

#[test]
fn kl_estimators_are_those_of_verl() {
    let golden = golden();
    let batch = Batch::golden(&golden);
    for case in golden["kl"].as_array().unwrap() {
        let estimator: KlEstimator = option(case, "kl_estimator");
        let log_probs = batch.log_probs.detach().copy().set_requires_grad(true);
        // verl clamps its k3 always.
        let found = grpo::kl(&log_probs, &batch.reference_log_probs, estimator, true);
        assert_close(&found, &tensor(&case["kl"]), &format!("{estimator:?}"));
        found.sum(Kind::Double).backward();
        assert_close(&log_probs.grad(), &tensor(&case["gradient"]), &format!("{estimator:?}"));
    }
}

fn group_estimator(case: &Value) -> GroupEstimator {
    match option(case, "adv_estimator") {
        AdvEstimator::Group(estimator) => estimator,
        AdvEstimator::Remax | AdvEstimator::Gae => panic!("{case} compares no groups"),
    }
}

#[test]
fn advantages_are_those_of_verl() {
    let golden = &golden()["advantages"];
    let (rewards, lengths) = (tensor(&golden["rewards"]), tensor(&golden["lengths"]));
    for case in golden["cases"].as_array().unwrap() {
        let estimator = group_estimator(case);
        let found = grpo::advantages(&rewards, &lengths, estimator, option(case, "scale_rewards"));
        assert_close(&found, &tensor(&case["advantages"]), &format!("{estimator:?}"));
    }
}

#[test]
fn a_reward_that_was_left_out_has_no_part_in_any_estimate() {
    let golden = &golden()["advantages"];
    let (rewards, lengths) = (tensor(&golden["rewards"]), tensor(&golden["lengths"]));
    let four = |tensor: &Tensor, added: f64| {
        let more = Tensor::full([4, 1], added, (Kind::Double, tensor.device()));
        Tensor::cat(&[tensor, &more], -1)
    };
    for case in golden["cases"].as_array().unwrap() {
        let (estimator, scale): (_, ScaleRewards) = (group_estimator(case), option(case, "scale_rewards"));
        let without = grpo::advantages(&rewards, &lengths, estimator, scale);
        let with = grpo::advantages(&four(&rewards, f64::NAN), &four(&lengths, 9.0), estimator, scale);
        assert_close(&with.narrow(1, 0, 4), &without, &format!("{estimator:?}"));
        assert_eq!(with.narrow(1, 4, 1).abs().max().double_value(&[]), 0.0, "{estimator:?}");
        // Nothing left at all is no reason for a number that is none.
        let none = grpo::advantages(&(&rewards * f64::NAN), &lengths, estimator, scale);
        assert_eq!(none.abs().max().double_value(&[]), 0.0, "{estimator:?}");
    }
}

#[test]
fn advantages_over_the_greedy_completion_are_those_of_verl() {
    let golden = &golden()["advantages"];
    let (rewards, greedy) = (tensor(&golden["rewards"]), tensor(&golden["remax"]["greedy"]));
    let found = grpo::above_greedy(&rewards, &greedy);
    assert_close(&found, &tensor(&golden["remax"]["advantages"]), "remax");
    let unknown = grpo::above_greedy(&rewards, &(greedy * f64::NAN));
    assert_eq!(unknown.abs().max().double_value(&[]), 0.0, "nothing to compare with");
}

#[test]
fn advantages_of_the_parts_of_a_reward_are_those_of_trl() {
    let golden = &golden()["gdpo"];
    let parts = tensor(&golden["parts"]);
    for case in golden["cases"].as_array().unwrap() {
        let weights: Vec<f64> = option(case, "weights");
        let found = grpo::normalised_then_summed(&parts, &weights);
        assert_close(&found, &tensor(&case["advantages"]), &case["weights"].to_string());
    }
    let alike = grpo::normalised_then_summed(
        &Tensor::full([2, 3, 4], 0.1, (Kind::Double, tch::Device::Cpu)),
        &[1.0, 2.0],
    );
    assert_eq!(alike.abs().max().double_value(&[]), 0.0, "nothing to compare");
}

#[test]
fn advantages_of_a_filtered_group_are_those_of_its_paper() {
    let golden = &golden()["advantages"];
    let (rewards, lengths) = (tensor(&golden["rewards"]), tensor(&golden["lengths"]));
    for case in golden["filtered"].as_array().unwrap() {
        let (filter, count): (GroupFilter, usize) =
            (option(case, "group_filter_func"), option(case, "num_remains_in_group"));
        let remaining = grpo::remaining(&rewards, &lengths, filter, count);
        let found = grpo::advantages(&remaining, &lengths, GroupEstimator::Grpo, ScaleRewards::Group);
        assert_close(&found, &tensor(&case["advantages"]), &case.to_string());
    }
    let without = Tensor::from_slice(&[f64::NAN, 3.0, 1.0, 2.0]).view([1, 4]);
    let short = Tensor::from_slice(&[1.0, 9.0, 5.0, 5.0]).view([1, 4]);
    let remaining = grpo::remaining(&without, &short, GroupFilter::Length, 1);
    let remain = Vec::<f64>::try_from(remaining.reshape([-1])).unwrap();
    assert!(remain[2] == 1.0 && [0, 1, 3].iter().all(|&other| remain[other].is_nan()), "{remain:?}");
}

#[test]
fn advantages_and_values_of_ppo_are_those_of_verl() {
    let golden = &golden()["gae"];
    let rows = |value: &Value| -> Vec<Vec<f64>> { serde_json::from_value(value.clone()).unwrap() };
    let flat = |rows: &[Vec<f64>]| Tensor::from_slice(&rows.concat());
    let (values, new_values) = (rows(&golden["values"]), rows(&golden["new_values"]));
    let rewards: Vec<f64> = option(golden, "rewards");
    for case in golden["cases"].as_array().unwrap() {
        let number = |name: &str| case[name].as_f64().unwrap();
        let of_completion =
            |(reward, values): (&f64, &Vec<f64>)| gae(*reward, values, number("gamma"), number("lam"));
        let (mut advantages, returns): (Vec<_>, Vec<_>) =
            rewards.iter().zip(&values).map(of_completion).unzip();
        whiten(&mut advantages);
        assert_close(&flat(&advantages), &flat(&rows(&case["advantages"])), "advantages");
        assert_close(&flat(&returns), &flat(&rows(&case["returns"])), "returns");

        let predicted = flat(&new_values).set_requires_grad(true);
        let (loss, clipped) =
            value_loss(&predicted, &flat(&values), &flat(&returns), number("cliprange_value"));
        let loss = loss.mean(Kind::Double);
        loss.backward();
        assert_number(loss.double_value(&[]), &case["loss"], "loss");
        assert_number(
            clipped.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]),
            &case["clipped"],
            "clipped",
        );
        assert_close(&predicted.grad(), &flat(&rows(&case["gradient"])), "gradient");
    }
}
