//! Judges whether an answer is, contains or resembles a reference text.

mod compare;
mod standing;

use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};
use gavel_text::{bare_skeleton, has_markup, page, shown, skeleton, unaccented, unspelled};
use serde::Deserialize;
use serde_json::{Map, Value};

use compare::Similarity;
pub use gavel_text::Place;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How the answer is compared with the reference.
    #[serde(rename = "match")]
    pub kind: Match,
    /// Where the answer may stand; the first place that has one counts.
    pub order: Vec<Place>,
    /// Capitals matter; when left out, for `exact` alone.
    pub case_sensitive: Option<bool>,
    /// `contains`, `edit-distance` and `fuzzy` compare normalised texts; true when left out.
    pub normalize: Option<bool>,
    /// `contains` finds whole words; true when left out.
    pub word_boundaries: Option<bool>,
    /// An answer with more words is wrong, whatever it says.
    pub max_words: Option<usize>,
    /// `f1`, `edit-distance` and `fuzzy`: the reward is 1 from this similarity on, and else 0.
    pub threshold: Option<f64>,
    /// The reward of an answer is what is missing to 1: the text must differ.
    pub negate: bool,
    /// `contains`: the answer must stand by the text that it contains; no denial and no choice of several counts.
    pub stand_by: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kind: Match::default(),
            order: vec![Place::Whole],
            case_sensitive: None,
            normalize: None,
            word_boundaries: None,
            max_words: None,
            threshold: None,
            negate: false,
            stand_by: false,
        }
    }
}

/// How an answer is compared with a reference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// The same characters, give or take white space around them.
    Exact,
    /// The same words: no articles, punctuation, capitals or Unicode variants.
    #[default]
    Normalized,
    /// SQuAD's exact match, as its evaluation script normalises.
    Squad,
    /// The reference stands in the answer.
    Contains,
    /// SQuAD's F1 over words.
    F1,
    /// 1 minus the Levenshtein distance over the longer length.
    EditDistance,
    /// RapidFuzz's ratio: 1 minus the distance in insertions and deletions over the sum of the lengths.
    Fuzzy,
}

impl Match {
    fn is_graded(self) -> bool {
        matches!(self, Self::F1 | Self::EditDistance | Self::Fuzzy)
    }

    fn has_fixed_spelling(self) -> bool {
        matches!(self, Self::Squad | Self::F1)
    }

    fn may_normalize(self) -> bool {
        matches!(self, Self::Contains | Self::EditDistance | Self::Fuzzy)
    }
}

/// The `string` verifier.
#[derive(Debug)]
pub struct StringMatch;

impl Verifier for StringMatch {
    type Options = Options;
    const NAME: &str = "string";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The answer is, contains or resembles the reference text.";
    const METRICS: &[&str] = &["has_answer", "correct", "similarity", "precision", "recall"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        options.check()?;
        let references = references(submission.reference()?)?;
        let completion = shown(submission.completion());
        let Some((answer, place)) = gavel_text::answer(&completion, &options.order) else {
            return Ok(options.verdict(None).because("no answer where one may stand"));
        };
        let most = options.longest(references.len());
        if answer.len() > most {
            return Ok(options.verdict(None).because(format!("longer than {most} bytes")));
        }
        if let Some(reason) = options.too_long(answer) {
            return Ok(options.verdict(Some(Similarity::NONE)).because(reason));
        }
        let mut best = (Similarity::NONE, references[0].as_str());
        for reference in &references {
            let similarity = options.similarity(answer, reference)?;
            if similarity.value > best.0.value {
                best = (similarity, reference);
            }
        }
        let (similarity, reference) = best;
        Ok(options.verdict(Some(similarity)).because(format!(
            "{} (from {place}) against {}: {:.3}",
            excerpt(answer),
            excerpt(reference),
            similarity.value
        )))
    }
}

impl Options {
    /// What a type cannot say.
    fn check(&self) -> Result<(), Error> {
        let refuse = |text: &str| Err(Error::InvalidOptions(text.to_owned()));
        if self.order.is_empty() {
            return refuse("order: names no place");
        }
        if self.kind.has_fixed_spelling() && self.case_sensitive.is_some() {
            return refuse("case_sensitive: squad and f1 never look at capitals");
        }
        if self.normalize.is_some() && !self.kind.may_normalize() {
            return refuse("normalize: only contains, edit-distance and fuzzy may do without");
        }
        if self.word_boundaries.is_some() && self.kind != Match::Contains {
            return refuse("word_boundaries: only contains looks for them");
        }
        if self.stand_by && (self.kind != Match::Contains || self.negate) {
            return refuse("stand_by: only contains without negate pays for a text that stands in an answer");
        }
        match self.threshold {
            Some(_) if !self.kind.is_graded() => {
                refuse("threshold: only f1, edit-distance and fuzzy know more than right and wrong")
            }
            Some(threshold) if !(threshold > 0.0 && threshold <= 1.0) => {
                refuse("threshold: must be above 0 and at most 1")
            }
            _ => Ok(()),
        }
    }

