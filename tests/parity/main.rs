//! The model computes what `transformers` computes, on the checkpoints and results that tests/golden/model.py wrote.

mod chat;
mod lora;
mod smollm2;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use gavel_model::{ByTokens, Config, Group, Model, NeverStop, Precision, Sampling, Tokenizer};
use tch::{Device, Kind, Tensor, no_grad};

const TOLERANCE: f64 = 1e-4;

/// `MODELS` of model.py.
const MODELS: [&str; 22] = [
    "llama",
    "qwen2",
    "qwen3",
    "llama3",
    "yarn",
    "mistral",
    "qwen2_window",
    "smollm3",
    "phi3",
    "olmo2",
    "gemma",
    "gemma2",
    "gemma3",
    "qwen3_moe",
    "mixtral",
    "olmoe",
    "olmo3",
    "deepseek_v3",
    "deepseek_v3_plain",
    "deepseek_v3_fp8",
    "qwen3_moe_mixed",
    "phi3_longrope",
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

/// A checkpoint as gavel reads it, and what `transformers` made of it.
struct Case {
    name: &'static str,
    model: Model,
    expected: HashMap<String, Tensor>,
}

impl Case {
    fn all() -> [Self; MODELS.len()] {
        MODELS.map(|name| {
            let directory = golden(name);
            let expected = Tensor::read_safetensors(directory.join("expected.safetensors")).unwrap();
            let model = Model::load(&directory, Device::Cpu, Precision::FULL).unwrap();
            Self { name, model, expected: expected.into_iter().collect() }
        })
    }

    fn expected(&self, name: &str) -> &Tensor {
        &self.expected[name]
    }

    fn assert_close(&self, actual: &Tensor, name: &str) {
        let difference = largest_difference(actual, self.expected(name));
        assert!(difference <= TOLERANCE, "{}: {name} is off by {difference}", self.name);
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
            let difference = largest_difference(&masked, &expected);
            assert!(difference <= TOLERANCE, "{}, {side}: {difference}", case.name);
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

/// Of the sum of the log-probabilities times the sines of 1, 2, 3 ..., with a prompt of one token each.
#[test]
fn gradients_are_those_of_transformers() {
    for mut case in Case::all() {
        case.model.set_requires_grad(true);
        let rows = Vec::<Vec<i64>>::try_from(case.expected("tokens")).unwrap();
        let groups: Vec<Group<'_>> =
            rows.iter().map(|row| Group { prompt: &row[..1], completions: vec![&row[1..]] }).collect();
        let batch = case.model.pack(&groups);
        let count = batch.predicted_tokens() as i64;
        let weights = Tensor::arange_start(1, count + 1, (Kind::Float, Device::Cpu)).sin();
        let whole = 0..count;
        for recompute in [false, true] {
            let all = std::slice::from_ref(&whole);
            case.model.backward(&batch, 0.7, recompute, all, &mut |_, _| ByTokens {
                log_probs: weights.shallow_clone(),
                entropy: None,
            });
            for (name, parameter) in case.model.parameters() {
                let mut gradient = parameter.grad();
                let expected = case.expected(&format!("gradient.{name}"));
                // A sum over 117 tokens is large, and single precision has seven digits.
                let largest = expected.abs().max().double_value(&[]).max(1.0);
                let difference = largest_difference(&gradient, expected) / largest;
                assert!(
                    difference <= TOLERANCE / 10.0,
                    "{}: gradient of {name} is off by {difference}",
                    case.name
                );
                let _ = gradient.zero_();
            }
        }
    }
}

/// Of the loss that evens out the load of experts, over all tokens but each row's last.
#[test]
fn losses_of_balance_and_their_gradients_are_those_of_transformers() {
    let mut cases = 0;
    for mut case in Case::all().into_iter().filter(|case| case.expected.contains_key("aux_loss")) {
        cases += 1;
        case.model.set_requires_grad(true);
        let rows = Vec::<Vec<i64>>::try_from(case.expected("tokens")).unwrap();
        let groups: Vec<Group<'_>> =
            rows.iter().map(|row| Group { prompt: &row[..1], completions: vec![&row[1..]] }).collect();
        let mut batch = case.model.pack(&groups);
        batch.set_router_aux_loss(2.0);
        let whole = 0..batch.predicted_tokens() as i64;
        for recompute in [false, true] {
            let all = std::slice::from_ref(&whole);
            case.model.backward(&batch, 1.0, recompute, all, &mut |_, now| ByTokens {
                log_probs: now.log_probs.zeros_like(),
                entropy: None,
            });
            let [loss, tokens] = case.model.take_router_aux_loss();
            let expected = case.expected("aux_loss").double_value(&[]);
            assert!((loss / tokens - expected).abs() < 1e-5, "{}: {loss} / {tokens}, {expected}", case.name);
            for (name, parameter) in case.model.parameters() {
                let mut gradient = parameter.grad();
                let difference =
                    largest_difference(&(&gradient / 2.0), case.expected(&format!("aux_gradient.{name}")));
                assert!(
                    difference <= TOLERANCE / 10.0,
                    "{}: gradient of {name} is off by {difference}",
                    case.name
                );
                let _ = gradient.zero_();
            }
        }
    }
    assert_eq!(cases, 4);
}

/// What is learnt from has the log-probabilities of what was sampled, with prompts that are shared and windows that end
/// within them.
#[test]
fn sampling_and_learning_agree_on_log_probabilities() {
    for case in Case::all() {
        let rows = Vec::<Vec<i64>>::try_from(case.expected("tokens")).unwrap();
        let prompts: Vec<Vec<i64>> =
            [3, 13, 40, 13].iter().zip(rows.iter().cycle()).map(|(&n, row)| row[..n].to_vec()).collect();
        let sampling = Sampling { max_new_tokens: 21, ..Sampling::default() };
        let completions = case.model.generate(&prompts, &sampling, &NeverStop, |_, _| {}).unwrap();
        let groups: Vec<Group<'_>> = prompts
            .iter()
            .zip(&completions)
            .map(|(prompt, completion)| Group {
                prompt,
                completions: vec![&completion.tokens, &completion.tokens[..5]],
            })
            .collect();
        let found = case.model.log_probs(&case.model.pack(&groups), 1.0).log_probs;
        let sampled: Vec<f32> = completions
            .iter()
            .flat_map(|completion| completion.log_probs.iter().chain(&completion.log_probs[..5]).copied())
            .collect();
        let difference = largest_difference(&found, &Tensor::from_slice(&sampled));
        assert!(difference <= TOLERANCE, "{}: {difference}", case.name);
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
            assert_eq!(completion.tokens, expected, "{}", case.name);
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

/// A Python with `transformers`: the one that GAVEL_PYTHON names, or python3.
fn python() -> Option<String> {
    let python = std::env::var("GAVEL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let installed = Command::new(&python).args(["-c", "import torch, transformers"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        skipped("transformers", &python);
        return None;
    }
    Some(python)
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skipped(package: &str, python: &str) {
    println!("skipped: {python} has no {package}; name a Python that has in GAVEL_PYTHON");
}

#[test]
fn transformers_loads_every_family_that_gavel_saves() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    for case in Case::all() {
        let directory = folder.path().join(case.name);
        std::fs::create_dir(&directory).unwrap();
        case.model.save(&directory).unwrap();
        let written = ["tokens", "logits"].map(|name| (name, case.expected(name)));
        Tensor::write_safetensors(&written, directory.join("expected.safetensors")).unwrap();
    }
    let directories = MODELS.map(|name| folder.path().join(name));
    let output =
        Command::new(&python).arg(golden("../parity/load_weights.py")).args(&directories).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn transformers_loads_what_gavel_saves() {
    let Some(python) = python() else { return };
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
