//! Adapters: what they add, their gradients, their files, and what is refused.

use std::path::Path;

use tch::{Device, Kind, Tensor, no_grad};

use super::*;
use crate::{ByTokens, Error, Group, Precision};

fn config() -> Config {
    Config {
        vocab_size: 11,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 4,
        initializer_range: 0.3,
        ..Config::default()
    }
}

fn base(precision: Precision) -> Model {
    Model::random(config(), 3, Device::Cpu, precision)
}

fn options() -> LoraOptions {
    LoraOptions { r: 3, alpha: 6.0, target_modules: Vec::new(), rslora: false }
}

/// With B that is not 0.
fn adapted(precision: Precision, options: &LoraOptions) -> Model {
    let mut model = base(precision);
    model.add_adapter(options, 5).unwrap();
    no_grad(|| {
        for (index, (name, mut parameter)) in model.parameters().into_iter().enumerate() {
            if name.contains("lora_B") {
                let count = parameter.numel() as i64;
                let numbers = (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 1.7 + index as f64).sin();
                parameter.copy_(&(numbers * 0.1).view_as(&parameter));
            }
        }
    });
    model.refresh();
    model
}

fn tokens() -> Tensor {
    Tensor::from_slice(&[1i64, 5, 2, 9, 4, 4, 7]).unsqueeze(0)
}

fn logits(model: &Model) -> Tensor {
    no_grad(|| model.forward(&tokens(), None))
}

#[test]
fn a_fresh_adapter_changes_nothing_and_is_all_that_is_trained() {
    let mut model = base(Precision::FULL);
    let (before, count) = (logits(&model), model.parameter_count());
    model.add_adapter(&options(), 5).unwrap();
    model.set_requires_grad(true);
    assert!(logits(&model).equal(&before));
    let parameters = model.parameters();
    assert_eq!(parameters.len(), 2 * 2 * 7, "A and B of seven layers in each of two blocks");
    assert_eq!(parameters[0].0, "model.layers.0.self_attn.q_proj.lora_A.weight");
    assert!(parameters.iter().all(|(_, tensor)| tensor.requires_grad() && tensor.kind() == Kind::Float));
    assert_eq!(model.parameter_count(), count);
    let (a, bound) = (&parameters[0].1, 0.25);
    let most = a.abs().max().double_value(&[]);
    assert!(most <= bound && most > 0.8 * bound, "{most}");
    assert!(
        model.without_adapter().values.blocks[0]
            .tensor(Place::Qkv)
            .equal(model.weights.blocks[0].tensor(Place::Qkv))
    );
}

