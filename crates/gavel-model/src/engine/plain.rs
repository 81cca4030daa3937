//! The engine on tensor operations: on a CPU, and wherever kernels cannot be used.
//!
//! A sequence has a row in tensors of keys and values that were made once for the longest sequence. The rows in use are
//! the first ones, so that every operation works on a part of the tensors and nothing is copied.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use gavel_torch::kernels::sample::uniform;
use tch::{Device, Kind, Tensor, no_grad};

use super::draw::draw;
use super::{Admission, Backend, Drawn, Key, PromptKey, Room, Sampling};
use crate::attention::Rope;
use crate::memory::{SamplingMemory, bytes_of};
use crate::network::{Network, Seen};
use crate::rope::PerRotary;
use crate::{Config, Model, Precision};

/// Rows whose sequence has ended are filled by the last ones, which are copied, once they are this part of all.
const COMPACT_FRACTION: f64 = 0.2;
/// At most this many tokens of prompts are computed at a time, padding included.
const PROMPT_TOKENS: usize = 1 << 15;

pub(super) struct Plain {
    config: Config,
    device: Device,
    slots: usize,
    network: Network,
    /// For every position.
    ropes: PerRotary<Rope>,
    /// For each layer keys and values, or the latent of both, `(slots, heads, tokens, width)`; see [`Config::kept_tables`].
    caches: Vec<Vec<Tensor>>,
    /// The sequences in the first rows; `None` where one has ended.
    rows: Vec<Option<Row>>,
    prompts: HashMap<PromptKey, Computed>,
    /// First tokens, drawn when the sequences were admitted.
    first: Vec<Drawn>,
}

/// What an engine with this room takes besides the weights that the model has anyway: keys and values, and the weights in
/// the format and order of its own.
pub(super) fn memory(config: &Config, room: Room, precision: Precision) -> SamplingMemory {
    let size = bytes_of(precision.compute);
    let tokens = (room.slots * room.tokens) as u64;
    // Weights of another format are copied; projections of queries, keys and values are put in another order.
    let is_reordered = i64::from(config.latent_attention.is_none());
    let projections = (is_reordered
        * (config.num_attention_heads + 2 * config.num_key_value_heads)
        * config.head_dim
        * config.hidden_size
        * config.num_hidden_layers) as u64;
    let copies = if precision.parameters == precision.compute { 0 } else { config.count_parameters().all };
    SamplingMemory { cache: tokens * config.cache_numbers() * size, working: (projections + copies) * size }
}

/// A sequence in a row.
struct Row {
    key: Key,
    sampling: Rc<Sampling>,
    stream: u64,
    /// The token drawn last, which is not in the cache yet.
    token: i64,
    /// How many tokens are in the cache.
    length: i64,
    /// How many tokens were drawn.
    drawn: u32,
}

impl Row {
    /// The random number for the next token.
    fn uniform(&self) -> f64 {
        uniform(self.sampling.seed, self.stream, self.drawn)
    }
}

/// A prompt that was computed.
struct Computed {
    length: i64,
    /// For each layer what is kept of its tokens, `(heads, length, width)`.
    layers: Vec<Vec<Tensor>>,
    /// After its last token, `(V)`.
    logits: Tensor,
}

impl Plain {
    pub(super) fn new(model: &Model, room: Room) -> Self {
        let (config, device) = (model.config().clone(), model.device());
        let network = model.network();
        // Zeros: what is beyond a sequence is masked, and must be a number for that.
        let zeros = |&[heads, width]: &[i64; 2]| {
            Tensor::zeros([room.slots as i64, heads, room.tokens as i64, width], (network.kind(), device))
        };
        let tables = config.kept_tables();
        let caches = (0..config.layers()).map(|_| tables.iter().map(zeros).collect()).collect();
        let ropes = Rope::of_layers(&config, &Tensor::arange(room.tokens as i64, (Kind::Int64, device)));
        let (rows, prompts, first) = (Vec::new(), HashMap::new(), Vec::new());
        Self { config, device, slots: room.slots, network, ropes, caches, rows, prompts, first }
    }

    /// Computes prompts together, padded on the right, where padding is seen by nobody.
    fn compute(&mut self, prompts: &[(PromptKey, &[i64])]) {
        let width = prompts.iter().map(|(_, tokens)| tokens.len()).max().unwrap_or(0);
        let rows = (PROMPT_TOKENS / width.max(1)).max(1);
        for prompts in prompts.chunks(rows) {
            self.compute_together(prompts);
        }
    }

