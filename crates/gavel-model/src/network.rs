//! The forward pass over rectangles of tokens, differentiable by torch: what sampling by libtorch's operators and
//! [`Model::forward`](crate::Model::forward) run.

mod latent;

use tch::{Kind, Tensor};

use crate::Config;
use crate::attention::{Look, Rope, attend, causal_mask, positions_of};
use crate::families::{Activation, Place};
use crate::layers::{Routing, plain_experts};
use crate::rope::PerRotary;
use crate::weights::{Block, Weights};

/// A model's shape with its weights in the compute format, and queries and keys in neighbour order (see [`Rope`]):
/// the forward pass.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) config: Config,
    pub(crate) weights: Weights,
}

/// What the tokens of a layer see.
pub(crate) struct Seen {
    /// Of all tokens that are seen, in tables as [`See`] gets them.
    pub(crate) kept: Vec<Tensor>,
    /// Which of them; see [`attend`].
    pub(crate) mask: Option<Tensor>,
    pub(crate) causal: bool,
}

/// Says what the tokens of a layer see: its index, and what is kept of the tokens, `(B, heads, T, width)` each. That is keys and
/// values, or the latent that both are made of; see [`Config::kept_tables`].
pub(crate) type See<'a> = dyn FnMut(usize, Vec<Tensor>) -> Seen + 'a;

impl Network {
    /// The format that it computes in.
    pub(crate) fn kind(&self) -> Kind {
        self.weights.embedding.kind()
    }

    /// What the last block says of every token: `(B, T)` in, `(B, T, hidden_size)` out, normalised.
    pub(crate) fn hidden_states(&self, tokens: &Tensor, attention_mask: Option<&Tensor>) -> Tensor {
        let positions = match attention_mask {
            Some(mask) => positions_of(mask),
            None => Tensor::arange(tokens.size()[1], (Kind::Int64, tokens.device())),
        };
        let ropes = Rope::of_layers(&self.config, &positions);
        let mask = attention_mask.map(causal_mask);
        let causal = mask.is_none() && tokens.size()[1] > 1;
        let mask = || mask.as_ref().map(Tensor::shallow_clone);
        self.run(tokens, &ropes, &mut |_, kept| Seen { kept, mask: mask(), causal })
    }

    /// Runs all blocks on `tokens` `(B, T)`; which tokens they see is up to `see`.
    pub(crate) fn run(&self, tokens: &Tensor, ropes: &PerRotary<Rope>, see: &mut See<'_>) -> Tensor {
        let embedded = Tensor::embedding(&self.weights.embedding, tokens, -1, false, false);
        let mut stream = match self.config.embedding_scale(self.kind()) {
            Some(scale) => embedded * scale,
            None => embedded,
        };
        let perhaps = |norm: Option<&Tensor>, rows: Tensor| match norm {
            Some(norm) => self.normalise(&rows, norm),
            None => rows,
        };
        for (layer, block) in self.weights.blocks.iter().enumerate() {
            let rope = ropes.of(self.config.rotary(layer));
            let seen = perhaps(block.perhaps(Place::AttentionNorm), stream.shallow_clone());
            let attended = if self.config.latent_attention.is_some() {
                self.latent_attention(layer, block, &seen, rope, see)
            } else {
                self.attention(layer, block, &seen, rope, see)
            };
            // Not added in place: the backward pass needs the stream as it was.
            stream = perhaps(block.perhaps(Place::AttentionPostNorm), attended) + stream;
            let seen = perhaps(block.perhaps(Place::FeedForwardNorm), stream.shallow_clone());
            let fed = self.feed_forward(block, &seen);
            stream = perhaps(block.perhaps(Place::FeedForwardPostNorm), fed) + stream;
        }
        self.normalise(&stream, &self.weights.norm)
    }

