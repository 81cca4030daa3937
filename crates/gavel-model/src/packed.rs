//! Sequences to learn from, one after the other without padding, with the prompt of a group in them once.

use gavel_torch::SequenceBounds;
use tch::{Device, Kind, Tensor};

/// A prompt, and what was written after it.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    /// Not empty.
    pub prompt: &'a [i64],
    /// Each follows the prompt, and none sees another.
    pub completions: Vec<&'a [i64]>,
}

/// Groups as tensors on the device of a model; [`Model::pack`](crate::Model::pack) makes them.
///
/// Prompts with several completions come first, then those completions, then prompts with one completion or none, each
/// before what follows it. The last token of a completion is predicted and predicts nothing, so it is not among them.
#[derive(Debug)]
pub struct Packed {
    /// `(N)` i64.
    pub(crate) tokens: Tensor,
    /// `(U)` i64: the tokens that there are, each once.
    pub(crate) vocabulary: Tensor,
    /// `(N)` i64: where each token is in `vocabulary`.
    pub(crate) words: Tensor,
    /// `(N)` i64: how many tokens of its sequence come before each.
    pub(crate) positions: Tensor,
    /// `(n)` i64: for every token of every completion, in order, the row that predicts it.
    pub(crate) predicting: Tensor,
    /// `(n)` i64: those tokens.
    pub(crate) targets: Tensor,
    pub(crate) visibility: Visibility,
    /// See [`Packed::set_router_aux_loss`].
    pub(crate) router_aux_loss: f64,
    input_tokens: usize,
    predicted_tokens: usize,
}

/// Who sees whom, in the form that the device's attention takes.
#[derive(Debug)]
pub(crate) enum Visibility {
    /// For kernels that take bounds.
    Bounds(Bounds),
    /// For kernels that take rectangles.
    Rectangles(Rectangles),
}

/// Each segment sees itself causally: a prompt, a completion, or a prompt with its only completion. Completions that
/// share a prompt see that too.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) segments: SequenceBounds,
    /// `None` if no prompt is shared.
    pub(crate) shared: Option<SharedPrompts>,
}

/// What completions see of the prompts that they share. The prompts are the first rows, and the completions come next.
#[derive(Debug)]
pub(crate) struct SharedPrompts {
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    /// The completions of each prompt, as one sequence of queries.
    pub(crate) completions: SequenceBounds,
    /// Each prompt, as their keys.
    pub(crate) prompts: SequenceBounds,
}

/// Whole sequences, each prompt with a completion, in rectangles of similar length, filled up on the right.
#[derive(Debug)]
pub(crate) struct Rectangles {
    pub(crate) rectangles: Vec<Rectangle>,
    /// `(N)` i64: where each token is among the rows of all rectangles, one under the other.
    pub(crate) places: Tensor,
}

#[derive(Debug)]
pub(crate) struct Rectangle {
    /// `(rows · columns)` i64: which token stands there; any, where none does.
    pub(crate) tokens: Tensor,
    pub(crate) rows: i64,
    pub(crate) columns: i64,
}

impl Packed {
    /// How many tokens the model runs on.
    pub fn input_tokens(&self) -> usize {
        self.input_tokens
    }

    /// How many tokens are predicted: those of all completions.
    pub fn predicted_tokens(&self) -> usize {
        self.predicted_tokens
    }

    /// Has [`Model::backward`](crate::Model::backward) add the gradient of the loss that evens out the load of experts, times
    /// `weight`. The loss is that of `transformers`, over all layers and all tokens that the model runs on here, a prompt
    /// once. Models whose experts are not chosen by a softmax have none.
    pub fn set_router_aux_loss(&mut self, weight: f64) {
        self.router_aux_loss = weight;
    }

    /// `bounds`: whether the attention of `device` takes bounds.
    pub(crate) fn new(groups: &[Group<'_>], bounds: bool, device: Device) -> Self {
        let layout = Layout::new(groups);
        let upload = |numbers: &[i64]| Tensor::from_slice(numbers).to_device(device);
        let visibility = if bounds {
            Visibility::Bounds(layout.bounds(device))
        } else {
            Visibility::Rectangles(layout.rectangles(device))
        };
        let (vocabulary, words) = numbered(&layout.tokens);
        Self {
            tokens: upload(&layout.tokens),
            vocabulary: upload(&vocabulary),
            words: upload(&words),
            positions: upload(&layout.positions),
            predicting: upload(&layout.predicting),
            targets: upload(&layout.targets),
            visibility,
            router_aux_loss: 0.0,
            input_tokens: layout.tokens.len(),
            predicted_tokens: layout.targets.len(),
        }
    }
}

/// The tokens that there are, each once, as they first come; and for every token its place among them.
fn numbered(tokens: &[i64]) -> (Vec<i64>, Vec<i64>) {
    // A table of the vocabulary: sorting, or hashing, the tokens of a large batch takes milliseconds.
    let size = tokens.iter().max().map_or(0, |&largest| largest as usize + 1);
    let (mut places, mut vocabulary) = (vec![-1; size], Vec::new());
    let mut place_of = |&token: &i64| {
        let place = &mut places[token as usize];
        if *place < 0 {
            *place = vocabulary.len() as i64;
            vocabulary.push(token);
        }
        *place
    };
    let words = tokens.iter().map(&mut place_of).collect();
    (vocabulary, words)
}

/// Where everything lies, on the host.
struct Layout {
    tokens: Vec<i64>,
    positions: Vec<i64>,
    predicting: Vec<i64>,
    targets: Vec<i64>,
    groups: Vec<GroupLayout>,
}

/// The tokens of a completion that predict: all but the last.
fn inputs<'a>(completion: &&'a [i64]) -> &'a [i64] {
    &completion[..completion.len().saturating_sub(1)]
}

