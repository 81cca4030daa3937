//! The places of a block that the tensors of a family lie in.

/// What a tensor does in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Normalises what attention sees: `(hidden_size)`.
    AttentionNorm,
    /// Queries, keys, values one under the other: `((heads + 2 key_value_heads) · head_dim, hidden_size)`. Of latent
    /// attention: queries or their latent, the latent of keys and values, and the key that positions turn.
    Qkv,
    QkvBias,
    /// Of every query, `(head_dim)`; or of all queries of a token together, `(heads · head_dim)`.
    QueryNorm,
    /// Likewise of keys.
    KeyNorm,
    /// Normalises the latent of queries: `(q_lora_rank)`.
    QueryLatentNorm,
    /// Queries from their latent: `(heads · (qk_nope_head_dim + qk_rope_head_dim), q_lora_rank)`.
    QueryUp,
    /// Normalises the latent of keys and values: `(kv_lora_rank)`.
    KeyValueLatentNorm,
    /// Keys and values from their latent, head by head: `(heads · (qk_nope_head_dim + v_head_dim), kv_lora_rank)`.
    KeyValueUp,
    /// `(hidden_size, heads · head_dim)`.
    Output,
    OutputBias,
    /// Normalises what attention gives.
    AttentionPostNorm,
    /// Normalises what the feed-forward layer sees.
    FeedForwardNorm,
    /// Says which experts a token goes to: `(num_experts, hidden_size)`.
    Router,
    /// Is added to scores where experts are chosen, and moved by their load: `(num_experts)`, in float32. No parameter.
    RouterBias,
    /// Of the experts that every token goes to, gate over up: `(2 n_shared_experts · moe_intermediate_size, hidden_size)`.
    SharedGateUp,
    /// `(hidden_size, n_shared_experts · moe_intermediate_size)`.
    SharedDown,
    /// Gate over up: `(2 intermediate_size, hidden_size)`; of experts one under the other.
    GateUp,
    /// `(hidden_size, intermediate_size)`; of experts one under the other.
    Down,
    /// Normalises what the feed-forward layer gives.
    FeedForwardPostNorm,
}

impl Place {
    /// In the order in which parameters are named and drawn.
    pub(crate) const ALL: [Self; 20] = [
        Self::AttentionNorm,
        Self::Qkv,
        Self::QkvBias,
        Self::QueryNorm,
        Self::KeyNorm,
        Self::QueryLatentNorm,
        Self::QueryUp,
        Self::KeyValueLatentNorm,
        Self::KeyValueUp,
        Self::Output,
        Self::OutputBias,
        Self::AttentionPostNorm,
        Self::FeedForwardNorm,
        Self::Router,
        Self::RouterBias,
        Self::SharedGateUp,
        Self::SharedDown,
        Self::GateUp,
        Self::Down,
        Self::FeedForwardPostNorm,
    ];

    /// Those of norms.
    pub(crate) const NORMS: [Self; 8] = [
        Self::AttentionNorm,
        Self::QueryNorm,
        Self::KeyNorm,
        Self::QueryLatentNorm,
        Self::KeyValueLatentNorm,
        Self::AttentionPostNorm,
        Self::FeedForwardNorm,
        Self::FeedForwardPostNorm,
    ];

    /// Those of matrices that every token is multiplied by; of experts, where a block has them, some tokens.
    pub(crate) const MATRICES: [Self; 8] = [
        Self::Qkv,
        Self::QueryUp,
        Self::KeyValueUp,
        Self::Output,
        Self::SharedGateUp,
        Self::SharedDown,
        Self::GateUp,
        Self::Down,
    ];

    /// Whether gradients and optimisers have to do with it.
    pub(crate) fn is_parameter(self) -> bool {
        self != Self::RouterBias
    }

    /// The name of a parameter that is made of several tensors.
    pub(crate) fn fused_name(self) -> &'static str {
        match self {
            Self::Qkv => "self_attn.qkv_proj.weight",
            Self::QkvBias => "self_attn.qkv_proj.bias",
            Self::SharedGateUp => "mlp.shared_experts.gate_up_proj.weight",
            Self::GateUp => "mlp.gate_up_proj.weight",
            Self::Down => "mlp.down_proj.weight",
            other => unreachable!("{other:?} is one tensor in every family"),
        }
    }
}
