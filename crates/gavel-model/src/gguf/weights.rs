//! The tensors of a GGUF file under the names, in the order and in the format that Hugging Face directories have.

use std::borrow::Cow;

use safetensors::{Dtype, View};
use tch::Kind;

use super::config::Architecture;
use super::file::{File, Tensor};
use crate::{Error, SaveDtype};

/// The names within a block, and those of Hugging Face.
const NAMES: [(&str, &str); 11] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// A tensor that becomes another when it is written: only one of them is in memory at a time.
#[derive(Debug)]
pub(super) struct Converted<'a> {
    tensor: &'a Tensor<'a>,
    /// The number of heads whose rotary halves have to be put back apart.
    heads: Option<usize>,
    kind: Kind,
}

/// Every tensor of a model with its name, but for the factors of positions, which the configuration says.
pub(super) fn tensors<'a>(
    file: &'a File<'_>,
    architecture: Architecture,
    dtype: SaveDtype,
) -> Result<Vec<(String, Converted<'a>)>, Error> {
    let kind = if dtype == SaveDtype::Float32 { Kind::Float } else { Kind::BFloat16 };
    let key = |name: &str| format!("{}.attention.{name}", architecture.name());
    let heads = file.count(&key("head_count"))?;
    let key_value_heads = file.integer(&key("head_count_kv")).map_or(heads, |heads| heads.max(1) as usize);
    let mut tensors = Vec::new();
    for tensor in file.tensors().filter(|tensor| tensor.name != "rope_freqs.weight") {
        let (name, part) = name(&tensor.name).ok_or_else(|| {
            file.wrong(format!("tensor `{}` belongs to no model that is known here", tensor.name))
        })?;
        // Only files of this architecture have the two halves of a head's rotation as neighbours.
        let heads = match (architecture, part) {
            (Architecture::Llama, "attn_q") => Some(heads),
            (Architecture::Llama, "attn_k") => Some(key_value_heads),
            _ => None,
        };
        if let Some(heads) = heads
            && !tensor.shape[0].is_multiple_of(2 * heads)
        {
            return Err(file.wrong(format!("tensor `{}` cannot be cut into {heads} heads", tensor.name)));
        }
        tensors.push((name, Converted { tensor, heads, kind }));
    }
    Ok(tensors)
}

/// The name of a tensor in Hugging Face directories, and its part of a block.
fn name(name: &str) -> Option<(String, &str)> {
    match name {
        "token_embd.weight" => return Some(("model.embed_tokens.weight".to_owned(), "")),
        "output_norm.weight" => return Some(("model.norm.weight".to_owned(), "")),
        "output.weight" => return Some(("lm_head.weight".to_owned(), "")),
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let layer: usize = layer.parse().ok()?;
    let (part, kind) = rest.rsplit_once('.')?;
    let (_, theirs) = NAMES.iter().find(|(ours, _)| *ours == part)?;
    matches!(kind, "weight" | "bias").then(|| (format!("model.layers.{layer}.{theirs}.{kind}"), part))
}

impl View for &Converted<'_> {
    fn dtype(&self) -> Dtype {
        if self.kind == Kind::Float { Dtype::F32 } else { Dtype::BF16 }
    }

    fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let numbers = self.tensor.format.dequantize(self.tensor.bytes);
        let numbers = match self.heads {
            Some(heads) => halves_apart(&numbers, &self.tensor.shape, heads),
            None => numbers,
        };
        let mut bytes = vec![0; self.data_len()];
        let tensor = tch::Tensor::from_slice(&numbers).to_kind(self.kind);
        tensor.copy_data_u8(&mut bytes, numbers.len());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.tensor.numbers() * self.kind.elt_size_in_bytes()
    }
}

/// Rotary embeddings turn pairs of a head's dimensions. In the files of llama.cpp the rows of a pair are neighbours, in
/// those of Hugging Face they are half a head apart.
fn halves_apart(numbers: &[f32], shape: &[usize], heads: usize) -> Vec<f32> {
    let (rows, columns) = (shape[0], numbers.len() / shape[0]);
    let half = rows / heads / 2;
    let mut apart = Vec::with_capacity(numbers.len());
    for head in 0..heads {
        for side in 0..2 {
            for pair in 0..half {
                let row = head * 2 * half + 2 * pair + side;
                apart.extend_from_slice(&numbers[row * columns..(row + 1) * columns]);
            }
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_translated_or_refused() {
        let translated = |text| name(text).map(|(name, _)| name);
        assert_eq!(
            translated("blk.11.attn_q.weight").as_deref(),
            Some("model.layers.11.self_attn.q_proj.weight")
        );
        assert_eq!(translated("blk.0.attn_k.bias").as_deref(), Some("model.layers.0.self_attn.k_proj.bias"));
        assert_eq!(translated("output.weight").as_deref(), Some("lm_head.weight"));
        for unknown in ["blk.0.ffn_gate_exps.weight", "blk.x.attn_q.weight", "blk.0.attn_q.scale", "v.patch"]
        {
            assert_eq!(name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_halves_of_a_head_are_put_apart() {
        // Two heads of four rows of one column; a row is numbered by its place in the file.
        let rows: Vec<f32> = (0..8).map(|row| row as f32).collect();
        assert_eq!(halves_apart(&rows, &[8, 1], 2), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }
}
