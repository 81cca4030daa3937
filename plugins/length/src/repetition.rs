//! The n-gram repetition penalty: appendix C.2 of <https://arxiv.org/abs/2502.03373>, over words.

use gavel_plugin::{Error, Verdict};
use gavel_text::words;

use crate::Unit;
use crate::seen::seen;

/// Longer n-grams than this no completion needs.
const LONGEST: usize = 64;

/// `max_penalty` times the share of n-grams that are a repeat of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repetition {
    ngram_size: usize,
    max_penalty: f64,
    unit: Unit,
}

impl Repetition {
    /// `ngram_size` is counted in `unit`; `max_penalty` is the reward of one n-gram over and over.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOptions`] for an n-gram of nothing or of more than 64, for a penalty that would reward, and for
    /// tokens, of which only the number is known.
    pub fn new(ngram_size: usize, max_penalty: f64, unit: Unit) -> Result<Self, Error> {
        if !(1..=LONGEST).contains(&ngram_size) {
            return Err(Error::InvalidOptions(format!(
                "ngram_size: must be 1 to {LONGEST}, not {ngram_size}"
            )));
        }
        if max_penalty > 0.0 {
            return Err(Error::InvalidOptions(format!(
                "max_penalty: must not be above 0, not {max_penalty}"
            )));
        }
        if unit == Unit::Tokens {
            return Err(Error::InvalidOptions(
                "unit: only the number of tokens is known, not which they are; use \"words\" or \"characters\""
                    .to_owned(),
            ));
        }
        Ok(Self { ngram_size, max_penalty, unit })
    }

    /// The share of the completion's n-grams that repeat another, 0 up to below 1; 0 when it has none.
    pub fn repeated(self, completion: &str) -> f64 {
        let lower = seen(completion).to_lowercase();
        match self.unit {
            Unit::Characters => self.share(&lower.chars().map(u32::from).collect::<Vec<_>>()),
            Unit::Words | Unit::Tokens => self.share(&numbered(&words(&lower))),
        }
    }

    fn share(self, units: &[u32]) -> f64 {
        let mut ngrams = fingerprints(units, self.ngram_size);
        let total = ngrams.len();
        ngrams.sort_unstable();
        ngrams.dedup();
        if total == 0 { 0.0 } else { 1.0 - ngrams.len() as f64 / total as f64 }
    }

    /// The verdict on a completion.
    pub(crate) fn judge(self, completion: &str) -> Verdict {
        let Self { ngram_size, max_penalty, unit } = self;
        let repeated = self.repeated(completion);
        // Without the branch, no repetition would be a reward of -0.
        let reward = if repeated == 0.0 { 0.0 } else { repeated * max_penalty };
        let length = match unit {
            Unit::Characters => seen(completion).chars().count(),
            Unit::Words | Unit::Tokens => words(&seen(completion)).len(),
        };
        Verdict::new(reward)
            .because(format!("{:.1} % of the {ngram_size}-grams of {unit} are repeats", repeated * 100.0))
            .metric("length", length as f64)
            .metric("if_correct", reward)
            .metric("if_wrong", reward)
            .metric("repeated", repeated)
    }
}

/// A number for every n-gram, the same for the same n-gram; for another, but once in 2^61. Each follows from the one
/// before, so that the length of n-grams costs nothing.
fn fingerprints(units: &[u32], length: usize) -> Vec<u64> {
    const BASE: u64 = 0x1e37_79b9_7f4a_7c15;
    // What the first unit of an n-gram is worth when the next one comes in.
    let first = (1..length).fold(1, |power, _| product(power, BASE));
    let value = |unit: u32| u64::from(unit) + 1;
    let mut fingerprint = 0;
    let mut all = Vec::with_capacity((units.len() + 1).saturating_sub(length));
    for (index, &unit) in units.iter().enumerate() {
        if let Some(gone) = index.checked_sub(length) {
            fingerprint = (fingerprint + PRIME - product(value(units[gone]), first)) % PRIME;
        }
        fingerprint = (product(fingerprint, BASE) + value(unit)) % PRIME;
        if index + 1 >= length {
            all.push(fingerprint);
        }
    }
    all
}

/// Fingerprints are remainders of this prime.
const PRIME: u64 = (1 << 61) - 1;

/// The remainder of a product: 2^61 is 1 here, so its upper half is added to the lower.
fn product(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    let sum = (product as u64 & PRIME) + (product >> 61) as u64;
    if sum >= PRIME { sum - PRIME } else { sum }
}

/// Each word as its rank among the distinct words, so that n-grams compare as numbers.
fn numbered(words: &[&str]) -> Vec<u32> {
    let mut sorted = words.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    words.iter().map(|word| sorted.partition_point(|other| other < word) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(completion: &str, ngram_size: usize, unit: Unit) -> f64 {
        Repetition::new(ngram_size, -1.0, unit).unwrap().repeated(completion)
    }

    #[test]
    fn the_share_counts_every_repeat_but_the_first() {
        assert_eq!(repeated("a b c d", 2, Unit::Words), 0.0);
        assert_eq!(repeated("x x x x x", 2, Unit::Words), 0.75);
        assert_eq!(repeated("The cat the CAT the cat", 2, Unit::Words), 0.6);
        assert_eq!(repeated("哈哈哈哈", 1, Unit::Characters), 0.75);
    }

    #[test]
    fn every_ngram_has_a_number_of_its_own() {
        let units: Vec<u32> = (0..5_000_u32).map(|it| it * it % 7 + it / 900).collect();
        for length in [1, 2, 3, 20, 64] {
            let numbers = fingerprints(&units, length);
            let ngrams: Vec<&[u32]> = units.windows(length).collect();
            assert_eq!(numbers.len(), ngrams.len());
            let ngrams = ngrams.into_iter().collect::<std::collections::BTreeSet<_>>();
            let numbers = numbers.into_iter().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(numbers.len(), ngrams.len(), "{length}");
        }
    }

    #[test]
    fn what_is_hidden_makes_no_difference() {
        for text in
            ["x x\u{200b} \u{200b}x x\u{332} x\u{e0041}", "x\u{3164}x\u{a0}x x x", "\u{feff}x x x x\u{ad} x"]
        {
            assert_eq!(repeated(text, 2, Unit::Words), 0.75, "{text:?}");
        }
        assert_eq!(repeated("a\u{200b}a\u{200c}aa", 1, Unit::Characters), 0.75);
    }

    #[test]
    fn what_is_shorter_than_an_ngram_repeats_nothing() {
        assert_eq!(repeated("x x", 3, Unit::Words), 0.0);
        assert_eq!(repeated("", 1, Unit::Words), 0.0);
    }
}
