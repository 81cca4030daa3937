//! The shapes of base models: one family or another, all of about the same cost for a token.

use gavel_model::{Architecture, Config, LatentAttention, SigmoidRouting, Tokenizer};

/// Experts that a token may go to; those of DeepSeek-V3 lie in four groups.
const EXPERTS: i64 = 16;
/// Experts that a token goes to.
const EXPERTS_PER_TOKEN: i64 = 4;

/// What a model is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The family: one of [`Shape::FAMILIES`].
    pub architecture: Architecture,
    /// Width of the residual stream.
    pub width: u32,
    /// Number of blocks.
    pub layers: u32,
}

impl Shape {
    /// The families that there are shapes of.
    pub const FAMILIES: [Architecture; 3] =
        [Architecture::Llama, Architecture::Qwen3Moe, Architecture::DeepseekV3];

    /// The width of a head: 32, or 64 from a width of 512 on.
    pub fn head(self) -> u32 {
        if self.width >= 512 { 64 } else { 32 }
    }

    /// Whether there is such a model: the width is one of whole heads, and there are blocks.
    pub fn is_possible(self) -> bool {
        self.width > 0
            && self.width.is_multiple_of(self.head())
            && self.layers > 0
            && Self::FAMILIES.contains(&self.architecture)
    }

    /// The shape in full, for the vocabulary of a tokenizer: a Llama with feed-forward layers of about 8/3 of the width; with
    /// experts, each is a fourth as wide, and a token goes to four of sixteen. A DeepSeek-V3 has one more for all tokens, and its
    /// first block has none.
    ///
    /// # Panics
    /// If the shape is not [possible](Shape::is_possible).
    pub fn config(self, tokenizer: &Tokenizer) -> Config {
        assert!(self.is_possible(), "{self:?}");
        let head = i64::from(self.head());
        let heads = i64::from(self.width) / head;
        let intermediate_size = i64::from((self.width * 8 / 3).next_multiple_of(8));
        let llama = Config {
            vocab_size: i64::try_from(tokenizer.vocab_size()).expect("as many tokens as ids"),
            hidden_size: self.width.into(),
            intermediate_size,
            num_hidden_layers: self.layers.into(),
            num_attention_heads: heads,
            num_key_value_heads: heads,
            head_dim: head,
            eos_token_ids: tokenizer.eos_token_id().into_iter().collect(),
            pad_token_id: tokenizer.pad_token_id(),
            ..Config::default()
        };
        if self.architecture == Architecture::Llama {
            return llama;
        }
        let of_experts = Config {
            architecture: self.architecture,
            num_experts: EXPERTS,
            num_experts_per_tok: EXPERTS_PER_TOKEN,
            norm_topk_prob: true,
            moe_intermediate_size: Some((intermediate_size / 4 + 7) / 8 * 8),
            ..llama
        };
        if self.architecture == Architecture::Qwen3Moe {
            // That of the Switch Transformer.
            return Config { router_aux_loss_coef: 0.01, ..of_experts };
        }
        let width = i64::from(self.width);
        Config {
            latent_attention: Some(LatentAttention {
                q_lora_rank: Some(width * 3 / 4),
                kv_lora_rank: width / 2,
                qk_nope_head_dim: head,
                v_head_dim: head,
                rope_interleave: true,
            }),
            // Of what positions turn.
            head_dim: head / 2,
            n_shared_experts: 1,
            dense_layers: (0..self.layers).map(|layer| layer == 0).collect(),
            // A sum of four experts, each by a fourth, is half as long as one of them.
            sigmoid_routing: Some(SigmoidRouting { n_group: 4, topk_group: 2, routed_scaling_factor: 2.0 }),
            ..of_experts
        }
    }
}

#[cfg(test)]
mod tests {
    use gavel_model::{Model, Precision};
    use tch::Device;

    use super::*;

    #[test]
    fn every_family_is_saved_and_read_as_it_was_made() {
        let tokenizer = Tokenizer::characters("abc", &[]).unwrap();
        for architecture in Shape::FAMILIES {
            let shape = Shape { architecture, width: 64, layers: 2 };
            let model = Model::random(shape.config(&tokenizer), 1, Device::Cpu, Precision::FULL);
            let directory = tempfile::tempdir().unwrap();
            model.save(directory.path()).unwrap();
            let again = Model::load(directory.path(), Device::Cpu, Precision::FULL).unwrap();
            assert_eq!(model.config(), again.config());
        }
        let [narrow, none] = [(48, 2), (64, 0)].map(|(width, layers)| Shape {
            architecture: Architecture::Llama,
            width,
            layers,
        });
        assert!(!narrow.is_possible() && !none.is_possible());
        assert!(!Shape { architecture: Architecture::Gemma, width: 64, layers: 2 }.is_possible());
    }
}