#[test]
fn an_adapter_is_what_it_adds() {
    for rslora in [false, true] {
        let options =
            LoraOptions { rslora, target_modules: vec!["v_proj".into(), "up_proj".into()], ..options() };
        let model = adapted(Precision::FULL, &options);
        assert_eq!(model.parameters().len(), 2 * 2 * 2);
        let [a, b] = [0, 1].map(|index| model.parameters()[index].1.shallow_clone());
        assert_eq!(model.parameters()[0].0, "model.layers.0.self_attn.v_proj.lora_A.weight");
        let scale = if rslora { 6.0 / 3.0_f64.sqrt() } else { 2.0 };
        let [before, now] =
            [&model.weights, &model.values].map(|weights| weights.blocks[0].tensor(Place::Qkv).copy());
        let values = 16 + 8..16 + 16;
        let rows = |tensor: &Tensor| tensor.narrow(0, values.start, values.end - values.start);
        let expected = rows(&before) + b.matmul(&a) * scale;
        assert!(rows(&now).allclose(&expected, 0.0, 1e-6, false));
        assert!(now.narrow(0, 0, values.start).equal(&before.narrow(0, 0, values.start)));
        assert!(!logits(&model).allclose(&logits(&model.without_adapter()), 0.0, 1e-3, false));
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    let mut model = adapted(Precision::FULL, &options());
    model.set_requires_grad(true);
    let groups = [
        Group { prompt: &[1, 2, 3], completions: vec![&[4, 5, 6, 7], &[9], &[10, 0]] },
        Group { prompt: &[3], completions: vec![&[5, 2]] },
    ];
    let packed = model.pack(&groups);
    let weights = (Tensor::arange(9, (Kind::Float, Device::Cpu)) * 78.233).sin();
    let whole = 0..9;
    let loss = |model: &Model| {
        (model.log_probs(&packed, 0.7).log_probs * &weights).sum(Kind::Double).double_value(&[])
    };
    for recompute in [false, true] {
        let sections = std::slice::from_ref(&whole);
        model.backward(&packed, 0.7, recompute, sections, &mut |_, _| ByTokens {
            log_probs: weights.shallow_clone(),
            entropy: None,
        });
        for (name, mut parameter) in model.parameters() {
            let gradient = parameter.grad().copy();
            gavel_torch::clear_gradient(&parameter);
            let norm = gradient.norm().double_value(&[]);
            assert!(norm > 1e-4, "{name} has no gradient");
            // Along the gradient itself, the slope is its norm.
            let (step, along) = (3e-3 / norm.max(1.0), &gradient / norm);
            let mut at = |size: f64| {
                no_grad(|| parameter += &along * size);
                model.refresh();
                loss(&model)
            };
            let (above, below) = (at(step), at(-2.0 * step));
            at(step);
            let slope = (above - below) / (2.0 * step);
            assert!(
                (slope - norm).abs() < 3e-2 * norm.max(0.1),
                "{name}: {slope}, and the gradient says {norm}"
            );
        }
        assert!(model.weights.named().iter().all(|(_, tensor)| !tensor.grad().defined()));
    }
}

fn files(directory: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let folders = ["base", "adapter"].map(|name| directory.join(name));
    for folder in &folders {
        std::fs::create_dir(folder).unwrap();
    }
    let [base, adapter] = folders;
    (base, adapter)
}

#[test]
fn an_adapter_is_read_as_it_was_written_and_with_its_model_is_a_model() {
    let directory = tempfile::tempdir().unwrap();
    let (base_folder, adapter_folder) = files(directory.path());
    for precision in [Precision::FULL, Precision::BF16] {
        base(precision).save(&base_folder).unwrap();
        let model = adapted(precision, &options());
        model.save_adapter(&adapter_folder, &base_folder).unwrap();
        let mut again = Model::load(&base_folder, Device::Cpu, precision).unwrap();
        again.load_adapter(&adapter_folder).unwrap();
        for ((name, found), (_, expected)) in again.parameters().iter().zip(model.parameters()) {
            assert!(found.equal(&expected), "{name}");
        }
        assert!(logits(&again).equal(&logits(&model)));
        let whole = Model::load(&adapter_folder, Device::Cpu, precision).unwrap();
        assert!(!whole.has_adapter());
        assert!(logits(&whole).equal(&logits(&model)));
        crate::Tokenizer::characters("abcdefghi", &[]).unwrap().save(&base_folder).unwrap();
        let merged = directory.path().join("merged");
        merge_adapter(&adapter_folder, &merged, crate::SaveDtype::Float32).unwrap();
        assert!(merge_adapter(&adapter_folder, &merged, crate::SaveDtype::Auto).is_err(), "it exists");
        let exact = Model::load(&adapter_folder, Device::Cpu, Precision::FULL).unwrap();
        assert!(logits(&Model::load(&merged, Device::Cpu, Precision::FULL).unwrap()).equal(&logits(&exact)));
        assert_eq!(crate::Tokenizer::load(&merged).unwrap().vocab_size(), 11);
        std::fs::remove_dir_all(&merged).unwrap();
        assert_eq!(Config::load(&adapter_folder).unwrap(), Config::load(&base_folder).unwrap());
    }
    let files = crate::model_files(&adapter_folder).unwrap();
    let names: Vec<_> =
        files.iter().map(|path| path.strip_prefix(directory.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "adapter/adapter_config.json",
            "adapter/adapter_model.safetensors",
            "base/config.json",
            "base/model.safetensors",
            "base/tokenizer.json",
            "base/tokenizer_config.json"
        ]
    );
}

#[test]
fn what_does_not_fit_or_is_not_supported_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (base_folder, adapter_folder) = files(directory.path());
    base(Precision::FULL).save(&base_folder).unwrap();
    adapted(Precision::FULL, &options()).save_adapter(&adapter_folder, &base_folder).unwrap();
    let path = adapter_folder.join("adapter_config.json");
    let written = std::fs::read_to_string(&path).unwrap();
    let said = |field: &str, value: &str| {
        let mut map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&written).unwrap();
        map.insert(field.to_owned(), serde_json::from_str(value).unwrap());
        std::fs::write(&path, serde_json::to_string(&map).unwrap()).unwrap();
        let error = Model::load(&adapter_folder, Device::Cpu, Precision::FULL).unwrap_err().to_string();
        error.replace(&format!("{}/", directory.path().display()), "")
    };
    assert_eq!(
        said("use_dora", "true"),
        "adapter/adapter_config.json: `use_dora` is true, which is not supported; false is"
    );
    assert_eq!(
        said("peft_type", "\"IA3\""),
        "adapter/adapter_config.json: `peft_type` is \"IA3\", and \"LORA\" is supported"
    );
    assert_eq!(
        said("base_model_name_or_path", "\"Qwen/Qwen3-8B\""),
        "adapter/adapter_config.json: `base_model_name_or_path` is Qwen/Qwen3-8B, and there is no model: write the folder that \
         the model of the adapter is in now"
    );
    assert_eq!(
        said("r", "4"),
        "adapter/adapter_model.safetensors: tensor `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight` has shape \
         [3, 16], and the model calls for [4, 16]"
    );
    let unknown = LoraOptions { target_modules: vec!["q_porj".into()], ..options() };
    assert_eq!(
        base(Precision::FULL).add_adapter(&unknown, 1).unwrap_err().to_string(),
        "the model has no layer `q_porj` that can have an adapter; it has down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, \
         v_proj"
    );
    let other = Model::random(Config { num_hidden_layers: 1, ..config() }, 1, Device::Cpu, Precision::FULL);
    std::fs::write(&path, written.as_bytes()).unwrap();
    let mut other = other;
    let error = other.load_adapter(&adapter_folder).unwrap_err();
    assert!(matches!(&error, Error::Weights { name, .. } if name.contains("layers.1.")), "{error}");
}
