//! How much device memory a model takes, in bytes: by its shape, and by the rules by which the code allocates.
//!
//! Nothing here touches a device: `gavel plan` says what fits a card where there is none. What is smaller than some
//! megabytes is not counted.

use tch::Kind;

use crate::families::{Activation, Place};
use crate::weights::{outer, stored_in};
use crate::{Config, LatentAttention, Precision};

/// The numbers in a model's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterCounts {
    /// All of them, tied ones once.
    pub all: u64,
    /// Those of embedding and head, which are one where they are tied.
    pub vocabulary: u64,
    /// Those of the head alone, where it is not the embedding.
    pub head: u64,
}

/// What sampling takes besides the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SamplingMemory {
    /// Keys and values.
    pub cache: u64,
    /// What steps work in.
    pub working: u64,
}

/// What learning from one micro-batch takes besides weights and gradients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LearningMemory {
    /// What the forward pass keeps for the backward pass.
    pub activations: u64,
    /// What is there besides at the worst moment: the logits of a chunk, with hidden states and their gradients; or a block
    /// that is computed again, and the gradients within it.
    pub working: u64,
}

impl LearningMemory {
    /// Both together, at the moment when both are there.
    pub fn sum(self) -> u64 {
        self.activations + self.working
    }
}

impl Config {
    /// How many numbers the parameters have.
    pub fn count_parameters(&self) -> ParameterCounts {
        let count = |shapes: &[crate::weights::Stored]| -> u64 {
            shapes.iter().map(|stored| numbers(&stored.shape)).sum()
        };
        let places = || Place::ALL.into_iter().filter(|place| place.is_parameter());
        let of_layer = |layer| places().map(|place| count(&stored_in(self, layer, place))).sum::<u64>();
        let [embedding, norm, head] = outer(self).map(|stored| count(&stored));
        let blocks: u64 = (0..self.layers()).map(of_layer).sum();
        ParameterCounts { all: blocks + embedding + norm + head, vocabulary: embedding + head, head }
    }

    /// What learning from so many tokens, of which so many are predicted, takes in one forward and backward pass on CUDA.
    /// With `recompute`, blocks keep their input alone.
    pub fn learning_memory(
        &self,
        tokens: u64,
        predicted: u64,
        precision: Precision,
        recompute: bool,
    ) -> LearningMemory {
        let size = bytes_of(precision.compute);
        let hidden = tokens * self.hidden_size as u64 * size;
        let by_block = || (0..self.layers()).map(|layer| tokens * self.kept_by_block(layer, size));
        // Of each block the sum of the stream, and what the layer before adds to it; or all that it keeps.
        let (activations, again) = if recompute {
            (2 * hidden * self.layers() as u64, by_block().max().unwrap_or(0))
        } else {
            (by_block().sum(), 0)
        };
        let rows = predicted.min(self.rows_per_chunk(true) as u64);
        // What caps logits keeps two more tensors of their size.
        let chunks = if self.final_logit_softcapping.is_some() { 3 } else { 1 };
        let logits = rows * self.vocab_size as u64 * size * chunks;
        // What the last norm sees and gives, and the gradient by it, whole and in chunks.
        let head = logits + 4 * predicted * self.hidden_size as u64 * size;
        let within = tokens * self.gradients_within_block(size);
        LearningMemory { activations, working: head.max(again + within) }
    }

    /// Bytes of gradients of each token within a block, at their most: by the product of gate and up, and by the stream; by
    /// queries in float32, and by keys and values of every query's head, as attention's kernel has them.
    fn gradients_within_block(&self, size: u64) -> u64 {
        let width = match self.moe_intermediate_size {
            Some(width) if self.num_experts > 0 => width * self.num_experts_per_tok,
            _ => self.intermediate_size,
        };
        let of_head = self.latent_attention.map_or(0, |latent| latent.qk_nope_head_dim) + self.head_dim;
        let heads = (self.num_attention_heads * of_head) as u64;
        (width + 2 * self.hidden_size) as u64 * size + heads * (4 + 2 * size)
    }

