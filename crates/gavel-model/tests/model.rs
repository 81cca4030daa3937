//! What training relies on: padding changes nothing, parameters are shared and deterministic, and directories that are wrong are refused by name.

#[path = "model/experts.rs"]
mod experts;
#[path = "model/families.rs"]
mod families;

use std::fs;
use std::path::Path;

use gavel_model::{Architecture, Config, Error, Model, Precision, RopeScaling, SaveDtype, Tokenizer};
use tch::{Device, Kind, Tensor, no_grad};

fn config() -> Config {
    Config {
        architecture: Architecture::Qwen2,
        vocab_size: 11,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 8,
        initializer_range: 0.4,
        ..Config::default()
    }
}

fn model(seed: i64) -> Model {
    Model::random(config(), seed, Device::Cpu, Precision::FULL)
}

fn tokens() -> Tensor {
    Tensor::from_slice(&[1_i64, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 4]).view([2, 7])
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

fn gradients(model: &Model) -> Vec<Tensor> {
    model.parameters().iter().map(|(_, parameter)| parameter.grad().copy()).collect()
}

#[test]
fn padding_on_either_side_changes_no_gradient() {
    let row = tokens().narrow(0, 0, 1);
    let padding = Tensor::zeros([1, 2], (Kind::Int64, Device::Cpu));
    let (ones, zeros) = (row.ones_like(), padding.zeros_like());
    let gradient_of = |tokens: &Tensor, mask: Option<&Tensor>, start: i64| {
        let mut model = model(1);
        model.set_requires_grad(true);
        let log_probs = model.forward(tokens, mask).log_softmax(-1, Kind::Float);
        log_probs.narrow(1, start, 7).select(2, 3).sum(Kind::Float).backward();
        gradients(&model)
    };
    let expected = gradient_of(&row, None, 0);
    let right = Tensor::cat(&[&row, &padding], 1);
    let left = Tensor::cat(&[&padding, &row], 1);
    let padded = [
        gradient_of(&right, None, 0),
        gradient_of(&right, Some(&Tensor::cat(&[&ones, &zeros], 1)), 0),
        gradient_of(&left, Some(&Tensor::cat(&[&zeros, &ones], 1)), 2),
    ];
    for gradients in padded {
        for (actual, expected) in gradients.iter().zip(&expected) {
            // Relative: the order of a sum, and so its rounding, is the processor's choice; some processors come to
            // 1.6e-6 of the largest gradient, which is 7.
            let largest = expected.abs().max().double_value(&[]);
            let difference = largest_difference(actual, expected);
            assert!(difference < 1e-5 * largest.max(1.0), "{difference} beside {largest}");
        }
    }
}

#[test]
fn a_seed_decides_the_parameters() {
    let values = |seed| model(seed).parameters().iter().map(|(_, tensor)| tensor.copy()).collect::<Vec<_>>();
    assert!(values(1).iter().zip(values(1)).all(|(a, b)| a.equal(&b)));
    assert!(values(1).iter().zip(values(2)).any(|(a, b)| !a.equal(&b)));
}

#[test]
fn fresh_parameters_are_distributed_as_those_of_transformers() {
    let config = Config { vocab_size: 1000, initializer_range: 0.02, ..Config::default() };
    for (name, parameter) in Model::random(config, 1, Device::Cpu, Precision::FULL).parameters() {
        let (mean, deviation) = (parameter.mean(Kind::Float), parameter.std(false));
        let [mean, deviation] = [mean, deviation].map(|number| number.double_value(&[]));
        let (expected_mean, expected_deviation) =
            if name.contains("norm") { (1.0, 0.0) } else { (0.0, 0.02) };
        assert!((mean - expected_mean).abs() < 1e-3, "{name}: {mean}");
        assert!((deviation - expected_deviation).abs() < 1e-3, "{name}: {deviation}");
    }
}

#[test]
fn parameters_share_the_models_memory_and_copies_do_not() {
    let model = model(1);
    let copy = model.frozen_copy(Precision::FULL);
    let before = no_grad(|| model.forward(&tokens(), None));
    no_grad(|| model.parameters().iter_mut().for_each(|(_, parameter)| drop(parameter.g_add_scalar_(0.1))));
    let after = no_grad(|| model.forward(&tokens(), None));
    assert!(largest_difference(&before, &after) > 1e-3);
    assert!(before.equal(&no_grad(|| copy.forward(&tokens(), None))));
    assert_eq!(
        model.parameter_count(),
        model.parameters().iter().map(|(_, tensor)| tensor.numel()).sum::<usize>()
    );
}

#[test]
fn mixed_precision_computes_nearly_the_same_and_keeps_fp32_gradients() {
    let full = no_grad(|| model(1).forward(&tokens(), None));
    let mut mixed = Model::random(config(), 1, Device::Cpu, Precision::MIXED);
    mixed.set_requires_grad(true);
    let logits = mixed.forward(&tokens(), None);
    assert_eq!(logits.kind(), Kind::BFloat16);
    let difference = largest_difference(&logits.to_kind(Kind::Float), &full);
    assert!(difference > 0.0 && difference < 0.1 * full.abs().max().double_value(&[]), "{difference}");
    logits.to_kind(Kind::Float).square().mean(Kind::Float).backward();
    assert!(gradients(&mixed).iter().all(|gradient| gradient.kind() == Kind::Float));
}

#[test]
fn every_variant_of_the_shape_is_saved_and_loaded_bit_for_bit() {
    let llama = Config { architecture: Architecture::Llama, ..config() };
    let variants = [
        (config(), Precision::FULL),
        (Config { tie_word_embeddings: false, eos_token_ids: vec![1, 2], ..config() }, Precision::FULL),
        (Config { attention_bias: true, bos_token_id: Some(3), ..llama.clone() }, Precision::FULL),
        (llama.clone(), Precision::BF16),
        (Config { architecture: Architecture::Qwen3, head_dim: 6, ..config() }, Precision::FULL),
        (
            Config { rope_scaling: Some(RopeScaling::Linear { factor: 4.0 }), ..llama.clone() },
            Precision::FULL,
        ),
        (Config { rope_scaling: Some(RopeScaling::Dynamic { factor: 4.0 }), ..llama }, Precision::FULL),
    ];
    let families = Architecture::ALL.into_iter().flat_map(|architecture| {
        [true, false].map(|tie_word_embeddings| {
            (Config { tie_word_embeddings, ..families::of_family(architecture) }, Precision::FULL)
        })
    });
    for (config, precision) in variants.into_iter().chain(families) {
        let directory = tempfile::tempdir().unwrap();
        let model = Model::random(config, 5, Device::Cpu, precision);
        model.save(directory.path()).unwrap();
        let again = Model::load(directory.path(), Device::Cpu, precision).unwrap();
        assert_eq!(model.config(), again.config());
        let (before, after) = (model.parameters(), again.parameters());
        assert_eq!(before.len(), after.len());
        for ((name, before), (_, after)) in before.iter().zip(&after) {
            assert!(before.equal(after) && before.kind() == after.kind(), "{name}");
        }
        let bytes = fs::read(directory.path().join("model.safetensors")).unwrap();
        again.save(directory.path()).unwrap();
        assert_eq!(bytes, fs::read(directory.path().join("model.safetensors")).unwrap());
    }
}

#[test]
fn tensors_that_are_missing_or_misshapen_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert!(matches!(Model::load(path, Device::Cpu, Precision::FULL), Err(Error::Read { .. })));
    model(1).save(path).unwrap();
    let load_as = |config: Config| {
        fs::write(path.join("config.json"), config.to_json("float32")).unwrap();
        Model::load(path, Device::Cpu, Precision::FULL)
    };
    let named = |config: Config| match load_as(config) {
        Err(Error::Weights { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(Config { num_hidden_layers: 3, ..config() }), "model.layers.2.input_layernorm.weight");
    assert_eq!(named(Config { intermediate_size: 25, ..config() }), "model.layers.0.mlp.gate_proj.weight");
    assert_eq!(named(Config { tie_word_embeddings: false, ..config() }), "lm_head.weight");
    fs::write(path.join("model.safetensors"), b"nonsense").unwrap();
    assert!(matches!(load_as(config()), Err(Error::Safetensors { .. })));
}

/// The field that `text` is refused for.
fn refused(text: &str) -> String {
    match Config::from_json(text, Path::new("config.json")) {
        Err(Error::Config { field, .. }) => field,
        other => panic!("{text}: {other:?}"),
    }
}

const MINIMAL: &str = r#""model_type": "llama", "vocab_size": 8, "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 1, "num_attention_heads": 2"#;

#[test]
fn a_configuration_is_read_with_the_defaults_of_transformers() {
    let config = Config::from_json(&format!("{{{MINIMAL}}}"), Path::new("")).unwrap();
    assert_eq!((config.num_key_value_heads, config.head_dim), (2, 8));
    assert_eq!((config.rope_theta, config.rms_norm_eps), (10_000.0, 1e-6));
    assert!(!config.tie_word_embeddings && !config.attention_bias);
    assert!(config.eos_token_ids.is_empty());
}

#[test]
fn both_generations_of_rope_fields_are_read() {
    let theta =
        |rest: &str| Config::from_json(&format!("{{{MINIMAL}, {rest}}}"), Path::new("")).unwrap().rope_theta;
    assert_eq!(theta(r#""rope_theta": 5e5, "rope_scaling": null"#), 5e5);
    assert_eq!(theta(r#""rope_parameters": {"rope_type": "default", "rope_theta": 1e6}"#), 1e6);
}

#[test]
fn what_is_not_supported_is_refused_by_field() {
    let with = |rest: &str| refused(&format!("{{{MINIMAL}, {rest}}}"));
    assert_eq!(refused("{}"), "model_type");
    assert_eq!(refused(r#"{"model_type": "gpt2"}"#), "model_type");
    assert_eq!(refused(r#"{"model_type": "qwen2"}"#), "hidden_size");
    assert_eq!(with(r#""rope_scaling": {"rope_type": "llama3", "factor": 8}"#), "rope_scaling");
    assert_eq!(with(r#""rope_scaling": {"rope_type": "linear", "factor": 0}"#), "rope_scaling");
    assert_eq!(with(r#""layer_types": ["full_attention", "sliding_attention"]"#), "layer_types");
    assert_eq!(with(r#""rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}"#), "rope_parameters");
    assert_eq!(with(r#""hidden_act": "gelu""#), "hidden_act");
    assert_eq!(with(r#""use_sliding_window": true"#), "use_sliding_window");
    assert_eq!(with(r#""quantization_config": {}"#), "quantization_config");
    assert_eq!(with(r#""num_key_value_heads": 3"#), "num_key_value_heads");
    assert_eq!(with(r#""head_dim": 7"#), "head_dim");
    assert_eq!(with(r#""tie_word_embeddings": "yes""#), "tie_word_embeddings");
}

#[test]
fn unknown_fields_survive() {
    let text = format!(r#"{{{MINIMAL}, "eos_token_id": [3, 4], "unheard_of": {{"a": [1]}}}}"#);
    let config = Config::from_json(&text, Path::new("")).unwrap();
    let again = Config::from_json(&config.to_json("float32"), Path::new("")).unwrap();
    assert_eq!(config, again);
    assert_eq!(again.eos_token_ids, [3, 4]);
    assert_eq!(again.other["unheard_of"]["a"][0], 1);
}

#[test]
fn a_character_tokenizer_gives_back_what_it_took() {
    let tokenizer = Tokenizer::characters("ab \n<é", &["<think>"]).unwrap();
    let text = "a<think>b\n é< a";
    let tokens = tokenizer.encode(text).unwrap();
    assert_eq!(tokens, [3, 2, 4, 6, 5, 8, 7, 5, 3]);
    assert_eq!(tokenizer.decode(&tokens).unwrap(), text);
    assert_eq!(tokenizer.decode(&[3, 1, 0, 0]).unwrap(), "a", "special tokens are no text");
    assert_eq!(tokenizer.encode("a<eos>").unwrap(), [3, 1]);
    assert_eq!((tokenizer.pad_token_id(), tokenizer.eos_token_id()), (Some(0), Some(1)));
    assert_eq!((tokenizer.token_id("<think>"), tokenizer.token_id("z")), (Some(2), None));
    assert_eq!(tokenizer.vocab_size(), 9);
}

#[test]
fn an_unknown_character_is_an_error_that_says_where() {
    let tokenizer = Tokenizer::characters("ab", &[]).unwrap();
    match tokenizer.encode("abzb") {
        Err(Error::UnknownCharacter { character, position, .. }) => {
            assert_eq!((character, position), ('z', 2))
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(Tokenizer::characters("aa", &[]), Err(Error::Request { .. })));
    assert!(matches!(Tokenizer::characters("a", &[""]), Err(Error::Request { .. })));
}

#[test]
fn a_tokenizer_is_saved_and_loaded_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let tokenizer = Tokenizer::characters("ab", &["<x>"]).unwrap();
    tokenizer.save(directory.path()).unwrap();
    let again = Tokenizer::load(directory.path()).unwrap();
    assert_eq!(again.encode("b<x>a").unwrap(), tokenizer.encode("b<x>a").unwrap());
    assert_eq!((again.pad_token_id(), again.eos_token_id()), (Some(0), Some(1)));
    let other = tempfile::tempdir().unwrap();
    again.save(other.path()).unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        let read = |directory: &Path| fs::read(directory.join(name)).unwrap();
        assert_eq!(read(directory.path()), read(other.path()));
    }
}

#[test]
fn a_head_that_a_tied_configuration_would_drop_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let untied =
        Model::random(Config { tie_word_embeddings: false, ..config() }, 1, Device::Cpu, Precision::FULL);
    untied.save(directory.path()).unwrap();
    let load_tied = || {
        fs::write(directory.path().join("config.json"), config().to_json("float32")).unwrap();
        Model::load(directory.path(), Device::Cpu, Precision::FULL)
    };
    let Err(Error::Weights { name, reason, .. }) = load_tied() else { panic!("the head was dropped") };
    assert_eq!(name, "lm_head.weight");
    assert!(reason.contains("`tie_word_embeddings`"), "{reason}");

    // One that is the embedding is no loss; many tied checkpoints hold it.
    let parameters = untied.parameters();
    let find = |name: &str| parameters.iter().find(|(known, _)| known == name).unwrap().1.shallow_clone();
    no_grad(|| find("lm_head.weight").copy_(&find("model.embed_tokens.weight")));
    untied.save(directory.path()).unwrap();
    load_tied().unwrap();
}

#[test]
fn the_generation_config_is_read_and_kept_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    Model::random(Config { eos_token_ids: vec![1], ..config() }, 1, Device::Cpu, Precision::FULL)
        .save(directory.path())
        .unwrap();
    let load = || Model::load(directory.path(), Device::Cpu, Precision::FULL);
    assert!(load().unwrap().generation_config().is_none());
    assert_eq!(load().unwrap().end_tokens(), [1]);

    let text = "{ \"eos_token_id\": [2, 1],\n \"do_sample\": true, \"temperature\": 0.7, \"top_k\": 20, \"other\": null}";
    let path = directory.path().join("generation_config.json");
    fs::write(&path, text).unwrap();
    let model = load().unwrap();
    assert_eq!(model.end_tokens(), [1, 2], "every id of either file ends a text");
    let generation = model.generation_config().unwrap();
    assert_eq!((generation.do_sample, generation.temperature), (Some(true), Some(0.7)));
    assert_eq!((generation.top_p, generation.top_k), (None, Some(20)));
    let copy = tempfile::tempdir().unwrap();
    model.save(copy.path()).unwrap();
    assert_eq!(fs::read_to_string(copy.path().join("generation_config.json")).unwrap(), text);

    fs::write(&path, "{\"temperature\": \"hot\"}").unwrap();
    assert!(matches!(load(), Err(Error::Json { .. })));
    fs::write(&path, "{\"eos_token_id\": 5}").unwrap();
    assert_eq!(load().unwrap().end_tokens(), [1, 5]);
}

#[test]
fn weights_are_saved_in_the_format_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let kind = || {
        let tensors = Tensor::read_safetensors(directory.path().join("model.safetensors")).unwrap();
        tensors[0].1.kind()
    };
    let load = || Model::load(directory.path(), Device::Cpu, Precision::FULL).unwrap();
    model(1).save_as(directory.path(), SaveDtype::Auto).unwrap();
    assert_eq!(kind(), Kind::Float);
    load().save_as(directory.path(), SaveDtype::Bfloat16).unwrap();
    assert_eq!(kind(), Kind::BFloat16);
    let loaded = load();
    assert_eq!(loaded.kind_to_save(SaveDtype::Auto), Kind::BFloat16, "as it came");
    let expected = model(1).parameters().remove(0).1.to_kind(Kind::BFloat16).to_kind(Kind::Float);
    assert!(loaded.parameters()[0].1.equal(&expected));
    loaded.save_as(directory.path(), SaveDtype::Float32).unwrap();
    assert_eq!(kind(), Kind::Float);
}

#[test]
fn every_file_that_loading_reads_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    model(1).save(directory.path()).unwrap();
    Tokenizer::characters("ab", &[]).unwrap().save(directory.path()).unwrap();
    let names = || -> Vec<String> {
        let files = gavel_model::model_files(directory.path()).unwrap();
        files.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(), ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]);
    fs::rename(directory.path().join("model.safetensors"), directory.path().join("one.safetensors")).unwrap();
    let index = r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#;
    fs::write(directory.path().join("model.safetensors.index.json"), index).unwrap();
    let shards = names();
    for name in ["one.safetensors", "two.safetensors", "model.safetensors.index.json"] {
        assert!(shards.iter().any(|shard| shard == name), "{name} in {shards:?}");
    }
}

/// The character tokenizer with `<eos>` put before every text, as Llama's tokenizer does with its first token.
fn tokenizer_that_begins_every_text() -> Tokenizer {
    let directory = tempfile::tempdir().unwrap();
    Tokenizer::characters("ab", &[]).unwrap().save(directory.path()).unwrap();
    let path = directory.path().join("tokenizer.json");
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    file["post_processor"] = serde_json::json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<eos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<eos>": {"id": "<eos>", "ids": [1], "tokens": ["<eos>"]}},
    });
    fs::write(&path, file.to_string()).unwrap();
    Tokenizer::load(directory.path()).unwrap()
}

#[test]
fn the_first_token_of_a_text_is_not_doubled() {
    let tokenizer = tokenizer_that_begins_every_text();
    assert_eq!(tokenizer.encode("ab").unwrap(), [1, 2, 3]);
    assert_eq!(tokenizer.encode("<eos>ab").unwrap(), [1, 2, 3], "it is there already");
    assert_eq!(tokenizer.encode("<eos>").unwrap(), [1]);
    assert_eq!(tokenizer.encode("").unwrap(), [1]);
    assert_eq!(tokenizer.encode("aab").unwrap(), [1, 2, 2, 3]);
    let plain = Tokenizer::characters("ab", &[]).unwrap();
    assert_eq!(plain.encode("<eos><eos>a").unwrap(), [1, 1, 2], "what the text says twice stays");
}

#[cfg(unix)]
#[test]
fn weights_have_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    model(1).save(directory.path()).unwrap();
    let mode = |name: &str| fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("model.safetensors"), mode("config.json"));
}
