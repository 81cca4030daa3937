//! The engine on kernels of our own, for CUDA devices: a step is one graph, and the host looks at what was drawn only every
//! few steps, while the next ones run.
//!
//! ```text
//!   host    submit … │ plan, launch 8 │ read the 8 before, refill │ plan, launch 8 │ read …
//!   device           │ prompts │ step step step step step step step step │ prompts │ step …
//! ```
//!
//! The host decides who sits in which slot, and says it in one copy before the steps (the plan). The device keeps each
//! slot's token, position and whether it has ended, so that nothing of a step depends on the host.

mod chunk;
mod decoder;
mod memory;
mod pages;
mod plan;
mod upload;

use std::collections::{HashMap, VecDeque};

use gavel_torch::cuda::{Cuda, CudaError, Graph, Pinned};
use gavel_torch::kernels::decode::PAGE;
use gavel_torch::kernels::sample::RING;
use tch::{Device, Kind, Tensor};

use self::chunk::{Chunk, PROMPT_ROWS, PROMPT_TABLE};
use self::decoder::{Decoder, Rows, Size, State};
pub(super) use self::memory::memory;
use self::pages::Pages;
use self::plan::Plan;
use self::upload::Upload;
use super::{Admission, Backend, Drawn, Key, PromptKey, Room};
use crate::Model;

/// Steps between two looks at what was drawn.
const PERIOD: usize = 8;
/// Tokens of prompts go through the layers in multiples of so many.
const PROMPT_ROWS_STEP: usize = 64;
/// Between two looks a slot draws its first token and two periods at most.
const _: () = assert!(2 * PERIOD < RING);

/// See the module.
pub(super) struct Kernels {
    decoder: Decoder,
    plan: Plan,
    state: State,
    slots: Vec<Option<Occupant>>,
    pages: Pages,
    prompts: HashMap<PromptKey, Computed>,
    /// For the tokens of prompts, and for what begins sequences.
    uploads: [Upload; 2],
    /// By number of rows, and whether anything is cut.
    graphs: HashMap<(usize, bool), Graph>,
    /// Looks under way, the oldest first.
    looks: VecDeque<Look>,
    /// Memory for looks to come.
    spare: Vec<Pinned<i32>>,
}

/// The sequence in a slot.
struct Occupant {
    key: Key,
    prompt: PromptKey,
    /// Tokens of the prompt.
    length: usize,
    limit: usize,
    cuts: bool,
    /// The pages that are its own.
    pages: Vec<i32>,
    /// Tokens that the device was asked for.
    asked: usize,
    /// Tokens that the host has seen.
    seen: usize,
}

/// A prompt that was computed.
struct Computed {
    pages: Vec<i32>,
    /// `(1, hidden_size)`: what the layers say of its last token.
    hidden: Tensor,
}

/// A copy of the device's state on its way to the host, and who sat where.
struct Look {
    state: Pinned<i32>,
    occupants: Vec<(usize, Key)>,
}

impl Size {
    /// How large everything is for this room.
    fn of(Room { slots, tokens }: Room) -> Self {
        let line = pages_of(tokens);
        Self {
            rows: PROMPT_ROWS.max(bucket(slots)) as i64,
            drawn: bucket(slots) as i64,
            tokens: line as i64 * PAGE,
            // A sequence needs a line, and one page more where its prompt ends within a page, of which it has a copy.
            pages: (slots * (line + 1)) as i64,
        }
    }
}

impl Kernels {
    /// The kernels for `model`; `None` where it is not one for them: on a CPU, and where it computes in another format than
    /// bfloat16.
    pub(super) fn for_model(model: &Model, room: Room) -> Result<Option<Self>, CudaError> {
        if !matches!(model.device(), Device::Cuda(_)) || model.precision().compute != Kind::BFloat16 {
            return Ok(None);
        }
        match model.config().beyond_kernels(room.tokens as i64) {
            Some(what) => Err(CudaError::Unsupported(what.to_owned())),
            None => Self::new(model, room).map(Some),
        }
    }

