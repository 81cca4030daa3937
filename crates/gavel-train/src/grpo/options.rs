//! What an objective can be: the options of the loss and of advantages, under TRL's names.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// What the rewards of a group are divided by, after its mean is subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScaleRewards {
    /// The standard deviation of the group (DeepSeekMath).
    Group,
    /// The standard deviation of all rewards of the step.
    Batch,
    /// Nothing (Dr. GRPO: dividing by the deviation favours prompts that are very easy or very hard).
    None,
}

/// By name, or by the bool that TRL takes too.
impl<'de> Deserialize<'de> for ScaleRewards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ScaleRewards;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`group`, `batch`, `none`, true or false")
            }

            fn visit_bool<E>(self, scale: bool) -> Result<ScaleRewards, E> {
                Ok(if scale { ScaleRewards::Group } else { ScaleRewards::None })
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ScaleRewards, E> {
                match name {
                    "group" => Ok(ScaleRewards::Group),
                    "batch" => Ok(ScaleRewards::Batch),
                    "none" => Ok(ScaleRewards::None),
                    _ => Err(E::unknown_variant(name, &["group", "batch", "none"])),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// How the per-token losses of a batch become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// The mean over completions of the mean over their tokens: every completion weighs the same.
    Grpo,
    /// The sum over tokens, divided by the constant `B · max_completion_length`: no bias by length.
    DrGrpo,
    /// The sum over tokens, divided by the tokens of the whole generation batch.
    Dapo,
    /// The sum over tokens, divided by the tokens of the optimiser's batch.
    Bnpo,
}

/// Whether each token has a probability ratio of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportanceSamplingLevel {
    /// One ratio per token (GRPO).
    Token,
    /// One ratio per completion, the geometric mean of its tokens' (GSPO).
    Sequence,
}

/// The objective: everything that the loss of a batch depends on besides the batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// How per-token losses become one number.
    pub loss_type: LossType,
    /// Whether each token has a ratio of its own.
    pub importance_sampling_level: ImportanceSamplingLevel,
    /// ε: the ratio is clipped from below at `1 - epsilon`.
    pub epsilon: f64,
    /// The ratio is clipped from above at `1 + epsilon_high` (DAPO's clip-higher).
    pub epsilon_high: f64,
    /// A second, unconditional upper clip of the ratio, for negative advantages.
    pub delta: Option<f64>,
    /// β: the weight of the KL term. At 0 there is no reference model.
    pub beta: f64,
    /// Multiplies the KL term by the ratio, which makes its gradient unbiased off-policy.
    pub use_bias_correction_kl: bool,
    /// Clamps the log-ratio of the KL term to ±20, and the term to ±10.
    pub kl_clamp: bool,
    /// The constant length of Dr. GRPO's denominator, in tokens.
    pub max_completion_length: i64,
}
