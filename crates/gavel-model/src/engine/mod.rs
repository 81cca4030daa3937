//! Sampling from a model: an engine that lives as long as the run, with three verbs: submit, step, finished.
//!
//! An engine has a number of slots. Sequences wait in a queue; whenever a slot is free the next one takes it, and a prompt
//! that several sequences share is computed once. What is drawn for a sequence is a function of the weights, its prompt,
//! its sampling and its stream, and of nothing else: not of its neighbours, the number of slots or the order of the queue.

mod cuda;
mod draw;
mod generate;
mod plain;
mod sampling;
mod stop;

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use tch::{Kind, no_grad};

use crate::memory::SamplingMemory;
use crate::{Config, Error, Model, Precision};

pub use generate::{Completion, Finish};
pub use sampling::Sampling;
pub use stop::{NeverStop, Stop, StopStrings};

/// How much an engine holds: its memory is known when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// At most this many sequences are sampled at a time; at least 1.
    pub slots: usize,
    /// The longest sequence, prompt and completion together, in tokens.
    pub tokens: usize,
}

/// A sequence to sample.
#[derive(Debug, Clone)]
pub struct Request {
    /// What [`Finished`] calls it.
    pub id: usize,
    /// The tokens to continue. Requests with the same tokens compute them once, while one of them is waiting or being
    /// sampled.
    pub prompt: Rc<[i64]>,
    /// How to sample, the same for many requests. [`Sampling::first_stream`] is added to `stream`.
    pub sampling: Rc<Sampling>,
    /// Which random numbers of the sampling's seed it draws from: a place in the run, so that neighbours do not matter.
    pub stream: u64,
}

/// A sequence that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The request's.
    pub id: usize,
    /// What was sampled.
    pub completion: Completion,
}

/// The logits of a sequence are not numbers; see [`Error::NotFinite`], which names the tensor too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFinite {
    /// The request's.
    pub id: usize,
    /// Which token of its completion, from 0.
    pub position: usize,
}

impl NotFinite {
    /// The error, with the first tensor of `model` that holds what is not a number.
    pub fn of(self, model: &Model) -> Error {
        Error::NotFinite { tensor: model.first_not_finite(), index: self.id, position: self.position }
    }
}

/// Samples sequences; see the module.
pub struct Engine {
    backend: Box<dyn Backend>,
    room: Room,
    vocabulary: i64,
    /// The longest sequence that the model's positions allow.
    longest: Option<i64>,
    waiting: VecDeque<Admission>,
    running: HashMap<Key, Running>,
    prompts: HashMap<Rc<[i64]>, PromptUse>,
    finished: Vec<Finished>,
    next: u64,
}

/// A sequence, by the order of submission: never used twice.
type Key = u64;

/// A prompt that several sequences may share. Never used twice either, so that a prompt that was forgotten and comes back
/// is another one.
type PromptKey = u64;

/// A prompt in use, and by how many sequences that have not ended.
struct PromptUse {
    key: PromptKey,
    users: usize,
}

/// A sequence that is to begin.
#[derive(Debug, Clone)]
struct Admission {
    key: Key,
    prompt: PromptKey,
    request: Request,
}

impl Admission {
    fn sampling(&self) -> &Sampling {
        &self.request.sampling
    }

    /// The stream among those of the sampling's seed.
    fn stream(&self) -> u64 {
        self.request.stream.wrapping_add(self.sampling().first_stream)
    }
}

/// A token that was drawn; those of one sequence come in order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Drawn {
    key: Key,
    token: i64,
    log_prob: f32,
}

/// A sequence that is being sampled.
struct Running {
    request: Request,
    completion: Completion,
}

/// What computes. It knows keys and tokens; when a sequence has ended is said to it by `release`.
trait Backend {
    /// Begins with the first of `waiting`, as many as there is room for, and says how many those are.
    fn admit(&mut self, waiting: &VecDeque<Admission>) -> usize;
    /// Goes on with the sequences that were admitted and not released: one or several tokens for some or all of them. Those
    /// of released sequences may be among what it gives.
    fn step(&mut self) -> Vec<Drawn>;
    /// Ends a sequence.
    fn release(&mut self, key: Key);
    /// Drops what was computed of a prompt that no sequence has any more.
    fn forget(&mut self, prompt: PromptKey);
    /// Takes over the weights of a model of the same shape.
    fn load_weights(&mut self, model: &Model);
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("room", &self.room)
            .field("waiting", &self.waiting.len())
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// What an engine with this room takes on CUDA besides the weights that the model has anyway, and whether it runs on
    /// kernels.
    pub fn memory(config: &Config, room: Room, precision: Precision) -> (SamplingMemory, bool) {
        let on_kernels =
            precision.compute == Kind::BFloat16 && config.beyond_kernels(room.tokens as i64).is_none();
        let memory =
            if on_kernels { cuda::memory(config, room) } else { plain::memory(config, room, precision) };
        (memory, on_kernels)
    }

    /// An engine for `model`, with its weights as they are now.
    ///
    /// On a CUDA device in bfloat16 it runs on kernels of our own; where those cannot be had, and in float32, on tensor
    /// operations, with a warning in the former case.
    pub fn new(model: &Model, room: Room) -> Self {
        let room = Room { slots: room.slots.max(1), ..room };
        if let Some(warning) = model.config().warning_of_length(room.tokens) {
            tracing::warn!("{warning}");
        }
        let backend: Box<dyn Backend> = no_grad(|| match cuda::Kernels::for_model(model, room) {
            Ok(Some(kernels)) => Box::new(kernels) as Box<dyn Backend>,
            Ok(None) => Box::new(plain::Plain::new(model, room)),
            Err(error) => {
                tracing::warn!("sampling is slow, because its kernels cannot be used: {error}");
                Box::new(plain::Plain::new(model, room))
            }
        });
        Self {
            backend,
            room,
            vocabulary: model.config().vocab_size,
            longest: model.config().longest_sequence(),
            waiting: VecDeque::new(),
            running: HashMap::new(),
            prompts: HashMap::new(),
            finished: Vec::new(),
            next: 0,
        }
    }

