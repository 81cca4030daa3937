//! The decoder over packed tokens, differentiable: what training runs.

use std::sync::Arc;

use gavel_torch::fused::Rotation;
use gavel_torch::{Parameter, linear};
use tch::Tensor;

use crate::Config;
use crate::attention::Look;
use crate::families::Place;
use crate::layers::{
    BalanceLoss, Heads, LatentHeads, LatentParameters, Routing, add_rms_norm, attention, embedding, experts,
    feed_forward, head_norm, latent_attention, rows,
};
use crate::load::ExpertLoad;
use crate::lora::Adapter;
use crate::model::one_more;
use crate::packed::Packed;
use crate::rope::PerRotary;
use crate::weights::Weights;

/// A model's shape and weights. `masters` get the gradients, `values` are the same in the format of the pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder<'a> {
    pub(crate) config: &'a Config,
    pub(crate) masters: &'a Weights,
    pub(crate) values: &'a Weights,
    /// What is trained in place of the masters, where the model has adapters.
    pub(crate) adapter: Option<&'a Adapter>,
    /// Where it is counted how many tokens go to each expert, if it is.
    pub(crate) load: Option<&'a ExpertLoad>,
    /// The loss that evens this out, if there is one.
    pub(crate) balance: Option<&'a Arc<BalanceLoss>>,
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
        let rotations = self.rotations(batch);
        let layers = 0..self.values.blocks.len();
        let stream =
            layers.fold(self.embed(batch), |stream, layer| self.block(layer, stream, batch, &rotations));
        self.finish(stream, batch)
    }

    pub(crate) fn rotations(&self, batch: &Packed) -> PerRotary<Rotation> {
        PerRotary::new(self.config, batch.positions.device(), |frequencies, length| {
            Rotation::with_frequencies(&batch.positions, frequencies, length, self.config.head_dim)
        })
    }

    pub(crate) fn embed(&self, batch: &Packed) -> Stream {
        let weight = Parameter::new(&self.masters.embedding, &self.values.embedding);
        let embedded = embedding(weight, batch);
        let sum = match self.config.embedding_scale(embedded.kind()) {
            Some(scale) => embedded * scale,
            None => embedded,
        };
        Stream { sum, delta: None }
    }

    /// One block of attention and feed-forward.
    pub(crate) fn block(
        &self,
        layer: usize,
        stream: Stream,
        batch: &Packed,
        rotations: &PerRotary<Rotation>,
    ) -> Stream {
        let Config { num_attention_heads, num_key_value_heads, head_dim, rms_norm_eps, .. } = *self.config;
        let heads = Heads { queries: num_attention_heads, keys: num_key_value_heads, width: head_dim };
        let (rotation, look) = (rotations.of(self.config.rotary(layer)), Look::of_layer(self.config, layer));
        let activation = self.config.architecture.family().activation;
        let (masters, values) = (&self.masters.blocks[layer], &self.values.blocks[layer]);
        let adapters = |place: Place| self.adapter.map_or(&[][..], |adapter| adapter.of(layer, place));
        let of = |place: Place| Parameter {
            adapters: adapters(place),
            ..Parameter::new(masters.tensor(place), values.tensor(place))
        };
        let perhaps = |place: Place| Some(Parameter::new(masters.perhaps(place)?, values.perhaps(place)?));

        let (sum, seen) = self.add_norm(stream, perhaps(Place::AttentionNorm));
        let qkv = linear(&seen, of(Place::Qkv), perhaps(Place::QkvBias));
        let attended = if self.config.latent_attention.is_some() {
            let parameters = LatentParameters {
                queries: perhaps(Place::QueryLatentNorm).map(|norm| [norm, of(Place::QueryUp)]),
                keys_values: [Place::KeyValueLatentNorm, Place::KeyValueUp].map(of),
            };
            let heads = LatentHeads::of(self.config);
            latent_attention(&qkv, &parameters, heads, rotation, &batch.visibility, look)
        } else {
            let qkv = match perhaps(Place::QueryNorm).zip(perhaps(Place::KeyNorm)) {
                Some((queries, keys)) => {
                    let found = [self.norm_value(queries), self.norm_value(keys)];
                    let queries = Parameter { value: &found[0], ..queries };
                    head_norm(&qkv, heads, queries, Parameter { value: &found[1], ..keys }, rms_norm_eps)
                }
                None => qkv,
            };
            attention(qkv, heads, rotation, &batch.visibility, look)
        };
        let attended = linear(&attended, of(Place::Output), perhaps(Place::OutputBias));
        let attended = self.post_norm(attended, perhaps(Place::AttentionPostNorm));

        let stream = Stream { sum, delta: Some(attended) };
        let (sum, seen) = self.add_norm(stream, perhaps(Place::FeedForwardNorm));
        let fed = match perhaps(Place::Router) {
            Some(router) => {
                let routing = Routing::of(self.config, values.perhaps(Place::RouterBias));
                let kind = routing.kind_of_logits(seen.kind());
                let value = router.value.to_kind(kind);
                let logits = linear(&seen.to_kind(kind), Parameter { value: &value, ..router }, None);
                let matrices = [of(Place::GateUp), of(Place::Down)];
                let attached = self.balance.map(|balance| balance.attach(&logits));
                let count = &mut |counts: &[i64]| {
                    if let Some(load) = self.load {
                        load.add(layer, counts);
                        self.balance.iter().for_each(|balance| balance.count(&logits, counts));
                    }
                };
                let logits = attached.as_ref().unwrap_or(&logits);
                let chosen = experts(&seen, logits, matrices, &routing, count);
                match masters.perhaps(Place::SharedGateUp) {
                    Some(_) => {
                        let matrices = [Place::SharedGateUp, Place::SharedDown].map(of);
                        chosen + feed_forward(&seen, matrices[0], matrices[1], activation)
                    }
                    None => chosen,
                }
            }
            None => feed_forward(&seen, of(Place::GateUp), of(Place::Down), activation),
        };
        Stream { sum, delta: Some(self.post_norm(fed, perhaps(Place::FeedForwardPostNorm))) }
    }

    /// The sum of a stream, and what a layer sees of it.
    fn add_norm(&self, stream: Stream, norm: Option<Parameter<'_>>) -> (Tensor, Tensor) {
        let Stream { sum, delta } = stream;
        match norm {
            Some(norm) => {
                let value = self.norm_value(norm);
                let norm = Parameter { value: &value, ..norm };
                add_rms_norm(&sum, delta.as_ref(), norm, self.config.rms_norm_eps)
            }
            None => {
                let sum = delta.map_or_else(|| sum.shallow_clone(), |delta| &sum + delta);
                (sum.shallow_clone(), sum)
            }
        }
    }

    /// What a layer gives, normalised where the family does that.
    fn post_norm(&self, given: Tensor, norm: Option<Parameter<'_>>) -> Tensor {
        let stream = Stream { sum: given, delta: None };
        if norm.is_some() { self.add_norm(stream, norm).1 } else { stream.sum }
    }

    /// What a norm multiplies by.
    fn norm_value(&self, norm: Parameter<'_>) -> Tensor {
        if self.config.architecture.family().norms_add_one {
            one_more(&norm.value.detach())
        } else {
            norm.value.shallow_clone()
        }
    }

    /// The last normalisation, of the tokens that predict alone.
    pub(crate) fn finish(&self, stream: Stream, batch: &Packed) -> Tensor {
        let stream = match stream.delta {
            Some(delta) => stream.sum + delta,
            None => stream.sum,
        };
        let norm = Parameter::new(&self.masters.norm, &self.values.norm);
        self.add_norm(Stream { sum: rows(&stream, &batch.predicting), delta: None }, Some(norm)).1
    }

    /// The output projection.
    pub(crate) fn head(&self) -> Parameter<'a> {
        Parameter::new(self.masters.output_projection(), self.values.output_projection())
    }
}
