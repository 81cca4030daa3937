//! The decoder over packed tokens, differentiable: what training runs.

use gavel_torch::fused::Rotation;
use gavel_torch::{Parameter, linear};
use tch::Tensor;

use crate::Config;
use crate::layers::{Heads, add_rms_norm, attention, embedding, feed_forward, head_norm, rows};
use crate::packed::Packed;
use crate::rope::frequencies;
use crate::weights::{Block, Weights};

/// A model's shape and weights. `masters` get the gradients, `values` are the same in the format of the pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder<'a> {
    pub(crate) config: &'a Config,
    pub(crate) masters: &'a Weights,
    pub(crate) values: &'a Weights,
}

/// The residual stream between two blocks: what the last layer adds to it is added by the next normalisation.
#[derive(Debug)]
pub(crate) struct Stream {
    /// `(N, hidden_size)`.
    pub(crate) sum: Tensor,
    /// `(N, hidden_size)`; none before the first layer.
    pub(crate) delta: Option<Tensor>,
}

impl<'a> Decoder<'a> {
    /// What the model says of the tokens that predict, `(n, hidden_size)`: logits are these by the head.
    pub(crate) fn hidden_states(&self, batch: &Packed) -> Tensor {
        let rotation = self.rotation(batch);
        let layers = 0..self.values.blocks.len();
        let stream =
            layers.fold(self.embed(batch), |stream, layer| self.block(layer, stream, batch, &rotation));
        self.finish(stream, batch)
    }

    pub(crate) fn rotation(&self, batch: &Packed) -> Rotation {
        Rotation::with_frequencies(&batch.positions, &frequencies(self.config, batch.positions.device()))
    }

    pub(crate) fn embed(&self, batch: &Packed) -> Stream {
        let weight = parameter(&self.masters.embedding, &self.values.embedding);
        Stream { sum: embedding(weight, batch), delta: None }
    }

    /// One block of attention and feed-forward.
    pub(crate) fn block(&self, layer: usize, stream: Stream, batch: &Packed, rotation: &Rotation) -> Stream {
        let Config { num_attention_heads, num_key_value_heads, head_dim, rms_norm_eps, .. } = *self.config;
        let heads = Heads { queries: num_attention_heads, keys: num_key_value_heads, width: head_dim };
        let (masters, values) = (&self.masters.blocks[layer], &self.values.blocks[layer]);
        let of = |field: fn(&Block) -> &Tensor| parameter(field(masters), field(values));
        let perhaps = |field: fn(&Block) -> Option<&Tensor>| Some(parameter(field(masters)?, field(values)?));

        let norm = of(|block| &block.attention_norm);
        let (sum, normalised) = add_rms_norm(&stream.sum, stream.delta.as_ref(), norm, rms_norm_eps);
        let qkv = linear(&normalised, of(|block| &block.qkv), perhaps(|block| block.qkv_bias.as_ref()));
        let query_norm = perhaps(|block| block.query_norm.as_ref());
        let qkv = match query_norm.zip(perhaps(|block| block.key_norm.as_ref())) {
            Some((queries, keys)) => head_norm(&qkv, heads, queries, keys, rms_norm_eps),
            None => qkv,
        };
        let seen = attention(qkv, heads, rotation, &batch.visibility);
        let attended = linear(&seen, of(|block| &block.output), perhaps(|block| block.output_bias.as_ref()));

        let norm = of(|block| &block.feed_forward_norm);
        let (sum, normalised) = add_rms_norm(&sum, Some(&attended), norm, rms_norm_eps);
        let fed = feed_forward(&normalised, of(|block| &block.gate_up), of(|block| &block.down));
        Stream { sum, delta: Some(fed) }
    }

    /// The last normalisation, of the tokens that predict alone.
    pub(crate) fn finish(&self, stream: Stream, batch: &Packed) -> Tensor {
        let stream = match stream.delta {
            Some(delta) => stream.sum + delta,
            None => stream.sum,
        };
        let norm = parameter(&self.masters.norm, &self.values.norm);
        add_rms_norm(&rows(&stream, &batch.predicting), None, norm, self.config.rms_norm_eps).1
    }

    /// The output projection.
    pub(crate) fn head(&self) -> Parameter<'a> {
        parameter(self.masters.output_projection(), self.values.output_projection())
    }
}

fn parameter<'a>(master: &'a Tensor, value: &'a Tensor) -> Parameter<'a> {
    Parameter { master, value }
}
