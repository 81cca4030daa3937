//! The transformer on kernels of our own: many rows of one token each, through all layers.

use gavel_torch::cuda::{Cuda, CudaError, Graph, Product, Stream, Target};
use gavel_torch::kernels::decode::{DecodeKernels, DecoderShape, PAGE, Paged, Partial, Slots};
use gavel_torch::kernels::sample::{Draw, RING, SampleKernels, row_of_logits};
use tch::{Device, Kind, Tensor};

use crate::attention::Rope;
use crate::families::Place;
use crate::rope::Rotary;
use crate::weights::Weights;
use crate::{Config, Model};

/// Weights, cache and working memory, all of which stay where they are: graphs know their addresses.
pub(super) struct Decoder {
    cuda: Cuda,
    epsilon: f64,
    /// In bf16 and in checkpoint order.
    weights: Weights,
    kernels: DecodeKernels,
    sampler: SampleKernels,
    products: Products,
    cache: Vec<Layer>,
    rope: Tensor,
    partial: Partial,
    memory: Memory,
}

struct Products {
    qkv: Product,
    output: Product,
    gate_up: Product,
    down: Product,
    head: Product,
}

/// `(pages, key_value_heads, PAGE, head_dim)`.
struct Layer {
    keys: Tensor,
    values: Tensor,
}

/// What a step works in, a row for a token.
struct Memory {
    hidden: Tensor,
    normalised: Tensor,
    projected: Tensor,
    attended: Tensor,
    gate_up: Tensor,
    activated: Tensor,
    logits: Tensor,
    /// `(rows, 2)` i32: slot and position.
    rows: Tensor,
}

/// How large everything is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Tokens of one pass through the layers.
    pub(super) rows: i64,
    /// Of these, tokens that are drawn after.
    pub(super) drawn: i64,
    /// The longest sequence.
    pub(super) tokens: i64,
    pub(super) pages: i64,
}

/// Which rows a pass has, and where their keys and values are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) count: i64,
    /// `(count, 2)` i32: line of the table, or -1; position.
    pub(super) places: &'a Tensor,
    /// `(lines, pages)` i32.
    pub(super) table: &'a Tensor,
    /// Whether rows may be tokens of the same sequence. If not, a row's key and value are stored as it attends.
    pub(super) share: bool,
}

