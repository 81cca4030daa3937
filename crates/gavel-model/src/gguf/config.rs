//! `config.json` and `generation_config.json` from the head of a GGUF file.

use serde_json::{Map, Value, json};

use super::file::File;
use crate::{Error, SaveDtype};

/// A family of models, by the name that files give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    Llama,
    Qwen2,
    Qwen3,
}

impl Architecture {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
        }
    }
}

/// The architecture of a file.
pub(super) fn architecture(file: &File<'_>) -> Result<Architecture, Error> {
    let name = file.text("general.architecture").ok_or_else(|| file.lacks("general.architecture"))?;
    let known = [Architecture::Llama, Architecture::Qwen2, Architecture::Qwen3];
    known.into_iter().find(|architecture| architecture.name() == name).ok_or_else(|| {
        file.wrong(format!(
            "its architecture is `{name}`; {} can be imported",
            known.map(Architecture::name).join(", ")
        ))
    })
}

/// `config.json`.
pub(super) fn config(file: &File<'_>, architecture: Architecture, dtype: SaveDtype) -> Result<Value, Error> {
    let key = |name: &str| format!("{}.{name}", architecture.name());
    let embedding = file.tensor("token_embd.weight").ok_or_else(|| file.lacks("token_embd.weight"))?;
    let hidden_size = file.count(&key("embedding_length"))?;
    let heads = file.count(&key("attention.head_count"))?;
    let mut config = Map::new();
    let mut set = |name: &str, value: Value| drop(config.insert(name.to_owned(), value));
    set("architectures", json!([architecture.class()]));
    set("model_type", json!(architecture.name()));
    set("vocab_size", json!(embedding.shape[0]));
    set("hidden_size", json!(hidden_size));
    set("intermediate_size", json!(file.count(&key("feed_forward_length"))?));
    set("num_hidden_layers", json!(file.count(&key("block_count"))?));
    set("num_attention_heads", json!(heads));
    let key_value_heads = file.integer(&key("attention.head_count_kv"));
    set("num_key_value_heads", json!(key_value_heads.unwrap_or(heads as i64)));
    if let Some(head_dim) = file.integer(&key("attention.key_length")) {
        set("head_dim", json!(head_dim));
    }
    set("max_position_embeddings", json!(file.count(&key("context_length"))?));
    let epsilon = key("attention.layer_norm_rms_epsilon");
    // A single-precision number: the shortest text that means it is what the authors wrote.
    let epsilon = file.float(&epsilon).ok_or_else(|| file.lacks(&epsilon))? as f32;
    set("rms_norm_eps", number(epsilon));
    set("rope_theta", number(file.float(&key("rope.freq_base")).unwrap_or(10000.0) as f32));
    if let Some(scaling) = rope_scaling(file, architecture)? {
        set("rope_scaling", scaling);
    }
    set("tie_word_embeddings", json!(file.tensor("output.weight").is_none()));
    set("hidden_act", json!("silu"));
    set(
        "attention_bias",
        json!(architecture == Architecture::Llama && file.tensor("blk.0.attn_q.bias").is_some()),
    );
    if architecture == Architecture::Llama {
        set("mlp_bias", json!(false));
    }
    let token = |name: &str| file.integer(&format!("tokenizer.ggml.{name}_token_id"));
    set("bos_token_id", json!(token("bos")));
    set("eos_token_id", json!(token("eos")));
    set("pad_token_id", json!(token("padding")));
    set("torch_dtype", json!(if dtype == SaveDtype::Float32 { "float32" } else { "bfloat16" }));
    Ok(Value::Object(config))
}

/// `generation_config.json`: the tokens that end a text, of which there may be one more for a turn.
pub(super) fn generation(file: &File<'_>) -> Value {
    let token = |name: &str| file.integer(&format!("tokenizer.ggml.{name}_token_id"));
    let mut ends: Vec<i64> = [token("eos"), token("eot")].into_iter().flatten().collect();
    ends.dedup();
    let eos = match ends[..] {
        [one] => json!(one),
        _ => json!(ends),
    };
    json!({ "bos_token_id": token("bos"), "eos_token_id": eos, "pad_token_id": token("padding") })
}

