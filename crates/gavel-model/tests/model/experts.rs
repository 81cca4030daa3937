//! What evens out the load of experts: counted in learning, moved after updates, kept in files, and no parameter.

use gavel_model::{Architecture, Balance, ByTokens, Group, Model, NeverStop, Precision, Sampling};
use tch::{Device, Kind};

use super::families::of_family;

const PROMPT: &[i64] = &[1, 2, 3];
const COMPLETION: &[i64] = &[4, 5, 6, 7, 1];

fn model(precision: Precision) -> Model {
    let mut model = Model::random(of_family(Architecture::DeepseekV3), 5, Device::Cpu, precision);
    model.set_requires_grad(true);
    model
}

/// Every token that is learnt from counts once for each of its experts, also where blocks are computed twice.
#[test]
fn tokens_are_counted_where_they_are_learnt_from() {
    let model = model(Precision::FULL);
    let packed = model.pack(&[Group { prompt: PROMPT, completions: vec![COMPLETION] }]);
    for recompute in [false, true] {
        let whole = 0..packed.predicted_tokens() as i64;
        model.backward(&packed, 1.0, recompute, std::slice::from_ref(&whole), &mut |_, now| ByTokens {
            log_probs: now.log_probs.ones_like(),
            entropy: None,
        });
        let load = model.take_expert_load();
        assert_eq!((load[0].len(), load[1].len()), (0, 6), "the first layer has no experts");
        assert_eq!(load[1].iter().sum::<i64>(), 2 * packed.input_tokens() as i64);
    }
    model.log_probs(&packed, 1.0);
    assert_eq!(Balance::of(&model.take_expert_load()), None, "nothing is learnt from what is only looked at");
}

#[test]
fn corrections_move_against_the_load_and_are_kept_in_float32() {
    for precision in [Precision::FULL, Precision::MIXED] {
        let model = model(precision);
        let reference = model.frozen_copy(Precision::BF16);
        // Every token goes to the last experts that its groups leave, as long as nothing else makes as much of a difference.
        let load = [vec![], vec![0, 0, 9, 9, 0, 0]];
        for _ in 0..300 {
            model.move_router_biases(&load, 0.01);
        }
        model.move_router_biases(&[vec![], vec![3; 6]], 0.01);
        let packed = model.pack(&[Group { prompt: PROMPT, completions: vec![COMPLETION] }]);
        let whole = 0..packed.predicted_tokens() as i64;
        model.backward(&packed, 1.0, false, std::slice::from_ref(&whole), &mut |_, now| ByTokens {
            log_probs: now.log_probs.ones_like(),
            entropy: None,
        });
        let counts = &model.take_expert_load()[1];
        assert_eq!((counts[2], counts[3]), (0, 0), "{precision:?}: {counts:?}");

        let directory = tempfile::tempdir().unwrap();
        model.save_as(directory.path(), gavel_model::SaveDtype::Bfloat16).unwrap();
        let files = tch::Tensor::read_safetensors(directory.path().join("model.safetensors")).unwrap();
        let name = "model.layers.1.mlp.gate.e_score_correction_bias";
        let (_, bias) = files.into_iter().find(|(found, _)| found == name).unwrap();
        assert_eq!(bias.kind(), Kind::Float);
        let expected = [3.0, 3.0, -3.0, -3.0, 3.0, 3.0];
        for (found, expected) in Vec::<f32>::try_from(&bias).unwrap().into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{bias}");
        }
        let again = Model::load(directory.path(), Device::Cpu, Precision::BF16).unwrap();
        let sampling = Sampling { max_new_tokens: 4, temperature: 0.0, ..Sampling::default() };
        assert!(again.generate(&[PROMPT.to_vec()], &sampling, &NeverStop, |_, _| {}).is_ok());
        again.save(directory.path()).unwrap();
        let files = tch::Tensor::read_safetensors(directory.path().join("model.safetensors")).unwrap();
        let (_, kept) = files.into_iter().find(|(found, _)| found == name).unwrap();
        assert!(kept.equal(&bias), "bfloat16 has no 0.01 steps at 3: {kept}");

        reference.save(directory.path()).unwrap();
        let files = tch::Tensor::read_safetensors(directory.path().join("model.safetensors")).unwrap();
        let (_, still) = files.into_iter().find(|(found, _)| found == name).unwrap();
        assert_eq!(still.abs().max().double_value(&[]), 0.0, "a reference does not move along");
    }
}

#[test]
fn no_optimiser_and_no_adapter_has_to_do_with_corrections() {
    let mut model = model(Precision::FULL);
    assert!(model.parameters().iter().all(|(name, _)| !name.contains("e_score_correction_bias")));
    let options = gavel_model::LoraOptions { r: 2, alpha: 4.0, target_modules: Vec::new(), rslora: false };
    model.add_adapter(&options, 1).unwrap();
    let names: Vec<String> = model.parameters().into_iter().map(|(name, _)| name).collect();
    for part in
        ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj", "shared_experts.up_proj"]
    {
        assert!(names.iter().any(|name| name.contains(&format!(".{part}.lora_A"))), "{part} of {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains(".experts.")), "{names:?}");
    model.move_router_biases(&[vec![], vec![1, 0, 0, 0, 0, 0]], 0.5);
    let directory = tempfile::tempdir().unwrap();
    model.save(directory.path()).unwrap();
    let files = tch::Tensor::read_safetensors(directory.path().join("model.safetensors")).unwrap();
    let (_, bias) = files.into_iter().find(|(name, _)| name.ends_with("e_score_correction_bias")).unwrap();
    assert_eq!(bias.abs().max().double_value(&[]), 0.0);
}
