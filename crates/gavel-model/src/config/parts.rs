//! What the configurations of few families say, in groups.

/// Multi-head latent attention ([2405.04434](https://arxiv.org/abs/2405.04434)): keys and values of a token are made of one
/// short vector, and one key that positions turn is shared by all heads. Only these two are kept of a token in sampling.
///
/// How many dimensions positions turn (`qk_rope_head_dim`) is [`Config::head_dim`](crate::Config::head_dim).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LatentAttention {
    /// Width of the latent that queries are made of; `None` where they are made of the stream.
    pub q_lora_rank: Option<i64>,
    /// Width of the latent that keys and values are made of.
    pub kv_lora_rank: i64,
    /// Width of what positions do not turn of a query and a key.
    pub qk_nope_head_dim: i64,
    /// Width of a value.
    pub v_head_dim: i64,
    /// Whether positions turn pairs of neighbours; they turn an element of the first half with one of the second otherwise.
    pub rope_interleave: bool,
}

/// How DeepSeek-V3 chooses experts ([2412.19437](https://arxiv.org/abs/2412.19437)): by sigmoids and a correction that the
/// load moves, first some groups of experts, then experts of these.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SigmoidRouting {
    /// Into how many groups experts are divided.
    pub n_group: i64,
    /// How many of them a token's experts are in.
    pub topk_group: i64,
    /// What the weights of a token's experts are multiplied by.
    pub routed_scaling_factor: f64,
}