    /// How much it holds.
    pub fn room(&self) -> Room {
        self.room
    }

    /// Takes over the weights of `model`, which has the shape of the first one, after an update. Sequences that are being
    /// sampled go on with the new weights, on keys and values of the old ones.
    pub fn load_weights(&mut self, model: &Model) {
        no_grad(|| self.backend.load_weights(model));
    }

    /// Puts a sequence into the queue; nothing is computed yet.
    ///
    /// # Errors
    /// When an option is out of range, the prompt is empty or holds an id that is not in the vocabulary, or the sequence
    /// may become longer than the engine has room for.
    pub fn submit(&mut self, request: Request) -> Result<(), Error> {
        request.sampling.check()?;
        self.check_prompt(&request)?;
        let prompt = self.prompts.entry(Rc::clone(&request.prompt)).or_insert_with(|| {
            self.next += 1;
            PromptUse { key: self.next, users: 0 }
        });
        prompt.users += 1;
        let prompt = prompt.key;
        self.next += 1;
        self.waiting.push_back(Admission { key: self.next, prompt, request });
        Ok(())
    }

    fn check_prompt(&self, request: &Request) -> Result<(), Error> {
        let Request { id, prompt, sampling, .. } = request;
        let wrong = |reason| Err(Error::Request { field: "prompts", reason });
        if prompt.is_empty() {
            return wrong(format!("holds nothing at {id}: a prompt needs at least one token"));
        }
        if let Some(token) = prompt.iter().find(|token| !(0..self.vocabulary).contains(token)) {
            return wrong(format!(
                "holds id {token} at {id}, and the vocabulary has {} ids",
                self.vocabulary
            ));
        }
        let (longest, room) = (prompt.len() + sampling.max_new_tokens, self.room.tokens);
        if let Some(most) = self.longest.filter(|&most| longest as i64 > most) {
            return wrong(format!(
                "may become {longest} tokens long at {id}, and the model's positions are followed up to {most} \
                 (`max_position_embeddings`, or of longrope `original_max_position_embeddings`)"
            ));
        }
        if longest > room {
            return wrong(format!("may become {longest} tokens long at {id}, and there is room for {room}"));
        }
        Ok(())
    }

    /// Fills free slots from the queue and draws the next tokens of the sequences in slots; says how many sequences have
    /// not ended yet. `stop` is asked for each token. No gradients.
    ///
    /// # Errors
    /// When the logits of a sequence are not numbers.
    pub fn step(&mut self, stop: &dyn Stop) -> Result<usize, NotFinite> {
        let drawn = no_grad(|| {
            if !self.waiting.is_empty() {
                for admission in self.waiting.drain(..self.backend.admit(&self.waiting)) {
                    let completion =
                        Completion { tokens: Vec::new(), log_probs: Vec::new(), finish: Finish::Stop };
                    self.running.insert(admission.key, Running { request: admission.request, completion });
                }
            }
            if self.running.is_empty() { Vec::new() } else { self.backend.step() }
        });
        for drawn in drawn {
            self.take(drawn, stop)?;
        }
        Ok(self.running.len() + self.waiting.len())
    }

    /// Adds a token to its sequence, and ends the sequence where it is the last.
    fn take(&mut self, drawn: Drawn, stop: &dyn Stop) -> Result<(), NotFinite> {
        // Kernels may be some tokens ahead of a sequence that has ended.
        let Some(running) = self.running.get_mut(&drawn.key) else { return Ok(()) };
        let Running { request, completion } = running;
        if !drawn.log_prob.is_finite() {
            return Err(NotFinite { id: request.id, position: completion.tokens.len() });
        }
        completion.tokens.push(drawn.token);
        completion.log_probs.push(drawn.log_prob);
        let stopped =
            request.sampling.end_tokens.contains(&drawn.token) || stop.is_complete(&completion.tokens);
        completion.finish = if stopped { Finish::Stop } else { Finish::Length };
        if stopped || completion.tokens.len() >= request.sampling.max_new_tokens {
            self.end(drawn.key);
        }
        Ok(())
    }

    fn end(&mut self, key: Key) {
        let Some(Running { request, completion }) = self.running.remove(&key) else { return };
        self.backend.release(key);
        if let Some(prompt) = self.prompts.get_mut(&request.prompt) {
            prompt.users -= 1;
            if prompt.users == 0 {
                self.backend.forget(prompt.key);
                self.prompts.remove(&request.prompt);
            }
        }
        self.finished.push(Finished { id: request.id, completion });
    }

    /// The sequences that have ended since this was last asked, in the order in which they did.
    pub fn finished(&mut self) -> impl Iterator<Item = Finished> + use<'_> {
        self.finished.drain(..)
    }

    /// Gives up all sequences that are waiting or being sampled.
    pub fn clear(&mut self) {
        self.waiting.clear();
        for key in std::mem::take(&mut self.running).into_keys() {
            self.backend.release(key);
        }
        for prompt in std::mem::take(&mut self.prompts).into_values() {
            self.backend.forget(prompt.key);
        }
        self.finished.clear();
    }
}
