//! What one forward and backward pass learns from, as tensors.

use std::ops::Range;

use gavel_model::{Group, Model, Packed};
use tch::{Kind, Tensor};

use super::Example;
use crate::grpo;

/// Completions that fit into memory together. Everything `(n)` belongs to their tokens, one completion after the other.
#[derive(Debug)]
pub(super) struct MicroBatch {
    pub(super) packed: Packed,
    /// Whole completions, so that each has a loss of its own.
    pub(super) sections: Vec<Section>,
    /// `(n)`, as they were when the tokens were drawn.
    pub(super) sampled_log_probs: Tensor,
    /// `(n)`; `None` while the policy is the one that sampled.
    pub(super) old_log_probs: Option<Tensor>,
    /// `(n)`.
    pub(super) reference_log_probs: Option<Tensor>,
    /// `(n)`: those of their completions, or their own.
    pub(super) advantages: Tensor,
}

/// Some of the completions: rows of the micro-batch, and how the loss sees them, which is as a rectangle `(B, T)`.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) rows: Range<i64>,
    /// `(n)` i64: where each token is in the rectangle.
    places: Tensor,
    /// `(B, T)`.
    pub(super) mask: Tensor,
    /// `(B)`, or `(B, T)` where tokens have advantages of their own.
    pub(super) advantages: Tensor,
}

/// The examples of each prompt, in the order in which the prompts first come.
pub(super) fn by_prompt<'e, 'a: 'e>(
    examples: impl Iterator<Item = &'e Example<'a>>,
) -> Vec<Vec<Example<'a>>> {
    let mut groups: indexmap::IndexMap<&[i64], Vec<Example<'a>>> = indexmap::IndexMap::new();
    for example in examples {
        groups.entry(example.prompt).or_default().push(*example);
    }
    groups.into_values().collect()
}

/// Splits groups, in order, into micro-batches of at most so many tokens and completions; a completion that has more
/// tokens is alone in one.
///
/// A prompt is computed once in each micro-batch, so a group stays together where it fits into one.
pub(super) fn split<'a>(
    groups: &[Vec<Example<'a>>],
    most_tokens: usize,
    most_completions: usize,
) -> Vec<Vec<Example<'a>>> {
    let mut parts: Vec<Vec<Example<'a>>> = Vec::new();
    // No micro-batch has begun, so the first example does not fit.
    let (mut tokens, mut completions) = (usize::MAX, 0);
    let fits = |tokens: usize, completions: usize| tokens <= most_tokens && completions <= most_completions;
    for group in groups {
        let prompt = group[0].prompt.len();
        let whole = prompt + group.iter().map(input_tokens).sum::<usize>();
        let joins = fits(tokens.saturating_add(whole), completions + group.len());
        let mut begins = !joins && fits(whole, group.len());
        let mut shares_prompt = false;
        for example in group {
            let added = input_tokens(example) + if shares_prompt { 0 } else { prompt };
            begins |= !fits(tokens.saturating_add(added), completions + 1);
            if begins {
                parts.push(Vec::new());
                (tokens, completions) = (prompt + input_tokens(example), 1);
            } else {
                (tokens, completions) = (tokens + added, completions + 1);
            }
            (begins, shares_prompt) = (false, true);
            parts.last_mut().expect("one has begun").push(*example);
        }
    }
    parts
}

/// The tokens that each example costs, where those of a prompt follow each other: the first of them has the prompt's too.
pub(super) fn tokens(examples: &[Example<'_>]) -> Vec<usize> {
    let same_prompt = examples.chunk_by(|a, b| a.prompt == b.prompt);
    let of_group = |group: &[Example<'_>]| -> Vec<usize> {
        let prompt = std::iter::once(group[0].prompt.len()).chain(std::iter::repeat(0));
        group.iter().zip(prompt).map(|(example, prompt)| prompt + example.completion.len()).collect()
    };
    same_prompt.flat_map(of_group).collect()
}

/// The tokens of a completion that the model runs on: the last is predicted alone.
fn input_tokens(example: &Example<'_>) -> usize {
    example.completion.len() - 1
}

/// Examples as the model takes them. Those of a prompt follow each other.
pub(super) fn groups<'a>(examples: &[Example<'a>]) -> Vec<Group<'a>> {
    let same_prompt = examples.chunk_by(|a, b| a.prompt == b.prompt);
    same_prompt
        .map(|group| Group {
            prompt: group[0].prompt,
            completions: group.iter().map(|example| example.completion).collect(),
        })
        .collect()
}

