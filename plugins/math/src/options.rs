//! What the reward file may say under `options`, and the presets.

use serde::Deserialize;

use crate::compare::{ListRule, PercentRule, Rules, UnitRule};
use crate::extract::Mode;

/// Places to look and ways to compare, under the name of what people use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Wherever an answer is stated, but not the last number of an unfinished text.
    #[default]
    Default,
    /// `\boxed` and nothing else.
    Boxed,
    /// `<answer>` and nothing else.
    AnswerTag,
    /// `####` first, and the last number if nothing is stated; a sign of percent may be missing.
    Gsm8k,
    /// The places and the precedence of Math-Verify; a sign of percent may be missing.
    MathVerify,
    /// The last number, whatever is stated.
    LastNumber,
}

impl Preset {
    /// Where it looks.
    pub fn order(self) -> &'static [Mode] {
        use Mode::{AnswerTag, Boxed, FinalAnswer, Hashes, Last, LastNumber, Phrase, Whole};
        match self {
            Self::Default => &[FinalAnswer, Boxed, AnswerTag, Hashes, Phrase, Whole],
            Self::Boxed => &[Boxed],
            Self::AnswerTag => &[AnswerTag],
            Self::Gsm8k => &[Hashes, Boxed, AnswerTag, Phrase, LastNumber],
            Self::MathVerify => &[FinalAnswer, Boxed, Hashes, AnswerTag, Phrase, Whole, Last],
            Self::LastNumber => &[LastNumber],
        }
    }

    /// What it makes of a sign of percent.
    pub fn percent(self) -> PercentRule {
        match self {
            Self::Gsm8k | Self::MathVerify | Self::LastNumber => PercentRule::Lenient,
            _ => PercentRule::Reference,
        }
    }
}

/// The options of the plugin; see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What the others default to.
    pub preset: Preset,
    /// Where to look for the final answer. The first place that has one counts.
    pub order: Option<Vec<Mode>>,
    /// What a sign of percent is worth that only one side has.
    pub percent: Option<PercentRule>,
    /// What a unit is worth that only one side has.
    pub units: UnitRule,
    /// Whether the order of a list counts.
    pub lists: ListRule,
    /// From how many decimals on a decimal may be the rounding of an exact value; 0 for never.
    pub rounding: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            preset: Preset::default(),
            order: None,
            percent: None,
            units: UnitRule::default(),
            lists: ListRule::default(),
            rounding: Rules::default().rounding,
        }
    }
}

impl Options {
    /// Where to look.
    pub fn order(&self) -> &[Mode] {
        self.order.as_deref().unwrap_or_else(|| self.preset.order())
    }

    /// How to compare.
    pub fn rules(&self) -> Rules {
        Rules {
            percent: self.percent.unwrap_or_else(|| self.preset.percent()),
            units: self.units,
            lists: self.lists,
            rounding: self.rounding,
            true_chains: self.preset != Preset::MathVerify,
        }
    }
}