    fn new(model: &Model, room: Room) -> Result<Self, CudaError> {
        let cuda = Cuda::open(model.device())?;
        let Room { slots, tokens } = room;
        let line = pages_of(tokens);
        let size = Size::of(room);
        let decoder = Decoder::new(cuda.clone(), model, size)?;
        let of_prompts = [PROMPT_ROWS, 2 * PROMPT_ROWS, PROMPT_ROWS, PROMPT_TABLE.max(line)];
        Ok(Self {
            plan: Plan::new(&cuda, slots, line)?,
            state: State::new(cuda.device(), slots),
            uploads: [Upload::new(&cuda, &of_prompts)?, Upload::new(&cuda, &[slots, slots, 2 * slots])?],
            decoder,
            slots: (0..slots).map(|_| None).collect(),
            pages: Pages::new(size.pages as i32),
            prompts: HashMap::new(),
            graphs: HashMap::new(),
            looks: VecDeque::new(),
            spare: Vec::new(),
        })
    }

    fn live(&self) -> impl Iterator<Item = &Occupant> {
        self.slots.iter().flatten()
    }

    /// Gives the first of `waiting` slots and pages, as many as there are; says which slots, and which prompts are new.
    fn seat(&mut self, waiting: &VecDeque<Admission>) -> (Vec<usize>, Vec<PromptKey>) {
        let free: Vec<usize> = (0..self.slots.len()).filter(|&slot| self.slots[slot].is_none()).collect();
        let mut new = Vec::new();
        let mut seated = Vec::new();
        for (admission, slot) in waiting.iter().zip(free) {
            let (length, sampling) = (admission.request.prompt.len(), admission.sampling());
            let shared = length / PAGE as usize;
            let of_prompt = if self.prompts.contains_key(&admission.prompt) { 0 } else { pages_of(length) };
            let own = pages_of(length + sampling.max_new_tokens) - shared;
            let Some(mut pages) = self.pages.take(of_prompt + own) else { break };
            let own = pages.split_off(of_prompt);
            if of_prompt > 0 {
                self.prompts.insert(admission.prompt, Computed { pages, hidden: Tensor::new() });
                new.push(admission.prompt);
            }
            let prompt = &self.prompts[&admission.prompt];
            self.plan.seat(slot, admission, prompt.pages[..shared].iter().chain(&own).copied());
            self.slots[slot] = Some(Occupant {
                key: admission.key,
                prompt: admission.prompt,
                length,
                limit: sampling.max_new_tokens,
                cuts: sampling.cuts(),
                pages: own,
                asked: 1,
                seen: 0,
            });
            seated.push(slot);
        }
        (seated, new)
    }

    /// Computes prompts, their tokens one after the other, so many at a time.
    fn compute(&mut self, prompts: &[(PromptKey, &[i64])]) {
        let mut chunk = Chunk::default();
        for &(key, tokens) in prompts {
            for (position, &token) in tokens.iter().enumerate() {
                if chunk.is_full(self.plan.line) {
                    self.compute_chunk(&std::mem::take(&mut chunk));
                }
                if chunk.prompts.last() != Some(&key) {
                    let pages = &self.prompts[&key].pages;
                    chunk.prompts.push(key);
                    chunk.table.extend(pages.iter().copied());
                    chunk.table.resize(chunk.prompts.len() * self.plan.line, 0);
                }
                chunk.tokens.push(token as i32);
                chunk.places.extend([chunk.prompts.len() as i32 - 1, position as i32]);
                if position + 1 == tokens.len() {
                    chunk.last.push(chunk.tokens.len() as i32 - 1);
                    chunk.ended.push(key);
                }
            }
        }
        if !chunk.tokens.is_empty() {
            self.compute_chunk(&chunk);
        }
    }