impl Decoder {
    pub(super) fn new(cuda: Cuda, model: &Model, size: Size) -> Result<Self, CudaError> {
        let config = model.config();
        let shape = shape_of(config);
        let weights = model.values().map(|tensor| tensor.to_kind(Kind::BFloat16));
        if weights.blocks.iter().any(|block| block.perhaps(Place::OutputBias).is_some()) {
            return Err(CudaError::Unsupported("a bias on the output of attention".to_owned()));
        }
        let kernels = DecodeKernels::new(&cuda, shape)?;
        let sampler = SampleKernels::new(&cuda, config.vocab_size, size.drawn)?;
        let biased = weights.blocks.iter().any(|block| block.perhaps(Place::QkvBias).is_some());
        let products = Products::new(&cuda, config.vocab_size, shape, biased)?;
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::BFloat16, cuda.device()));
        // Zeros: what is read beyond a sequence counts for nothing, but must be a number.
        let pages = [size.pages, shape.key_heads, PAGE, shape.head_dim];
        let cache = (0..config.num_hidden_layers)
            .map(|_| Layer { keys: zeros(&pages), values: zeros(&pages) })
            .collect();
        let memory = Memory {
            hidden: zeros(&[size.rows, shape.hidden]),
            normalised: zeros(&[size.rows, shape.hidden]),
            projected: zeros(&[size.rows, shape.projected()]),
            attended: zeros(&[size.rows, shape.attended()]),
            gate_up: zeros(&[size.rows, 2 * shape.intermediate]),
            activated: zeros(&[size.rows, shape.intermediate]),
            logits: zeros(&[size.drawn, row_of_logits(config.vocab_size)]),
            rows: Tensor::zeros([size.drawn, 2], (Kind::Int, cuda.device())),
        };
        let positions = Tensor::arange(size.tokens, (Kind::Int64, cuda.device()));
        let rope = Rope::of_layers(config, &positions).of(Rotary::Global).table();
        let partial = kernels.partial(&cuda, size.rows, size.tokens);
        let epsilon = config.rms_norm_eps;
        Ok(Self { cuda, epsilon, weights, kernels, sampler, products, cache, rope, partial, memory })
    }

    pub(super) fn cuda(&self) -> &Cuda {
        &self.cuda
    }

    /// Takes over the weights of `model`, in place.
    pub(super) fn load_weights(&mut self, model: &Model) {
        for ((_, mine), (_, theirs)) in self.weights.named().into_iter().zip(model.values().named()) {
            // Those of a model that computes in bf16 are shared, and the trainer has refreshed them.
            if mine.data_ptr() != theirs.data_ptr() {
                mine.shallow_clone().copy_(theirs);
            }
        }
    }

    /// Puts the embeddings of `tokens` `(count)` i32 into the first rows.
    pub(super) fn embed_tokens(&self, tokens: &Tensor) {
        let embedded = self.weights.embedding.index_select(0, tokens);
        self.memory.hidden.narrow(0, 0, tokens.size()[0]).copy_(&embedded);
    }

    /// Puts hidden states `(count, hidden_size)` into the first rows.
    pub(super) fn set_hidden(&self, hidden: &Tensor) {
        self.memory.hidden.narrow(0, 0, hidden.size()[0]).copy_(hidden);
    }

    /// A copy of some rows of the hidden states: `rows` `(n)` i32.
    pub(super) fn hidden(&self, rows: &Tensor) -> Tensor {
        self.memory.hidden.index_select(0, rows)
    }

    /// Copies pages `from` to pages `to`, both `(n)` i32, in all layers.
    pub(super) fn copy_pages(&self, from: &Tensor, to: &Tensor) {
        let to = to.to_kind(Kind::Int64);
        for table in self.cache.iter().flat_map(|layer| [&layer.keys, &layer.values]) {
            let _ = table.shallow_clone().index_copy_(0, &to, &table.index_select(0, from));
        }
    }

    /// Runs the hidden states of the first rows through all layers.
    pub(super) fn layers(&self, rows: Rows<'_>, stream: Stream) {
        let (memory, products, count) = (&self.memory, &self.products, rows.count);
        for (block, layer) in self.weights.blocks.iter().zip(&self.cache) {
            let cache = Paged {
                keys: &layer.keys,
                values: &layer.values,
                rows: rows.places,
                table: rows.table,
                rope: &self.rope,
            };
            self.normalise(count, block.tensor(Place::AttentionNorm), stream);
            let bias = block.perhaps(Place::QkvBias);
            products.qkv.run(
                count,
                &memory.normalised,
                block.tensor(Place::Qkv),
                bias,
                &memory.projected,
                stream,
            );
            if let Some((queries, keys)) = block.perhaps(Place::QueryNorm).zip(block.perhaps(Place::KeyNorm))
            {
                self.kernels.head_norm(count, &memory.projected, [queries, keys], self.epsilon, stream);
            }
            if rows.share {
                self.kernels.store_keys(count, &memory.projected, cache, stream);
            }
            let output = (&memory.attended, &self.partial);
            self.kernels.attention(count, &memory.projected, cache, !rows.share, output, stream);
            products.output.run(
                count,
                &memory.attended,
                block.tensor(Place::Output),
                None,
                &memory.hidden,
                stream,
            );
            self.normalise(count, block.tensor(Place::FeedForwardNorm), stream);
            products.gate_up.run(
                count,
                &memory.normalised,
                block.tensor(Place::GateUp),
                None,
                &memory.gate_up,
                stream,
            );
            self.kernels.silu_mul(count, &memory.gate_up, &memory.activated, stream);
            products.down.run(
                count,
                &memory.activated,
                block.tensor(Place::Down),
                None,
                &memory.hidden,
                stream,
            );
        }
    }

    fn normalise(&self, count: i64, weight: &Tensor, stream: Stream) {
        let Memory { hidden, normalised, .. } = &self.memory;
        self.kernels.rms_norm(count, hidden, weight, self.epsilon, normalised, stream);
    }

    /// Draws a token after each of the first rows, whose slots and positions are `places`.
    pub(super) fn draw(
        &self,
        count: i64,
        places: &Tensor,
        slots: SlotTensors<'_>,
        cuts: bool,
        stream: Stream,
    ) {
        self.normalise(count, &self.weights.norm, stream);
        let head = self.weights.head.as_ref().unwrap_or(&self.weights.embedding);
        let Memory { normalised, logits, .. } = &self.memory;
        self.products.head.run(count, normalised, head, None, logits, stream);
        let SlotTensors { sampling, state, .. } = slots;
        let draw = Draw {
            logits,
            rows: places,
            slots: sampling,
            tokens: &state.tokens,
            positions: &state.positions,
            done: &state.done,
            drawn: &state.drawn,
            log_probs: &state.log_probs,
        };
        self.sampler.draw(count, draw, cuts, stream);
    }

    /// One token for each of `count` rows, whose slots are `of_rows`.
    pub(super) fn step(
        &self,
        count: i64,
        of_rows: &Tensor,
        slots: SlotTensors<'_>,
        cuts: bool,
        stream: Stream,
    ) {
        let SlotTensors { state, table, .. } = slots;
        let (tokens, positions, done) = (&state.tokens, &state.positions, &state.done);
        let embedded = Slots { of_rows, tokens, positions, done };
        let places = &self.memory.rows;
        self.kernels.embed(count, &self.weights.embedding, embedded, places, &self.memory.hidden, stream);
        self.layers(Rows { count, places, table, share: false }, stream);
        self.draw(count, places, slots, cuts, stream);
    }

    /// The step as a graph. `idle` are as many rows without a slot: with these it runs once before, since libraries load
    /// their kernels at the first use, which cannot be recorded.
    pub(super) fn record(
        &self,
        count: i64,
        of_rows: &Tensor,
        idle: &Tensor,
        slots: SlotTensors<'_>,
        cuts: bool,
    ) -> Result<Graph, CudaError> {
        self.step(count, idle, slots, cuts, self.cuda.current_stream());
        self.cuda.record(|stream| self.step(count, of_rows, slots, cuts, stream))
    }
}

