//! Adapters compute what PEFT computes, on those that tests/golden/lora.py wrote, and PEFT loads what gavel saves.

use std::process::Command;

use gavel_model::{ByTokens, Group, Model, Precision};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{Case, golden, python};

const MODELS: [&str; 2] = ["qwen2", "phi3"];

/// The model with its adapter beside it, and what PEFT made of both.
fn cases() -> [Case; MODELS.len()] {
    MODELS.map(|name| {
        let directory = golden(&format!("{name}_lora"));
        let expected = Tensor::read_safetensors(directory.join("expected.safetensors")).unwrap();
        let mut model = Model::load(&golden(name), Device::Cpu, Precision::FULL).unwrap();
        model.load_adapter(&directory).unwrap();
        Case { name, model, expected: expected.into_iter().collect() }
    })
}

#[test]
fn logits_and_gradients_are_those_of_peft() {
    for mut case in cases() {
        case.assert_close(&no_grad(|| case.model.forward(case.expected("tokens"), None)), "logits");
        case.model.set_requires_grad(true);
        let rows = Vec::<Vec<i64>>::try_from(case.expected("tokens")).unwrap();
        let groups: Vec<Group<'_>> =
            rows.iter().map(|row| Group { prompt: &row[..1], completions: vec![&row[1..]] }).collect();
        let batch = case.model.pack(&groups);
        let count = batch.predicted_tokens() as i64;
        let found = case.model.log_probs(&batch, 0.7).log_probs;
        case.assert_close(&found.view([rows.len() as i64, -1]), "log_probs");
        let weights = Tensor::arange_start(1, count + 1, (Kind::Float, Device::Cpu)).sin();
        for recompute in [false, true] {
            let whole = 0..count;
            let sections = std::slice::from_ref(&whole);
            case.model.backward(&batch, 0.7, recompute, sections, &mut |_, _| ByTokens {
                log_probs: weights.shallow_clone(),
                entropy: None,
            });
            let parameters = case.model.parameters();
            let expected = case.expected.keys().filter(|name| name.starts_with("gradient.")).count();
            assert_eq!(parameters.len(), expected, "{}", case.name);
            for (name, parameter) in parameters {
                let gradient = parameter.grad().copy();
                gavel_torch::clear_gradient(&parameter);
                case.assert_close(&gradient, &format!("gradient.{name}"));
            }
        }
    }
}

#[test]
fn an_adapter_names_its_model_and_is_a_model_with_it() {
    for case in cases() {
        let whole =
            Model::load(&golden(&format!("{}_lora", case.name)), Device::Cpu, Precision::FULL).unwrap();
        case.assert_close(&no_grad(|| whole.forward(case.expected("tokens"), None)), "logits");
    }
}

#[test]
fn peft_loads_what_gavel_saves() {
    let Some(python) = python() else { return };
    if !Command::new(&python).args(["-c", "import peft"]).output().is_ok_and(|output| output.status.success())
    {
        crate::skipped("peft", &python);
        return;
    }
    for case in cases() {
        let directory = tempfile::tempdir().unwrap();
        case.model.save_adapter(directory.path(), &golden(case.name)).unwrap();
        let written = ["tokens", "logits"].map(|name| (name, case.expected(name)));
        Tensor::write_safetensors(&written, directory.path().join("expected.safetensors")).unwrap();
        let script = golden("../parity/load_adapter.py");
        let output = Command::new(&python).arg(script).arg(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    }
}