    fn compute_together(&mut self, prompts: &[(PromptKey, &[i64])]) {
        let lengths: Vec<i64> = prompts.iter().map(|(_, tokens)| tokens.len() as i64).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let padded = prompts.iter().flat_map(|(_, tokens)| {
            tokens.iter().copied().chain(std::iter::repeat_n(0, width as usize - tokens.len()))
        });
        let tokens = self.tensor(&padded.collect::<Vec<_>>()).view([lengths.len() as i64, width]);
        let ropes = Rope::of_layers(&self.config, &Tensor::arange(width, (Kind::Int64, self.device)));
        let mut layers = Vec::new();
        let hidden = self.network.run(&tokens, &ropes, &mut |_, kept| {
            layers.push(kept.iter().map(Tensor::shallow_clone).collect::<Vec<_>>());
            Seen { kept, mask: None, causal: width > 1 }
        });
        let rows = Tensor::arange(lengths.len() as i64, (Kind::Int64, self.device));
        let last = self.tensor(&lengths) - 1;
        let logits = self.network.logits(&hidden.index(&[Some(rows), Some(last)]));
        for (row, (&(key, _), length)) in (0..).zip(prompts.iter().zip(lengths)) {
            let of_prompt = |table: &Tensor| table.get(row).narrow(1, 0, length);
            let layers = layers.iter().map(|layer| layer.iter().map(of_prompt).collect()).collect();
            self.prompts.insert(key, Computed { length, layers, logits: logits.get(row) });
        }
    }

    /// Copies the keys and values of a prompt into `count` rows from `first` on.
    fn fill(&self, first: usize, count: usize, prompt: &Computed) {
        for (cache, computed) in self.caches.iter().zip(&prompt.layers) {
            for (cache, computed) in cache.iter().zip(computed) {
                let mut rows = cache.narrow(0, first as i64, count as i64).narrow(2, 0, prompt.length);
                rows.copy_(&computed.unsqueeze(0));
            }
        }
    }

    /// Draws a token for each of `rows`, whose logits are `(rows, V)`.
    fn draw(&mut self, rows: &[usize], logits: &Tensor) -> Vec<Drawn> {
        let mut drawn = Vec::with_capacity(rows.len());
        // Rows that are sampled alike are drawn together: all of them, as a rule.
        let mut left: Vec<usize> = (0..rows.len()).collect();
        while let Some(&first) = left.first() {
            let row_of = |index: usize| self.rows[rows[index]].as_ref().expect("a row in use");
            let sampling = Rc::clone(&row_of(first).sampling);
            let (alike, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|&index| row_of(index).sampling == sampling);
            let uniforms: Vec<f64> = alike.iter().map(|&index| row_of(index).uniform()).collect();
            let chosen = if others.is_empty() && alike.len() == rows.len() {
                logits.shallow_clone()
            } else {
                let alike: Vec<i64> = alike.iter().map(|&index| index as i64).collect();
                logits.index_select(0, &self.tensor(&alike))
            };
            let (tokens, log_probs) = draw(&chosen, &sampling, &uniforms);
            for ((index, token), log_prob) in alike.into_iter().zip(tokens).zip(log_probs) {
                let row = self.rows[rows[index]].as_mut().expect("a row in use");
                (row.token, row.drawn) = (token, row.drawn + 1);
                drawn.push(Drawn { key: row.key, token, log_prob });
            }
            left = others;
        }
        drawn
    }

    /// Moves the last rows into those that have ended, where these are many.
    fn compact(&mut self) {
        let live = self.rows.iter().flatten().count();
        if ((self.rows.len() - live) as f64) < COMPACT_FRACTION * self.rows.len() as f64 {
            return;
        }
        let holes: Vec<usize> = (0..live).filter(|&row| self.rows[row].is_none()).collect();
        let last: Vec<usize> = (live..self.rows.len()).filter(|&row| self.rows[row].is_some()).collect();
        let longest = self.rows.iter().flatten().map(|row| row.length).max().unwrap_or(0);
        if !holes.is_empty() {
            let index = |rows: &[usize]| self.tensor(&rows.iter().map(|&row| row as i64).collect::<Vec<_>>());
            let (to, from) = (index(&holes), index(&last));
            for cache in self.caches.iter().flatten() {
                let mut filled = cache.narrow(2, 0, longest);
                let _ = filled.index_copy_(0, &to, &filled.index_select(0, &from));
            }
        }
        for (hole, last) in holes.into_iter().zip(last) {
            self.rows[hole] = self.rows[last].take();
        }
        self.rows.truncate(live);
    }