    /// Bytes that a block keeps of each token for its backward pass; see `layers/` for what each of them saves.
    fn kept_by_block(&self, layer: usize, size: u64) -> u64 {
        let has = |place| !stored_in(self, layer, place).is_empty();
        let [hidden, heads, key_heads, width] =
            [self.hidden_size, self.num_attention_heads, self.num_key_value_heads, self.head_dim]
                .map(|number| number as u64);
        let (queries, keys) = (heads * width, key_heads * width);
        const INVERSE: u64 = 4;
        // A sum, and what is made of it for the next matrix.
        let norm = |place| if has(place) { 2 * hidden * size + INVERSE } else { hidden * size };
        let post_norm = |place| if has(place) { hidden * size + INVERSE } else { 0 };
        let head_norms =
            if has(Place::QueryNorm) { (queries + keys) * size + INVERSE * (heads + key_heads) } else { 0 };
        // Queries, keys and values as they are turned; what is attended, with the logarithm of a sum for each head.
        let attention = match self.latent_attention {
            None => (queries + 2 * keys) * size + queries * size + 4 * heads,
            Some(latent) => self.kept_by_latent_attention(latent, size) + 4 * heads,
        };
        norm(Place::AttentionNorm)
            + norm(Place::FeedForwardNorm)
            + post_norm(Place::AttentionPostNorm)
            + post_norm(Place::FeedForwardPostNorm)
            + head_norms
            + attention
            + self.kept_by_feed_forward(layer, size)
    }

    /// Latents and what norms make of them; queries, keys and values of all heads by autograd, which keeps them as they are
    /// made, put together, and copied into rectangles; and what is attended, in rectangles and out of them.
    fn kept_by_latent_attention(&self, latent: LatentAttention, size: u64) -> u64 {
        let latents = latent.q_lora_rank.unwrap_or(0) + latent.kv_lora_rank;
        let of_head = 2 * (latent.qk_nope_head_dim + self.head_dim) + latent.v_head_dim;
        let attended = 2 * latent.v_head_dim;
        (2 * latents + self.num_attention_heads * (3 * of_head + attended)) as u64 * size
    }

    fn kept_by_feed_forward(&self, layer: usize, size: u64) -> u64 {
        let hidden = self.hidden_size as u64;
        if self.has_experts(layer) {
            let width = self.moe_intermediate_size.unwrap_or(self.intermediate_size) as u64;
            // Of each of a token's experts: its input, gate and up, and what it gives, which is weighted in float32.
            let of_expert = hidden * size + 2 * width * size + hidden * size + hidden * 4;
            let shared = 2 * self.n_shared_experts as u64 * width * size;
            return self.num_experts_per_tok as u64 * of_expert
                + self.num_experts as u64 * (size + 4)
                + shared;
        }
        let width = self.intermediate_size as u64;
        match self.architecture.family().activation {
            Activation::Silu => 2 * width * size,
            // By autograd, which keeps the activated gate and the product too.
            Activation::GeluTanh => 4 * width * size,
        }
    }

    /// What is kept of a token in each layer for those behind it, as heads and their width: keys and values; or their latent with
    /// the key that positions turn, in one.
    pub(crate) fn kept_tables(&self) -> Vec<[i64; 2]> {
        match self.latent_attention {
            Some(latent) => vec![[1, latent.kv_lora_rank + self.head_dim]],
            None => vec![[self.num_key_value_heads, self.head_dim]; 2],
        }
    }

    /// How many numbers that is, in all layers.
    pub(crate) fn cache_numbers(&self) -> u64 {
        let of_layer: i64 = self.kept_tables().iter().map(|[heads, width]| heads * width).sum();
        (of_layer * self.num_hidden_layers) as u64
    }