impl MicroBatch {
    pub(super) fn new(examples: &[Example<'_>], model: &Model) -> Self {
        let sampled: Vec<f32> =
            examples.iter().flat_map(|example| example.sampled_log_probs).copied().collect();
        let advantages: Vec<f32> = examples.iter().flat_map(advantages_of_tokens).collect();
        Self {
            packed: model.pack(&groups(examples)),
            sections: sections(examples, model),
            sampled_log_probs: Tensor::from_slice(&sampled).to_device(model.device()),
            old_log_probs: None,
            reference_log_probs: None,
            advantages: Tensor::from_slice(&advantages).to_device(model.device()),
        }
    }
}

/// The advantage of each token of a completion.
fn advantages_of_tokens(example: &Example<'_>) -> impl Iterator<Item = f32> {
    let of_token = |t: usize| example.advantages[t.min(example.advantages.len() - 1)] as f32;
    (0..example.completion.len()).map(of_token)
}

/// Cuts the examples into sections of which the model has all logits at a time, where one completion allows it.
fn sections(examples: &[Example<'_>], model: &Model) -> Vec<Section> {
    let (most, mut sections, mut rest, mut first) = (model.rows_per_chunk(), Vec::new(), examples, 0);
    while !rest.is_empty() {
        let mut rows = 0;
        let fits = |example: &&Example<'_>| {
            rows += example.completion.len() as i64;
            rows <= most
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (now, later) = rest.split_at(count);
        let section = Section::new(now, first, model);
        first = section.rows.end;
        sections.push(section);
        rest = later;
    }
    sections
}

impl Section {
    fn new(examples: &[Example<'_>], first: i64, model: &Model) -> Self {
        let lengths: Vec<i64> = examples.iter().map(|example| example.completion.len() as i64).collect();
        let columns = lengths.iter().copied().max().unwrap_or(0);
        let places: Vec<i64> = (0..)
            .zip(&lengths)
            .flat_map(|(row, &length)| (0..length).map(move |t| row * columns + t))
            .collect();
        let advantages: Vec<f32> = examples
            .iter()
            .flat_map(|example| example.advantages)
            .map(|&advantage| advantage as f32)
            .collect();
        let lengths = Tensor::from_slice(&lengths);
        // Completions that are masked as a whole are not among the examples.
        let (starts, truncated) = (lengths.zeros_like(), lengths.zeros_like().to_kind(Kind::Bool));
        let mask = grpo::completion_mask(&starts, &lengths, &truncated, columns, false);
        let device = model.device();
        let mut section = Self {
            rows: first..first + places.len() as i64,
            places: Tensor::from_slice(&places).to_device(device),
            mask: mask.to_device(device),
            advantages: Tensor::from_slice(&advantages).to_device(device),
        };
        if examples.iter().any(|example| example.advantages.len() > 1) {
            section.advantages = section.padded(&section.advantages);
        }
        section
    }

    /// Its part of what belongs to all tokens of the micro-batch.
    pub(super) fn of(&self, flat: &Tensor) -> Tensor {
        flat.narrow(0, self.rows.start, self.rows.end - self.rows.start)
    }

    /// `(n)` as `(B, T)`, 0 where there is no token; differentiable.
    pub(super) fn padded(&self, flat: &Tensor) -> Tensor {
        let zeros = Tensor::zeros([self.mask.numel() as i64], (flat.kind(), flat.device()));
        zeros.scatter(0, &self.places, flat).view_as(&self.mask)
    }
}