    /// Adds the last token of every row to the cache; gives the logits `(rows, V)` after it. Rows that have ended go along,
    /// as long as the longest one, and what comes of them is not used.
    fn forward(&self) -> Tensor {
        let longest = self.rows.iter().flatten().map(|row| row.length).max().unwrap_or(0);
        let count = self.rows.len() as i64;
        let of_rows = |get: fn(&Row) -> i64, other: i64| -> Vec<i64> {
            self.rows.iter().map(|row| row.as_ref().map_or(other, get)).collect()
        };
        let tokens = self.tensor(&of_rows(|row| row.token, 0)).unsqueeze(-1);
        let lengths = of_rows(|row| row.length, longest);
        let uneven = lengths.iter().any(|&length| length != longest);
        let positions = self.tensor(&lengths);
        let mask_of = |window: Option<i64>| {
            let window = window.filter(|&window| window <= longest);
            if !uneven && window.is_none() {
                return None;
            }
            let columns = Tensor::arange(longest + 1, (Kind::Int64, self.device)).unsqueeze(0);
            let positions = positions.unsqueeze(-1);
            let mut beyond = columns.gt_tensor(&positions);
            if let Some(window) = window {
                beyond = beyond.logical_or(&columns.le_tensor(&(&positions - window)));
            }
            let bias = Tensor::zeros(beyond.size(), (self.network.kind(), self.device));
            Some(bias.masked_fill(&beyond, f64::NEG_INFINITY).view([count, 1, 1, longest + 1]))
        };
        let (mask, in_window) = (mask_of(None), mask_of(self.config.shortest_window()));
        let rows = Tensor::arange(count, (Kind::Int64, self.device));
        let place = [Some(&rows), None, Some(&positions)];
        let add = |cache: &Tensor, new: &Tensor| {
            let mut cache = cache.narrow(0, 0, count);
            if uneven {
                let _ = cache.index_put_(&place, &new.squeeze_dim(2), false);
            } else {
                cache.narrow(2, longest, 1).copy_(new);
            }
            cache.narrow(2, 0, longest + 1)
        };
        let ropes = self.ropes.map(|rope| rope.rows(&positions));
        let hidden = self.network.run(&tokens, &ropes, &mut |layer, new| {
            let kept = self.caches[layer].iter().zip(&new).map(|(cache, new)| add(cache, new)).collect();
            let mask = if self.config.window(layer).is_some() { &in_window } else { &mask };
            Seen { kept, mask: mask.as_ref().map(Tensor::shallow_clone), causal: false }
        });
        self.network.logits(&hidden).squeeze_dim(1)
    }

    fn tensor(&self, numbers: &[i64]) -> Tensor {
        Tensor::from_slice(numbers).to_device(self.device)
    }
}

impl Backend for Plain {
    fn admit(&mut self, waiting: &VecDeque<Admission>) -> usize {
        let free = self.slots - self.rows.iter().flatten().count();
        let admitted: Vec<&Admission> = waiting.iter().take(free).collect();
        let mut new: Vec<(PromptKey, &[i64])> = Vec::new();
        for admission in &admitted {
            let known = self.prompts.contains_key(&admission.prompt);
            if !known && new.iter().all(|(key, _)| *key != admission.prompt) {
                new.push((admission.prompt, &admission.request.prompt));
            }
        }
        self.compute(&new);

        let holes: Vec<usize> = (0..self.rows.len()).filter(|&row| self.rows[row].is_none()).collect();
        let places = holes.into_iter().chain(self.rows.len()..self.slots);
        let rows: Vec<usize> = places.take(admitted.len()).collect();
        for (&row, admission) in rows.iter().zip(&admitted) {
            if row == self.rows.len() {
                self.rows.push(None);
            }
            self.rows[row] = Some(Row {
                key: admission.key,
                sampling: Rc::clone(&admission.request.sampling),
                stream: admission.stream(),
                token: 0,
                length: admission.request.prompt.len() as i64,
                drawn: 0,
            });
        }
        // Rows beside each other with the same prompt are filled at once.
        let mut begin = 0;
        while begin < rows.len() {
            let goes_on =
                |at: usize| rows[at] == rows[at - 1] + 1 && admitted[at].prompt == admitted[begin].prompt;
            let end = (begin + 1..rows.len()).find(|&at| !goes_on(at)).unwrap_or(rows.len());
            self.fill(rows[begin], end - begin, &self.prompts[&admitted[begin].prompt]);
            begin = end;
        }
        if !rows.is_empty() {
            let logits: Vec<&Tensor> =
                admitted.iter().map(|admission| &self.prompts[&admission.prompt].logits).collect();
            let drawn = self.draw(&rows, &Tensor::stack(&logits, 0));
            self.first.extend(drawn);
        }
        rows.len()
    }

    fn step(&mut self) -> Vec<Drawn> {
        if !self.first.is_empty() {
            return std::mem::take(&mut self.first);
        }
        self.compact();
        let logits = self.forward();
        let rows: Vec<usize> = (0..self.rows.len()).filter(|&row| self.rows[row].is_some()).collect();
        for row in self.rows.iter_mut().flatten() {
            row.length += 1;
        }
        let logits = if rows.len() == self.rows.len() {
            logits
        } else {
            logits.index_select(0, &self.tensor(&rows.iter().map(|&row| row as i64).collect::<Vec<_>>()))
        };
        self.draw(&rows, &logits)
    }

    fn release(&mut self, key: Key) {
        let of_key = |row: &&mut Option<Row>| row.as_ref().is_some_and(|row| row.key == key);
        if let Some(row) = self.rows.iter_mut().find(of_key) {
            *row = None;
        }
        while self.rows.last().is_some_and(Option::is_none) {
            self.rows.pop();
        }
        self.first.retain(|drawn| drawn.key != key);
    }

    fn forget(&mut self, prompt: PromptKey) {
        self.prompts.remove(&prompt);
    }

    fn load_weights(&mut self, model: &Model) {
        self.network = no_grad(|| model.network());
        // What was computed with the old weights serves the sequences that have begun, and no others.
        self.prompts.clear();
    }
}
