//! Whether a completion consists of a template's blocks: each once, in order, nothing outside.
//!
//! One pass over the completion for each tag, and nothing is compiled, so a submission costs little more than its start.

use std::collections::BTreeSet;

use gavel_plugin::{Submission, Verdict};
use gavel_text::{is_contentless, page, start_of, visible, words};

use crate::json;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::tags::{Mark, Template};

/// Judges the completion by the template's rules; the reward is 1 when all hold that the options do not waive.
pub(crate) fn verify(submission: &Submission, template: &Template<'_>, options: &Options) -> Verdict {
    let ends_in_first_block = || {
        !template.text_before[0]
            && submission.prompt().trim_end().ends_with(template.blocks[0].open.trim_end())
    };
    let prefilled = options.prefilled_think.unwrap_or_else(ends_in_first_block);
    let completion = submission.completion();
    let mut marks = template.marks(completion);
    if prefilled {
        marks.insert(0, Mark { block: 0, closes: false, start: 0, end: 0 });
    }
    let rules = Rules::read(completion, &marks, template, options);
    let once = rules.once.iter().filter(|once| **once).count() as f64 / rules.once.len() as f64;
    let once_of = |name| template.block(name).is_some_and(|block| rules.once[block]);
    let mut metrics = Metrics {
        think_once: once_of("think"),
        answer_once: once_of("answer"),
        blocks_once: once,
        ordered: rules.ordered,
        nothing_outside: rules.nothing_outside,
        not_empty: rules.not_empty,
        ..Metrics::default()
    };
    let mut broken = rules.broken(template, prefilled, options);
    if let Some(wanted) = &options.json {
        let block = wanted
            .block
            .as_deref()
            .and_then(|name| template.block(name))
            .unwrap_or(template.blocks.len() - 1);
        let contents =
            rules.contents.iter().filter(|(index, _)| *index == block).map(|(_, content)| *content);
        let finding = json::read_all(contents, wanted);
        broken = broken.or(finding.broken);
        metrics = Metrics { json_valid: finding.valid, json_keys: finding.keys, ..metrics };
    }
    metrics.verdict(broken, "follows the template")
}

/// Which rules a completion keeps.
#[derive(Debug)]
struct Rules<'a> {
    /// For each block of the template, whether its tags occur exactly once each.
    once: Vec<bool>,
    /// Every block is there, opened and closed before the next one opens, and once unless it may be repeated.
    formed: bool,
    /// … and in the order of the template.
    ordered: bool,
    /// … or in an order that the options allow, and nothing stands outside.
    nothing_outside: bool,
    /// … and blocks and texts hold something.
    not_empty: bool,
    /// The blocks' indices and what stands in them, if they are formed.
    contents: Vec<(usize, &'a str)>,
}

impl<'a> Rules<'a> {
    fn read(completion: &'a str, marks: &[Mark], template: &Template<'_>, options: &Options) -> Self {
        let count =
            |block, closes| marks.iter().filter(|mark| (mark.block, mark.closes) == (block, closes)).count();
        let blocks = 0..template.blocks.len();
        let once: Vec<bool> =
            blocks.clone().map(|block| count(block, false) == 1 && count(block, true) == 1).collect();
        let paired = marks.chunks(2).all(|pair| match pair {
            [open, close] => open.block == close.block && !open.closes && close.closes,
            _ => false,
        });
        let repeats = options.allow_repeats == Some(true);
        let formed =
            paired && blocks.clone().all(|block| once[block] || (repeats && count(block, false) > 0));
        if !formed {
            return Self {
                once,
                formed,
                ordered: false,
                nothing_outside: false,
                not_empty: false,
                contents: Vec::new(),
            };
        }
        let contents: Vec<_> =
            marks.chunks(2).map(|pair| (pair[0].block, &completion[pair[0].end..pair[1].start])).collect();
        let ordered = contents.is_sorted_by_key(|(block, _)| *block);
        let outside = Outside::cut(completion, marks, template);
        let in_order = ordered || options.allow_any_order == Some(true);
        Self {
            once,
            formed,
            ordered,
            nothing_outside: in_order && outside.nowhere.iter().all(|text| options.is_nothing(text)),
            not_empty: contents
                .iter()
                .map(|(_, text)| text)
                .chain(&outside.texts)
                .all(|text| !is_contentless(text)),
            contents,
        }
    }

    /// The first rule that is broken and not waived, for a person.
    fn broken(&self, template: &Template<'_>, prefilled: bool, options: &Options) -> Option<String> {
        let waived = |option: Option<bool>| option == Some(true);
        if !waived(options.allow_repeats)
            && let Some(block) = self.once.iter().position(|once| !once)
        {
            let (open, close) = (&template.blocks[block].open, &template.blocks[block].close);
            return Some(match prefilled && block == 0 {
                true => format!("needs {close} exactly once and no {open}, which the prompt holds"),
                false => format!("needs {open} and {close} exactly once each"),
            });
        }
        let tags = || {
            let tags = template.blocks.iter().flat_map(|block| [&*block.open, &*block.close]);
            tags.collect::<Vec<_>>().join(", ")
        };
        if !self.formed {
            Some(format!("needs {}, each block closed before the next one opens", tags()))
        } else if !self.ordered && !waived(options.allow_any_order) {
            Some(format!("needs {} in this order", tags()))
        } else if !self.nothing_outside && !waived(options.allow_outside) {
            Some("has text outside the blocks".to_owned())
        } else if !self.not_empty && options.allow_empty == Some(false) {
            Some("has an empty block".to_owned())
        } else {
            self.too_short(template, options)
        }
    }
}

impl Rules<'_> {
    /// A block with fewer words than it must have.
    fn too_short(&self, template: &Template<'_>, options: &Options) -> Option<String> {
        self.contents.iter().find_map(|(block, text)| {
            let name = template.blocks[*block].name;
            let least = *options.min_words.as_ref()?.get(name)?;
            let count = distinct_words(text);
            (count < least).then(|| format!("has {count} different words in {name}, wants at least {least}"))
        })
    }
}

/// So much of a block is gone through for its words, in bytes.
const LONGEST_COUNTED: usize = 50_000;

/// A text without selectors of variants, which make no other word of one.
fn spelt(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')).collect()
}

/// How many words that are seen a text has, each counted once: saying one again says nothing.
fn distinct_words(text: &str) -> usize {
    let near = start_of(text, LONGEST_COUNTED);
    let seen = spelt(&visible(&page(near))).to_lowercase();
    let words = words(&seen).into_iter().filter(|word| word.contains(char::is_alphanumeric));
    words.collect::<BTreeSet<_>>().len()
}

/// What stands outside the blocks.
#[derive(Debug, Default)]
struct Outside<'a> {
    /// Where the template has text.
    texts: Vec<&'a str>,
    /// Where it has nothing.
    nowhere: Vec<&'a str>,
}

impl<'a> Outside<'a> {
    /// Cuts at tags that are paired.
    fn cut(completion: &'a str, marks: &[Mark], template: &Template<'_>) -> Self {
        let mut outside = Self::default();
        let (mut at, mut next) = (0, 0);
        for pair in marks.chunks(2) {
            let is_next = pair[0].block == next;
            outside.add(&completion[at..pair[0].start], is_next && template.text_before[next]);
            (at, next) = (pair[1].end, pair[0].block + 1);
        }
        outside.add(&completion[at..], template.text_before[next] && next == template.blocks.len());
        outside
    }

    fn add(&mut self, piece: &'a str, is_text: bool) {
        if is_text { self.texts.push(piece) } else { self.nowhere.push(piece) }
    }
}
