//! What the reward file may say under `options`; see the README.

use gavel_plugin::Error;
use serde::Deserialize;

/// The options of the `code` verifier.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whose columns hold the tests.
    pub dataset: Dataset,
    /// What the programs are written in.
    pub language: Language,
    /// Which part of the completion is the program.
    pub block: Block,
    /// The tags of the fenced blocks that may hold it; by default those of the language.
    pub fences: Option<Vec<String>>,
    /// What the verdict counts.
    pub score: Score,
    /// When to leave the remaining tests out.
    pub stop: Stop,
    /// How an output is compared with the expected one.
    pub compare: Compare,
    /// How far a number may be off, absolutely or relatively, in outputs and results.
    pub tolerance: f64,
    /// What becomes of tests that cannot be kept apart from the program.
    pub guarded: Guarded,
    /// Instructions for each run.
    pub fuel: u64,
    /// Bytes of memory for each run.
    pub memory: u64,
    /// How often a test that asserts may come back with further calls.
    pub rounds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dataset: Dataset::Auto,
            language: Language::Python,
            block: Block::Last,
            fences: None,
            score: Score::All,
            stop: Stop::Limit,
            compare: Compare::Lines,
            tolerance: 0.0,
            guarded: Guarded::Refuse,
            fuel: 30_000_000_000,
            memory: 256 << 20,
            rounds: 128,
        }
    }
}

/// Whose columns hold the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dataset {
    /// Whatever is there.
    Auto,
    /// gavel's own form: a reference with a `type`.
    Reference,
    /// `test` and `entry_point`.
    Humaneval,
    /// `test_list`.
    Mbpp,
    /// `input_output`, or `inputs` and `outputs`.
    Apps,
    /// `public_test_cases`.
    Livecodebench,
    /// `test`: a list, or source.
    SandboxFusion,
}

impl Dataset {
    /// Those with columns of their own, the most particular first.
    pub(crate) const KNOWN: [Self; 5] =
        [Self::Humaneval, Self::Mbpp, Self::Livecodebench, Self::Apps, Self::SandboxFusion];
}

/// What programs are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// CPython.
    Python,
    /// JavaScript: no tests that assert.
    Javascript,
}

/// Which part of the completion is the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    /// The last fenced block.
    Last,
    /// The first fenced block.
    First,
    /// The longest fenced block.
    Longest,
    /// All fenced blocks, one after the other.
    All,
    /// The completion as it is.
    Whole,
}

/// What the verdict counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// 1 when every test passes.
    All,
    /// The share of the tests that pass.
    Fraction,
}

/// When to leave the remaining tests out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// Never.
    Never,
    /// After the first that runs into a limit.
    Limit,
    /// After the first that fails.
    Failure,
}

/// How an output is compared with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compare {
    /// Line by line, without white space at either end; numbers by their value.
    Lines,
    /// Word by word, numbers by their value.
    Tokens,
    /// Byte by byte, but for a newline at the end.
    Exact,
}

/// What becomes of tests that cannot be kept apart from the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guarded {
    /// Abstain.
    Refuse,
    /// Judge in one interpreter, as well guarded as can be; the metric `guarded` says so.
    Allow,
}

impl Options {
    /// What the types cannot say.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let positive = |name: &str, value: u64| match value {
            0 => Err(Error::InvalidOptions(format!("{name}: must be at least 1"))),
            _ => Ok(()),
        };
        positive("fuel", self.fuel)?;
        positive("memory", self.memory)?;
        positive("rounds", self.rounds.into())?;
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return Err(Error::InvalidOptions("tolerance: must be 0 or a positive number".to_owned()));
        }
        match &self.fences {
            Some(tags) if tags.is_empty() => Err(Error::InvalidOptions(
                "fences: is empty; leave it out for the tags of the language".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}