/// What the device knows of slots.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotTensors<'a> {
    /// `(slots)` `SlotSampling`, as i32.
    pub(super) sampling: &'a Tensor,
    /// `(slots, pages)` i32.
    pub(super) table: &'a Tensor,
    pub(super) state: &'a State,
}

/// What the device writes of slots.
#[derive(Debug)]
pub(super) struct State {
    /// All of it, as it is copied to the host: positions, drawn tokens, log-probabilities.
    pub(super) whole: Tensor,
    pub(super) tokens: Tensor,
    pub(super) positions: Tensor,
    pub(super) done: Tensor,
    /// `(slots, RING)`.
    pub(super) drawn: Tensor,
    /// `(slots, RING)` f32.
    pub(super) log_probs: Tensor,
}

impl State {
    pub(super) fn new(device: Device, slots: usize) -> Self {
        let slots = slots as i64;
        let zeros = |length: i64| Tensor::zeros([length], (Kind::Int, device));
        let ring = slots * RING as i64;
        let whole = zeros(slots + 2 * ring);
        Self {
            tokens: zeros(slots),
            positions: whole.narrow(0, 0, slots),
            done: zeros(slots),
            drawn: whole.narrow(0, slots, ring),
            log_probs: whole.narrow(0, slots + ring, ring).view_dtype(Kind::Float),
            whole,
        }
    }
}

impl Products {
    fn new(cuda: &Cuda, vocabulary: i64, shape: DecoderShape, biased: bool) -> Result<Self, CudaError> {
        let products = cuda.products()?;
        let DecoderShape { hidden, intermediate, .. } = shape;
        let (projected, attended, both) = (shape.projected(), shape.attended(), 2 * intermediate);
        let qkv = if biased { Target::Biased } else { Target::Output };
        Ok(Self {
            qkv: products.product(hidden, projected, projected, qkv)?,
            output: products.product(attended, hidden, hidden, Target::Sum)?,
            gate_up: products.product(hidden, both, both, Target::Output)?,
            down: products.product(intermediate, hidden, hidden, Target::Sum)?,
            head: products.product(hidden, vocabulary, row_of_logits(vocabulary), Target::Output)?,
        })
    }
}

pub(super) fn shape_of(config: &Config) -> DecoderShape {
    DecoderShape {
        hidden: config.hidden_size,
        intermediate: config.intermediate_size,
        head_dim: config.head_dim,
        heads: config.num_attention_heads,
        key_heads: config.num_key_value_heads,
    }
}