/// A number as the shortest decimal that is the same in single precision.
fn number(number: f32) -> Value {
    let shortest: f64 = number.to_string().parse().unwrap_or(f64::from(number));
    json!(shortest)
}

/// How positions are scaled beyond the context that the model was trained with.
fn rope_scaling(file: &File<'_>, architecture: Architecture) -> Result<Option<Value>, Error> {
    let key = |name: &str| format!("{}.rope.scaling.{name}", architecture.name());
    if let Some(factors) = file.tensor("rope_freqs.weight") {
        let theta = file.float(&format!("{}.rope.freq_base", architecture.name())).unwrap_or(10000.0);
        let factors = factors.format.dequantize(factors.bytes);
        return llama3(theta, &factors).map(Some).ok_or_else(|| {
            file.wrong(
                "`rope_freqs.weight` holds other factors than those of Llama 3's `rope_scaling`".to_owned(),
            )
        });
    }
    let factor = file.float(&key("factor"));
    match (file.text(&key("type")), factor) {
        (None | Some("none"), _) => Ok(None),
        (Some("linear"), Some(factor)) => Ok(Some(json!({ "rope_type": "linear", "factor": factor }))),
        (Some("yarn"), Some(factor)) => Ok(Some(json!({
            "rope_type": "yarn",
            "factor": factor,
            "original_max_position_embeddings": file.count(&key("original_context_length"))?,
        }))),
        (Some(kind), _) => {
            Err(file.wrong(format!("`{}` is `{kind}`; linear and yarn with a factor are read", key("type"))))
        }
    }
}

/// Files hold what Llama 3's scaling comes to, a factor for each frequency, and not its parameters. All models of the
/// family have the same but for the largest factor: <https://github.com/meta-llama/llama-models>, `apply_scaling`.
fn llama3(theta: f64, factors: &[f32]) -> Option<Value> {
    const ORIGINAL: f64 = 8192.0;
    const LOW: f64 = 1.0;
    const HIGH: f64 = 4.0;
    let factor = f64::from(factors.iter().copied().fold(f32::MIN, f32::max));
    let expected = |index: usize| {
        let wavelength = std::f64::consts::TAU * theta.powf(index as f64 / factors.len() as f64);
        let smooth = (ORIGINAL / wavelength - LOW) / (HIGH - LOW);
        1.0 / ((1.0 - smooth.clamp(0.0, 1.0)) / factor + smooth.clamp(0.0, 1.0))
    };
    let same = |(index, &found): (usize, &f32)| (f64::from(found) / expected(index) - 1.0).abs() < 1e-4;
    factors.iter().enumerate().all(same).then(|| {
        json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": LOW,
            "high_freq_factor": HIGH,
            "original_max_position_embeddings": ORIGINAL as i64,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_precision_is_written_as_its_authors_did() {
        assert_eq!(number(1e-5).to_string(), "0.00001");
        assert_eq!(number(1_000_000.0).to_string(), "1000000.0");
    }

    #[test]
    fn llama_3s_factors_are_known_again() {
        // Of 64 frequencies at 500,000, the last 35 are slowed down eightfold and the first 29 are as they were, with
        // some between.
        let wavelength = |index: usize| std::f64::consts::TAU * 500_000_f64.powf(index as f64 / 64.0);
        let factors: Vec<f32> = (0..64)
            .map(|index| match wavelength(index) {
                short if short < 8192.0 / 4.0 => 1.0,
                long if long > 8192.0 => 8.0,
                between => {
                    let smooth = (8192.0 / between - 1.0) / 3.0;
                    (1.0 / ((1.0 - smooth) / 8.0 + smooth)) as f32
                }
            })
            .collect();
        assert_eq!(llama3(500_000.0, &factors).unwrap()["factor"], 8.0);
        assert_eq!(llama3(500_000.0, &[1.0, 2.0, 8.0, 8.0]), None);
    }
}