    fn compute_chunk(&mut self, chunk: &Chunk) {
        // Padded, so that there are few numbers of rows for products to prepare for.
        let count = chunk.tokens.len().next_multiple_of(PROMPT_ROWS_STEP);
        let (mut tokens, mut places) = (chunk.tokens.clone(), chunk.places.clone());
        tokens.resize(count, 0);
        places.resize(2 * count, -1);
        let sent = self.uploads[0].send(&[&tokens, &places, &chunk.last, &chunk.table]);
        let [tokens, places, last, table] = &sent[..] else { unreachable!("four arrays were sent") };
        self.decoder.embed_tokens(tokens);
        let table = table.view([-1, self.plan.line as i64]);
        let rows = Rows { count: count as i64, places, table: &table, share: true };
        self.decoder.layers(rows, self.decoder.cuda().current_stream());
        let hidden = self.decoder.hidden(last);
        for (index, key) in (0..).zip(&chunk.ended) {
            self.prompts.get_mut(key).expect("a prompt that was seated").hidden = hidden.narrow(0, index, 1);
        }
    }

    /// Draws the first token of the sequences in some slots.
    fn begin(&mut self, seated: &[usize]) {
        let occupants = || seated.iter().map(|&slot| self.slots[slot].as_ref().expect("it was seated"));
        let mut copies = [Vec::new(), Vec::new()];
        for occupant in occupants() {
            // The page in which the prompt ends goes on differently in every sequence.
            if occupant.length % PAGE as usize > 0 {
                copies[0].push(self.prompts[&occupant.prompt].pages[occupant.length / PAGE as usize]);
                copies[1].push(occupant.pages[0]);
            }
        }
        let places: Vec<i32> = seated
            .iter()
            .zip(occupants())
            .flat_map(|(&slot, occupant)| [slot as i32, occupant.length as i32 - 1])
            .collect();
        let hidden: Vec<&Tensor> =
            occupants().map(|occupant| &self.prompts[&occupant.prompt].hidden).collect();
        self.decoder.set_hidden(&Tensor::cat(&hidden, 0));
        let [from, to] = &copies;
        let sent = self.uploads[1].send(&[from, to, &places]);
        let [from, to, places] = &sent[..] else { unreachable!("three arrays were sent") };
        if !copies[0].is_empty() {
            self.decoder.copy_pages(from, to);
        }
        self.plan.send();
        let cuts = occupants().any(|occupant| occupant.cuts);
        let stream = self.decoder.cuda().current_stream();
        let slots = self.plan.slots(&self.state);
        self.decoder.draw(seated.len() as i64, places, slots, cuts, stream);
    }

    /// Enqueues `steps` steps of all sequences in slots.
    fn launch(&mut self, steps: usize) {
        self.plan.send();
        let rows = bucket(self.live().count());
        let cuts = self.live().any(|occupant| occupant.cuts);
        let (decoder, plan, state) = (&self.decoder, &self.plan, &self.state);
        let graph = self.graphs.entry((rows, cuts)).or_insert_with(|| {
            let recorded = decoder.record(rows as i64, &plan.sent[0], &plan.idle, plan.slots(state), cuts);
            recorded.unwrap_or_else(|error| panic!("{error}"))
        });
        for _ in 0..steps {
            graph.launch(decoder.cuda().current_stream());
        }
        for occupant in self.slots.iter_mut().flatten() {
            occupant.asked = occupant.limit.min(occupant.asked + steps);
        }
    }

    /// Enqueues a copy of what was drawn to the host.
    fn look(&mut self) {
        let cuda = self.decoder.cuda();
        let mut state = self.spare.pop().unwrap_or_else(|| {
            cuda.pinned(self.state.whole.numel()).unwrap_or_else(|error| panic!("{error}"))
        });
        state.copy_from(&self.state.whole, cuda.current_stream());
        let occupants = self.slots.iter().enumerate();
        let occupants = occupants.filter_map(|(slot, occupant)| Some((slot, occupant.as_ref()?.key)));
        self.looks.push_back(Look { state, occupants: occupants.collect() });
    }

