//! When a completion is complete, beside end tokens: stop strings.

use crate::{Error, Tokenizer};

/// Says when a completion is complete, beside end tokens.
pub trait Stop {
    /// Whether the completion ends here. Called once for each new token, the last of `tokens`.
    fn is_complete(&self, tokens: &[i64]) -> bool;
}

/// Leaves ending to end tokens and length.
#[derive(Debug, Clone, Copy, Default)]
pub struct NeverStop;

impl Stop for NeverStop {
    fn is_complete(&self, _tokens: &[i64]) -> bool {
        false
    }
}

/// Ends a completion once its text contains one of some strings, across whatever token boundaries. Special tokens
/// count as the text that they are written as.
///
/// Made in time proportional to the vocabulary: make it once, not at every step.
#[derive(Debug)]
pub struct StopStrings<'a> {
    tokenizer: &'a Tokenizer,
    strings: Vec<String>,
    /// Bytes of the longest string.
    longest: usize,
    /// For each token id whether it may hold the end of one of the strings; most do not, and cost nothing.
    closers: Vec<bool>,
}

impl<'a> StopStrings<'a> {
    /// Prepares to look for `strings`; none means that nothing stops.
    ///
    /// # Errors
    /// When one of the strings is empty.
    pub fn new(tokenizer: &'a Tokenizer, strings: &[impl AsRef<str>]) -> Result<Self, Error> {
        let strings: Vec<_> = strings.iter().map(|string| string.as_ref().to_owned()).collect();
        if strings.iter().any(String::is_empty) {
            let reason = "holds an empty string, which every text contains".to_owned();
            return Err(Error::Request { field: "stop strings", reason });
        }
        let longest = strings.iter().map(String::len).max().unwrap_or(0);
        let ids = 0..tokenizer.vocab_size() as i64;
        let closers = ids
            .map(|id| Ok(may_close(&tokenizer.decode_all(&[id])?, &strings)))
            .collect::<Result<_, Error>>()?;
        Ok(Self { tokenizer, strings, longest, closers })
    }
}

impl Stop for StopStrings<'_> {
    fn is_complete(&self, tokens: &[i64]) -> bool {
        let Some(&last) = tokens.last() else { return false };
        if !usize::try_from(last).is_ok_and(|id| self.closers.get(id) == Some(&true)) {
            return false;
        }
        // Every token is at least a byte of text, so no string spans more tokens than it has bytes. One more,
        // because decoding drops the space before the first word.
        let tail = &tokens[tokens.len().saturating_sub(self.longest + 1)..];
        let text = self.tokenizer.decode_all(tail).unwrap_or_default();
        self.strings.iter().any(|string| text.contains(string.as_str()))
    }
}

/// Whether a token that reads `text` by itself may hold the last character of one of `strings`.
fn may_close(text: &str, strings: &[String]) -> bool {
    strings.iter().filter_map(|string| string.chars().next_back()).any(|last| {
        // A token may be part of a character, and a lone space is dropped in decoding.
        text.contains(last) || text.contains(char::REPLACEMENT_CHARACTER) || last == ' '
    })
}