    /// The longest answer that is compared, in bytes: what each comparison costs bounds it, and their number.
    fn longest(&self, references: usize) -> usize {
        /// The longest one of which a distance is computed is a fifth of this. It is brought into one spelling first, which
        /// may be six times as long.
        const MOST: usize = 200_000;
        const LEAST: usize = 10_000;
        // Forbidden texts are looked for in five spellings.
        let spellings = if self.negate { 5 } else { 1 };
        (MOST / (references * spellings)).max(LEAST)
    }

    fn too_long(&self, answer: &str) -> Option<String> {
        let most = self.max_words?;
        let words = compare::words(answer, self);
        (words > most).then(|| format!("{words} words, at most {most} allowed: {}", excerpt(answer)))
    }

    /// How alike both are. Where the text must differ, what an eye takes for it counts as well: a word that is forbidden
    /// does not become another by a mark, markup inside it, or a letter that only looks the same.
    fn similarity(&self, answer: &str, reference: &str) -> Result<Similarity, Error> {
        let written = compare::similarity(answer, reference, self)?;
        if self.stand_by && written.value == 1.0 && !standing::stands_by(answer, reference) {
            return Ok(Similarity::NONE);
        }
        if !self.negate {
            return Ok(written);
        }
        let mut most = written;
        let skeletons = || (skeleton(answer), skeleton(reference));
        let bare = |answer: String| (answer, bare_skeleton(reference));
        let is_plain = answer.is_ascii() && reference.is_ascii();
        let written_plainly = if is_plain { None } else { Some(skeletons()) };
        let rejoined = rejoined(&page(answer));
        let is_rejoined = rejoined != answer;
        let joined = is_rejoined.then(|| (rejoined.clone(), reference.to_owned()));
        let marked = has_markup(answer).then(|| bare(bare_skeleton(answer)));
        let accented = if answer.is_ascii() { None } else { unaccented(answer).map(bare) };
        let spelled = unspelled(&rejoined).map(|joined| (joined, reference.to_owned()));
        for (answer, reference) in
            written_plainly.into_iter().chain(marked).chain(accented).chain(spelled).chain(joined)
        {
            let similarity = compare::similarity(&answer, &reference, self)?;
            most = if similarity.value > most.value { similarity } else { most };
        }
        Ok(most)
    }

    /// `None` is an answer that is not there: it earns nothing, negated or not.
    fn verdict(&self, similarity: Option<Similarity>) -> Verdict {
        let found = similarity.unwrap_or(Similarity::NONE);
        let reached = match self.threshold {
            Some(threshold) => f64::from(found.value >= threshold),
            None => found.value,
        };
        let reward = match similarity {
            None => 0.0,
            Some(_) if self.negate => 1.0 - reached,
            Some(_) => reached,
        };
        Verdict::new(reward)
            .metric("has_answer", similarity.is_some())
            .metric("correct", reward == 1.0)
            .metric("similarity", found.value)
            .metric("precision", found.precision)
            .metric("recall", found.recall)
    }
}

/// A text as its words are read: what a hyphen parts at the end of a line is one word, what is written from right to left
/// is read so, and `'s` is no part of a name.
fn rejoined(text: &str) -> String {
    const OVERRIDE: char = '\u{202e}';
    let text = text.replace("-\n", "").replace("'s", "").replace("’s", "");
    let Some((before, rest)) = text.split_once(OVERRIDE) else { return text };
    let end = rest.find(['\u{202c}', '\n']).unwrap_or(rest.len());
    let turned: String = rest[..end].chars().rev().collect();
    format!("{before}{turned}{}", &rest[end..])
}

/// One text, or several as a JSON array of strings.
fn references(text: &str) -> Result<Vec<String>, Error> {
    if text.trim_start().starts_with('{') && serde_json::from_str::<Map<String, Value>>(text).is_ok() {
        return Err(Error::InvalidTask(
            "reference: is an object, and texts are compared with a text, or a list of several".to_owned(),
        ));
    }
    let several = if text.trim_start().starts_with('[') { serde_json::from_str(text).ok() } else { None };
    let references: Vec<String> = several.unwrap_or_else(|| vec![text.to_owned()]);
    if references.is_empty() || references.iter().any(|reference| reference.trim().is_empty()) {
        return Err(Error::InvalidTask("reference: is empty, or one of several is".to_owned()));
    }
    Ok(references)
}

export!(StringMatch);
