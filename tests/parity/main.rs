//! The model computes what `transformers` computes, on the checkpoints and results that tests/golden/model.py wrote.

mod chat;
mod smollm2;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use gavel_model::{Config, Group, Model, NeverStop, Precision, Sampling, Tokenizer};
use tch::{Device, Kind, Tensor, no_grad};

const TOLERANCE: f64 = 1e-4;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

/// A checkpoint as gavel reads it, and what `transformers` made of it.
struct Case {
    model: Model,
    expected: HashMap<String, Tensor>,
}

impl Case {
    fn all() -> [Self; 4] {
        ["llama", "qwen2", "qwen3", "llama3"].map(|name| {
            let directory = golden(name);
            let expected = Tensor::read_safetensors(directory.join("expected.safetensors")).unwrap();
            let model = Model::load(&directory, Device::Cpu, Precision::FULL).unwrap();
            Self { model, expected: expected.into_iter().collect() }
        })
    }

    fn expected(&self, name: &str) -> &Tensor {
        &self.expected[name]
    }

    fn assert_close(&self, actual: &Tensor, name: &str) {
        let difference = largest_difference(actual, self.expected(name));
        let family = self.model.config().architecture;
        assert!(difference <= TOLERANCE, "{family:?}: {name} is off by {difference}");
    }
}

/// Not-a-number counts as a difference without bound.
fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    let difference = (a - b).abs().max().double_value(&[]);
    if difference.is_nan() { f64::INFINITY } else { difference }
}

#[test]
fn logits_are_those_of_transformers() {
    for case in Case::all() {
        let logits = no_grad(|| case.model.forward(case.expected("tokens"), None));
        case.assert_close(&logits, "logits");
    }
}

#[test]
fn logits_of_padded_batches_are_those_of_transformers() {
    for case in Case::all() {
        for side in ["left", "right"] {
            let (tokens, mask) =
                (case.expected(&format!("tokens_{side}")), case.expected(&format!("mask_{side}")));
            let (name, rows) = (format!("logits_{side}"), mask.unsqueeze(-1));
            let expected = case.expected(&name) * &rows;
            let masked = no_grad(|| case.model.forward(tokens, Some(mask))) * &rows;
            assert!(largest_difference(&masked, &expected) <= TOLERANCE, "{side}");
            if side == "right" {
                let unmasked = no_grad(|| case.model.forward(tokens, None)) * &rows;
                assert!(
                    largest_difference(&unmasked, &expected) <= TOLERANCE,
                    "padding on the right needs no mask"
                );
            }
        }
    }
}

#[test]
fn log_probs_and_entropies_are_those_of_transformers() {
    for case in Case::all() {
        let rows = Vec::<Vec<i64>>::try_from(case.expected("tokens")).unwrap();
        let groups: Vec<Group<'_>> =
            rows.iter().map(|row| Group { prompt: &row[..1], completions: vec![&row[1..]] }).collect();
        let scored = case.model.log_probs(&case.model.pack(&groups), 0.7);
        let shape = [rows.len() as i64, rows[0].len() as i64 - 1];
        case.assert_close(&scored.log_probs.view(shape), "log_probs");
        case.assert_close(&scored.entropy.view(shape), "entropy");
    }
}

#[test]
fn greedy_continuations_are_those_of_transformers() {
    for case in Case::all() {
        let (tokens, mask) = (case.expected("tokens_left"), case.expected("mask_left"));
        let prompts: Vec<Vec<i64>> = (0..tokens.size()[0])
            .map(|row| {
                Vec::try_from(tokens.get(row).masked_select(&mask.get(row).to_kind(Kind::Bool))).unwrap()
            })
            .collect();
        let sampling = Sampling { max_new_tokens: 12, temperature: 0.0, ..Sampling::default() };
        let completions = case.model.generate(&prompts, &sampling, &NeverStop, |_, _| {}).unwrap();
        for (row, completion) in (0..).zip(&completions) {
            let expected: Vec<i64> = case.expected("generated").get(row).try_into().unwrap();
            assert_eq!(completion.tokens, expected);
        }
    }
}

#[test]
fn saving_and_loading_changes_no_bit() {
    for case in Case::all() {
        let directory = tempfile::tempdir().unwrap();
        case.model.save(directory.path()).unwrap();
        let again = Model::load(directory.path(), Device::Cpu, Precision::FULL).unwrap();
        assert_eq!(case.model.config(), again.config());
        let (before, after) = (case.model.parameters(), again.parameters());
        assert_eq!(before.len(), after.len());
        for ((name, before), (again, after)) in before.iter().zip(&after) {
            assert_eq!(name, again);
            assert!(before.equal(after), "{name}");
        }
    }
}

/// Needs a Python with `transformers`: the one that GAVEL_PYTHON names, or python3.
#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn transformers_loads_what_gavel_saves() {
    let python = std::env::var("GAVEL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let installed = Command::new(&python).args(["-c", "import torch, transformers"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has no transformers; name a Python that has in GAVEL_PYTHON");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let tokenizer = Tokenizer::characters("abc \n", &["<think>"]).unwrap();
    let vocab_size = tokenizer.vocab_size() as i64;
    let config = Config { vocab_size, eos_token_ids: vec![1], pad_token_id: Some(0), ..Config::default() };
    let model = Model::random(config, 7, Device::Cpu, Precision::FULL);
    model.save(directory.path()).unwrap();
    tokenizer.save(directory.path()).unwrap();

    let text = "<think>ab\nc a<eos>";
    let tokens = Tensor::from_slice(&tokenizer.encode(text).unwrap()).unsqueeze(0);
    let logits = no_grad(|| model.forward(&tokens, None));
    let expected = directory.path().join("expected.safetensors");
    Tensor::write_safetensors(&[("tokens", &tokens), ("logits", &logits)], expected).unwrap();
    let script = golden("../parity/load.py");
    let output = Command::new(&python).arg(script).arg(directory.path()).arg(text).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
