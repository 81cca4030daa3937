//! The families that are supported, by name.

/// The families of decoder-only transformers that are supported. What sets each apart is in `families`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Architecture {
    /// `LlamaForCausalLM`: no biases, unless `attention_bias` puts one on all four attention projections.
    #[default]
    Llama,
    /// `MistralForCausalLM`: Llama, with a window perhaps.
    Mistral,
    /// `Qwen2ForCausalLM`: biases on the query, key and value projections.
    Qwen2,
    /// `Qwen3ForCausalLM`: RMSNorm of every query and key before positions turn them; no biases, unless `attention_bias`
    /// puts one on all four attention projections.
    Qwen3,
    /// `Qwen3MoeForCausalLM`: Qwen3 with experts.
    Qwen3Moe,
    /// `MixtralForCausalLM`: Mistral with experts.
    Mixtral,
    /// `OlmoeForCausalLM`: norms of all queries and keys of a token, and experts.
    Olmoe,
    /// `DeepseekV3ForCausalLM`, and so R1: latent attention, experts chosen by sigmoids within groups, shared experts.
    DeepseekV3,
    /// `SmolLM3ForCausalLM`: layers without positions.
    SmolLm3,
    /// `Phi3ForCausalLM`: positions that may turn a part of a head alone.
    Phi3,
    /// `Olmo2ForCausalLM`: norms after attention and feed-forward, and of all queries and keys of a token.
    Olmo2,
    /// `Olmo3ForCausalLM`: OLMo 2 with a window in three of four layers, where positions are not stretched.
    Olmo3,
    /// `GemmaForCausalLM`: norms by one more than their weight, embeddings scaled, GELU.
    Gemma,
    /// `Gemma2ForCausalLM`: norms before and after, capped scores and logits, a window in every other layer.
    Gemma2,
    /// `Gemma3ForCausalLM`, without its eyes: norms of queries and keys for the caps, other positions within windows.
    Gemma3,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Llama,
        Self::Mistral,
        Self::Qwen2,
        Self::Qwen3,
        Self::Qwen3Moe,
        Self::Mixtral,
        Self::Olmoe,
        Self::DeepseekV3,
        Self::SmolLm3,
        Self::Phi3,
        Self::Olmo2,
        Self::Olmo3,
        Self::Gemma,
        Self::Gemma2,
        Self::Gemma3,
    ];

    /// The `model_type` of `config.json`.
    pub fn model_type(self) -> &'static str {
        self.family().model_type
    }

    /// The class in `transformers`, as it stands under `architectures`.
    pub fn class(self) -> &'static str {
        self.family().class
    }
}