    /// Waits for a look, and gives the tokens that it is the first to show.
    fn read(&mut self, look: Look) -> Vec<Drawn> {
        let state = look.state.as_slice();
        let (positions, rest) = state.split_at(self.slots.len());
        let (tokens, log_probs) = rest.split_at(self.slots.len() * RING);
        let mut drawn = Vec::new();
        for (slot, key) in look.occupants {
            // A sequence that has ended since has left its slot, perhaps to another.
            let Some(occupant) = self.slots[slot].as_mut().filter(|occupant| occupant.key == key) else {
                continue;
            };
            let reached = positions[slot] as usize + 1 - occupant.length;
            for index in occupant.seen..reached {
                let at = slot * RING + index % RING;
                let log_prob = f32::from_bits(log_probs[at].cast_unsigned());
                drawn.push(Drawn { key, token: tokens[at].into(), log_prob });
            }
            occupant.seen = reached;
        }
        self.spare.push(look.state);
        drawn
    }

    /// Drops the prompts that no sequence in a slot has.
    fn drop_unused_prompts(&mut self) {
        let used: Vec<PromptKey> = self.live().map(|occupant| occupant.prompt).collect();
        let unused: Vec<PromptKey> = self.prompts.keys().copied().filter(|key| !used.contains(key)).collect();
        unused.into_iter().for_each(|key| self.forget(key));
    }
}

impl Backend for Kernels {
    fn admit(&mut self, waiting: &VecDeque<Admission>) -> usize {
        let (mut seated, mut new) = self.seat(waiting);
        if seated.is_empty() && self.live().next().is_none() {
            // Prompts of sequences further back in the queue have taken the pages.
            self.drop_unused_prompts();
            (seated, new) = self.seat(waiting);
        }
        if seated.is_empty() {
            return 0;
        }
        let tokens_of = |key: &PromptKey| -> (PromptKey, &[i64]) {
            let admission = waiting.iter().find(|admission| admission.prompt == *key);
            (*key, &admission.expect("it was seated from here").request.prompt)
        };
        self.compute(&new.iter().map(tokens_of).collect::<Vec<_>>());
        self.begin(&seated);
        seated.len()
    }

    fn step(&mut self) -> Vec<Drawn> {
        let left = self.live().map(|occupant| occupant.limit - occupant.asked).max().unwrap_or(0);
        let steps = left.min(PERIOD);
        if steps > 0 {
            self.launch(steps);
        }
        if steps > 0 || self.looks.is_empty() {
            self.look();
        }
        // What these steps draw is looked at while the next ones run, if there are any.
        if steps > 0 && self.looks.len() == 1 {
            return Vec::new();
        }
        let look = self.looks.pop_front().expect("there is at least the one just made");
        self.read(look)
    }

    fn release(&mut self, key: Key) {
        let of_key = |occupant: &Option<Occupant>| occupant.as_ref().is_some_and(|it| it.key == key);
        if let Some(slot) = self.slots.iter().position(of_key)
            && let Some(occupant) = self.slots[slot].take()
        {
            self.pages.give(occupant.pages);
            self.plan.leave(slot);
        }
    }

    fn forget(&mut self, prompt: PromptKey) {
        if let Some(computed) = self.prompts.remove(&prompt) {
            self.pages.give(computed.pages);
        }
    }

    fn load_weights(&mut self, model: &Model) {
        self.decoder.load_weights(model);
        // Prompts that were computed with the old weights serve the sequences that have begun, and no others.
        self.drop_unused_prompts();
    }
}

/// The pages of so many tokens.
fn pages_of(tokens: usize) -> usize {
    tokens.div_ceil(PAGE as usize)
}

/// The number of rows that `rows` rows are rounded up to: there is a graph for each such number.
fn bucket(rows: usize) -> usize {
    const SMALL: [usize; 7] = [8, 16, 32, 64, 128, 192, 256];
    SMALL.into_iter().find(|&bucket| rows <= bucket).unwrap_or_else(|| rows.next_multiple_of(128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_few_and_large_enough() {
        let buckets: std::collections::BTreeSet<usize> = (1..=1024).map(bucket).collect();
        assert_eq!(buckets.len(), 7 + 6);
        assert!((1..=1024).all(|rows| bucket(rows) >= rows && bucket(bucket(rows)) == bucket(rows)));
    }
}