    /// How many predicted tokens a learner has logits of at a time.
    pub(crate) fn rows_per_chunk(&self, on_cuda: bool) -> i64 {
        let logits = if on_cuda {
            crate::log_probs::LOGITS_PER_CHUNK_CUDA
        } else {
            crate::log_probs::LOGITS_PER_CHUNK
        };
        (logits / self.vocab_size).max(1)
    }
}

/// Bytes of a number.
pub fn bytes_of(kind: Kind) -> u64 {
    match kind {
        Kind::BFloat16 | Kind::Half => 2,
        Kind::Double => 8,
        _ => 4,
    }
}

fn numbers(shape: &[i64]) -> u64 {
    shape.iter().product::<i64>().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::{Architecture, Model};

    fn qwen_half_a_billion() -> Config {
        Config {
            architecture: Architecture::Qwen2,
            vocab_size: 151_936,
            hidden_size: 896,
            intermediate_size: 4864,
            num_hidden_layers: 24,
            num_attention_heads: 14,
            num_key_value_heads: 2,
            head_dim: 64,
            attention_bias: true,
            tie_word_embeddings: true,
            ..Config::default()
        }
    }

    #[test]
    fn parameters_are_counted_as_a_model_has_them() {
        let small = Config { vocab_size: 50, num_hidden_layers: 2, ..Config::default() };
        for tied in [true, false] {
            let config = Config { tie_word_embeddings: tied, ..small.clone() };
            let model = Model::random(config.clone(), 0, Device::Cpu, Precision::FULL);
            assert_eq!(config.count_parameters().all, model.parameter_count() as u64);
        }
        assert_eq!(qwen_half_a_billion().count_parameters().all, 494_032_768);
    }

    /// The configuration that DeepSeek publishes, of 671 B parameters.
    #[test]
    fn deepseek_v3_has_the_parameters_that_are_published_and_a_cache_of_latents() {
        let config = Config::from_json(
            r#"{"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "vocab_size": 129280,
            "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61,
            "num_attention_heads": 128, "num_key_value_heads": 128, "n_routed_experts": 256, "n_shared_experts": 1,
            "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
            "norm_topk_prob": true, "routed_scaling_factor": 2.5, "first_k_dense_replace": 3, "moe_layer_freq": 1,
            "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
            "num_nextn_predict_layers": 1, "max_position_embeddings": 163840, "rms_norm_eps": 1e-06, "rope_theta": 10000,
            "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
                "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096},
            "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                "weight_block_size": [128, 128]}, "tie_word_embeddings": false}"#,
            std::path::Path::new("config.json"),
        )
        .unwrap();
        assert_eq!(config.count_parameters().all, 671_026_404_352);
        assert_eq!(
            config.cache_numbers(),
            61 * (512 + 64),
            "where keys and values of 128 heads are 2,498,560"
        );
    }

    #[test]
    fn what_a_token_keeps_is_what_was_measured() {
        // docs/benchmarks.md, "Learning", the batch `all`: 16,384 tokens in one pass peak 4.6 GB above two of 8,192, which
        // have gradients of 2.0 GB beside them; the sum of the head's gradient is in the first alone.
        let of = |tokens: u64| {
            qwen_half_a_billion().learning_memory(tokens, tokens, Precision::MIXED, false).sum()
        };
        let (gradients, of_head) = (494_032_768 * 4, 151_936 * 896 * 4);
        let found = of(16_384) + of_head - of(8_192) - gradients;
        assert!((4.4e9..4.8e9).contains(&(found as f64)), "{found}");
    }

    #[test]
    fn to_compute_blocks_again_keeps_their_inputs() {
        let config = qwen_half_a_billion();
        let of = |recompute| config.learning_memory(10_000, 0, Precision::MIXED, recompute).activations;
        assert_eq!(of(true), 10_000 * 24 * 2 * 896 * 2);
        assert_eq!(of(false), 10_000 * 24 * config.kept_by_block(0, 2));
    }
}