/// First row and number of rows of a segment.
type Segment = (usize, usize);

struct GroupLayout {
    prompt: Segment,
    completions: Vec<Segment>,
    /// Whether several completions see the prompt, which lies apart from them.
    shares: bool,
}

impl GroupLayout {
    /// The rows of its completions, which lie one after the other.
    fn completion_rows(&self) -> usize {
        self.completions.iter().map(|&(_, rows)| rows).sum()
    }
}

impl Layout {
    fn new(groups: &[Group<'_>]) -> Self {
        let mut layout = Self {
            tokens: Vec::new(),
            positions: Vec::new(),
            predicting: Vec::new(),
            targets: Vec::new(),
            groups: Vec::new(),
        };
        let mut found: Vec<GroupLayout> = Vec::new();
        for group in groups {
            assert!(!group.prompt.is_empty(), "a prompt has a token");
            let shares =
                group.completions.len() > 1 && group.completions.iter().any(|c| !inputs(c).is_empty());
            let prompt = if shares { layout.segment(group.prompt, 0) } else { (0, 0) };
            found.push(GroupLayout { prompt, completions: Vec::new(), shares });
        }
        for shares in [true, false] {
            for (place, group) in found.iter_mut().zip(groups).filter(|(place, _)| place.shares == shares) {
                if !shares {
                    place.prompt = layout.segment(group.prompt, 0);
                }
                let completions = group.completions.iter();
                place.completions =
                    completions.map(|tokens| layout.segment(inputs(tokens), group.prompt.len())).collect();
            }
        }
        layout.groups = found;
        for (place, group) in layout.groups.iter().zip(groups) {
            for (&(first, rows), completion) in place.completions.iter().zip(&group.completions) {
                // The last token of the prompt predicts the first, and each predicts the next.
                if !completion.is_empty() {
                    layout.predicting.push((place.prompt.0 + place.prompt.1 - 1) as i64);
                    layout.predicting.extend((first..first + rows).map(|row| row as i64));
                    layout.targets.extend_from_slice(completion);
                }
            }
        }
        layout
    }

    fn segment(&mut self, tokens: &[i64], position: usize) -> Segment {
        let first = self.tokens.len();
        self.tokens.extend_from_slice(tokens);
        self.positions.extend((position..position + tokens.len()).map(|position| position as i64));
        (first, tokens.len())
    }

    fn bounds(&self, device: Device) -> Bounds {
        let (sharing, apart): (Vec<_>, Vec<_>) = self.groups.iter().partition(|group| group.shares);
        let prompts: Vec<i64> = sharing.iter().map(|group| group.prompt.1 as i64).collect();
        let completions: Vec<i64> = sharing.iter().map(|group| group.completion_rows() as i64).collect();
        let each = sharing.iter().flat_map(|group| &group.completions).map(|&(_, rows)| rows as i64);
        let whole = apart.iter().map(|group| (group.prompt.1 + group.completion_rows()) as i64);
        // Kernels are not asked for sequences without queries.
        let lengths = prompts.iter().copied().chain(each.filter(|&rows| rows > 0)).chain(whole);
        let segments = SequenceBounds::new(lengths, device);
        let shared = (!sharing.is_empty()).then(|| SharedPrompts {
            prompt_tokens: prompts.iter().sum(),
            completion_tokens: completions.iter().sum(),
            completions: SequenceBounds::new(completions.iter().copied(), device),
            prompts: SequenceBounds::new(prompts.iter().copied(), device),
        });
        Bounds { segments, shared }
    }

    fn rectangles(&self, device: Device) -> Rectangles {
        // The longest first, so that neighbours are of similar length.
        let mut sequences: Vec<(Segment, Segment)> = Vec::new();
        for group in &self.groups {
            sequences.extend(group.completions.iter().map(|&completion| (group.prompt, completion)));
            if group.completions.is_empty() {
                sequences.push((group.prompt, (0, 0)));
            }
        }
        let length = |(prompt, completion): &(Segment, Segment)| prompt.1 + completion.1;
        sequences.sort_by_key(|sequence| std::cmp::Reverse(length(sequence)));

        let mut places = vec![0_i64; self.tokens.len()];
        let (mut rectangles, mut first_place, mut rest) = (Vec::new(), 0, &sequences[..]);
        while let Some(longest) = rest.first() {
            let columns = length(longest);
            let rows = rest.iter().take_while(|sequence| 4 * length(sequence) >= 3 * columns).count();
            let (now, later) = rest.split_at(rows);
            let mut tokens = vec![0_i64; rows * columns];
            for (row, &(prompt, completion)) in now.iter().enumerate() {
                let of = |(first, rows): Segment| first..first + rows;
                for (column, token) in of(prompt).chain(of(completion)).enumerate() {
                    let place = row * columns + column;
                    tokens[place] = token as i64;
                    // A prompt stands before each of its completions, and means the same everywhere.
                    places[token] = (first_place + place) as i64;
                }
            }
            first_place += rows * columns;
            let tokens = Tensor::from_slice(&tokens).to_device(device);
            rectangles.push(Rectangle { tokens, rows: rows as i64, columns: columns as i64 });
            rest = later;
        }
        Rectangles { rectangles, places: Tensor::from_slice(&places).to_device(device) }
    }
}

impl Rectangles {
    /// How many rows of tokens all rectangles have together.
    #[cfg(test)]
    fn area(&self) -> i64 {
        self.rectangles.iter().map(|rectangle| rectangle.rows * rectangle.columns).sum()
    }
}

/// Whether attention on `device` with numbers of `kind` and heads of `head_dim` has a kernel that takes bounds.
pub(crate) fn takes_bounds(device: Device, kind: Kind, head_dim: i64) -> bool {
    device.is_cuda() && matches!(kind, Kind::BFloat16 | Kind::Half) && head_dim % 8 == 0 && head_dim <= 256
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(tensor: &Tensor) -> Vec<i64> {
        Vec::try_from(tensor).unwrap()
    }

    fn groups() -> [Group<'static>; 2] {
        [
            Group { prompt: &[1, 2], completions: vec![&[3, 4, 5], &[6]] },
            Group { prompt: &[7], completions: vec![&[8, 9]] },
        ]
    }

    #[test]
    fn a_prompt_that_is_not_shared_lies_before_its_completion() {
        let groups = [
            Group { prompt: &[1, 2], completions: vec![&[3, 3]] },
            Group { prompt: &[4], completions: vec![&[5, 6], &[7, 8, 9]] },
            Group { prompt: &[9, 9], completions: vec![&[1], &[2]] },
        ];
        let packed = Packed::new(&groups, true, Device::Cpu);
        assert_eq!(numbers(&packed.tokens), [4, 5, 7, 8, 1, 2, 3, 9, 9]);
        assert_eq!(numbers(&packed.positions), [0, 1, 1, 2, 0, 1, 2, 0, 1]);
        assert_eq!(numbers(&packed.targets), [3, 3, 5, 6, 7, 8, 9, 1, 2], "in the order of the groups");
        assert_eq!(numbers(&packed.predicting), [5, 6, 0, 1, 0, 2, 3, 8, 8]);
        let Visibility::Bounds(bounds) = packed.visibility else { panic!("asked for bounds") };
        let shared = bounds.shared.unwrap();
        assert_eq!((shared.prompt_tokens, shared.completion_tokens), (1, 3));
    }

    #[test]
    fn a_prompt_is_there_once_and_predicts_the_first_token_of_each_completion() {
        let packed = Packed::new(&groups(), true, Device::Cpu);
        assert_eq!(numbers(&packed.tokens), [1, 2, 3, 4, 7, 8]);
        assert_eq!(numbers(&packed.positions), [0, 1, 2, 3, 0, 1]);
        assert_eq!(numbers(&packed.targets), [3, 4, 5, 6, 8, 9]);
        assert_eq!(numbers(&packed.predicting), [1, 2, 3, 1, 4, 5]);
        assert_eq!((packed.input_tokens(), packed.predicted_tokens()), (6, 6));
        assert!(packed.vocabulary.index_select(0, &packed.words).equal(&packed.tokens));
    }

    #[test]
    fn rectangles_hold_whole_sequences_of_similar_length() {
        let Visibility::Rectangles(found) = Packed::new(&groups(), false, Device::Cpu).visibility else {
            panic!("asked for rectangles")
        };
        let shapes: Vec<_> = found.rectangles.iter().map(|part| (part.rows, part.columns)).collect();
        assert_eq!(shapes, [(1, 4), (2, 2)]);
        assert_eq!(numbers(&found.rectangles[0].tokens), [0, 1, 2, 3]);
        assert_eq!(numbers(&found.rectangles[1].tokens), [0, 1, 4, 5]);
        assert_eq!(found.area(), 8);
        let all = [0, 1, 2, 3, 0, 1, 4, 5];
        for (token, place) in (0..).zip(numbers(&found.places)) {
            assert_eq!(all[place as usize], token, "every token is where its place says");
        }
    }
}