    /// Logits `(.., vocab_size)` for hidden states `(.., hidden_size)`.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Tensor {
        let logits = hidden.linear(self.weights.output_projection(), None::<&Tensor>);
        match self.config.final_logit_softcapping {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        }
    }

    fn attention(
        &self,
        layer: usize,
        block: &Block,
        input: &Tensor,
        rope: &Rope,
        see: &mut See<'_>,
    ) -> Tensor {
        let Config { num_attention_heads, num_key_value_heads, head_dim, .. } = self.config;
        let [rows, length, _] = input.size()[..] else {
            unreachable!("hidden states are (B, T, hidden_size)")
        };
        let projected = input.linear(block.tensor(Place::Qkv), block.perhaps(Place::QkvBias));
        let heads = projected.view([rows, length, num_attention_heads + 2 * num_key_value_heads, head_dim]);
        let (rotary, values) = split(&heads, 2, num_attention_heads + num_key_value_heads);
        let rotary = match block.perhaps(Place::QueryNorm).zip(block.perhaps(Place::KeyNorm)) {
            Some((query_norm, key_norm)) => {
                let (queries, keys) = split(&rotary, 2, num_attention_heads);
                // Each head by itself, or all of a token together: as many numbers as the norm has.
                let normalised = |heads: &Tensor, weight: &Tensor| {
                    let rows = heads.reshape([-1, weight.size()[0]]);
                    self.normalise(&rows, weight).view_as(heads)
                };
                Tensor::cat(&[normalised(&queries, query_norm), normalised(&keys, key_norm)], 2)
            }
            None => rotary,
        };
        let (queries, keys) = split(&rope.turn(&rotary), 2, num_attention_heads);
        let [queries, keys, values] = [queries, keys, values].map(|heads| heads.transpose(1, 2));

        let Seen { kept, mask, causal } = see(layer, vec![keys, values]);
        let look = Look::of_layer(&self.config, layer);
        let attended = attend(&queries, &kept[0], &kept[1], mask.as_ref(), causal, look);
        let joined = attended.transpose(1, 2).reshape([rows, length, num_attention_heads * head_dim]);
        joined.linear(block.tensor(Place::Output), block.perhaps(Place::OutputBias))
    }

    /// SwiGLU or GeGLU, <https://arxiv.org/abs/2002.05202>.
    fn feed_forward(&self, block: &Block, input: &Tensor) -> Tensor {
        let Some(router) = block.perhaps(Place::Router) else {
            return self.gated(input, block.tensor(Place::GateUp), block.tensor(Place::Down));
        };
        let rows = input.flatten(0, -2);
        let routing = Routing::of(&self.config, block.perhaps(Place::RouterBias));
        let kind = routing.kind_of_logits(rows.kind());
        let logits = rows.to_kind(kind).linear(&router.to_kind(kind), None::<&Tensor>);
        let matrices = [Place::GateUp, Place::Down].map(|place| block.tensor(place));
        let chosen = plain_experts(&rows, &logits, matrices, &routing).view_as(input);
        match block.perhaps(Place::SharedGateUp) {
            Some(shared) => chosen + self.gated(input, shared, block.tensor(Place::SharedDown)),
            None => chosen,
        }
    }

    fn gated(&self, input: &Tensor, gate_up: &Tensor, down: &Tensor) -> Tensor {
        let both = input.linear(gate_up, None::<&Tensor>);
        let (gate, up) = split(&both, 2, both.size()[2] / 2);
        let gate = match self.config.architecture.family().activation {
            Activation::Silu => gate.silu(),
            Activation::GeluTanh => gate.gelu("tanh"),
        };
        (gate * up).linear(down, None::<&Tensor>)
    }

    /// RMSNorm, <https://arxiv.org/abs/1910.07467>.
    fn normalise(&self, input: &Tensor, weight: &Tensor) -> Tensor {
        self.normalise_by(input, weight, self.config.rms_norm_eps)
    }

    fn normalise_by(&self, input: &Tensor, weight: &Tensor, epsilon: f64) -> Tensor {
        if weight.kind() == input.kind() {
            return input.rms_norm(weight.size(), Some(weight), epsilon);
        }
        // A weight in fp32 is multiplied by before rounding.
        let exact = input.to_kind(weight.kind());
        exact.rms_norm(weight.size(), Some(weight), epsilon).to_kind(input.kind())
    }
}

/// The first `size` columns of `dimension`, and the others. One operation, so that the backward pass puts the parts
/// together once.
fn split(tensor: &Tensor, dimension: usize, size: i64) -> (Tensor, Tensor) {
    let rest = tensor.size()[dimension] - size;
    let mut parts = tensor.split_with_sizes([size, rest], dimension as i64).into_iter();
    let mut next = || parts.next().expect("two sizes make two parts");
    (next(), next())
}
