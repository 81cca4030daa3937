//! What an objective can be: the options of the loss and of advantages, under TRL's names.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

/// Whether the parts of a reward become one number before they are compared or after it, under TRL's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MultiObjectiveAggregation {
    /// Before: rewards are compared.
    SumThenNormalize,
    /// After: each part is compared within its group, and the sum with that of the batch: GDPO
    /// ([2601.05242](https://arxiv.org/abs/2601.05242)).
    NormalizeThenSum,
}

/// What an advantage compares a reward with, under verl's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvEstimator {
    /// The other completions of its group, or of the step.
    Group(GroupEstimator),
    /// What the likeliest completion of the prompt earns: ReMax ([2310.10505](https://arxiv.org/abs/2310.10505)).
    Remax,
    /// What a value model expects, token by token: PPO ([1506.02438](https://arxiv.org/abs/1506.02438)).
    Gae,
}

impl AdvEstimator {
    const NAMES: [(&str, Self); 9] = [
        ("grpo", Self::Group(GroupEstimator::Grpo)),
        ("rloo", Self::Group(GroupEstimator::Rloo)),
        ("reinforce_plus_plus", Self::Group(GroupEstimator::ReinforcePlusPlus)),
        ("reinforce_plus_plus_baseline", Self::Group(GroupEstimator::ReinforcePlusPlusBaseline)),
        ("opo", Self::Group(GroupEstimator::Opo)),
        ("max_rl", Self::Group(GroupEstimator::MaxRl)),
        ("grpo_passk", Self::Group(GroupEstimator::GrpoPassk)),
        ("remax", Self::Remax),
        ("gae", Self::Gae),
    ];
}

impl Serialize for AdvEstimator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, _) =
            Self::NAMES.iter().find(|(_, known)| known == self).expect("every estimator has a name");
        serializer.serialize_str(name)
    }
}

impl<'de> Deserialize<'de> for AdvEstimator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if let Some((_, known)) = Self::NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(*known);
        }
        let names = Self::NAMES.map(|(known, _)| format!("`{known}`")).join(", ");
        Err(de::Error::custom(format_args!("unknown variant `{name}`, expected one of {names}")))
    }
}

/// What a reward is compared with where that is other completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupEstimator {
    /// The mean of its group, in deviations (DeepSeekMath); `scale_rewards` says which.
    Grpo,
    /// The mean of the others of its group ([2402.14740](https://arxiv.org/abs/2402.14740)).
    Rloo,
    /// The mean of all rewards, in deviations of all ([2501.03262](https://arxiv.org/abs/2501.03262)).
    ReinforcePlusPlus,
    /// The mean of its group, then in deviations of all ([2501.03262](https://arxiv.org/abs/2501.03262)).
    ReinforcePlusPlusBaseline,
    /// The mean of its group, weighted by length ([2505.23585](https://arxiv.org/abs/2505.23585)).
    Opo,
    /// The mean of its group, divided by it ([2602.02710](https://arxiv.org/abs/2602.02710)).
    MaxRl,
    /// The second best of its group; all but the best have none ([2503.19595](https://arxiv.org/abs/2503.19595)).
    GrpoPassk,
}

/// What the completions of a group are chosen by, of which only some are learnt from
/// ([2508.09726](https://arxiv.org/abs/2508.09726)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupFilter {
    /// The shortest.
    Length,
    /// Those of the highest reward for each token.
    TokenEfficiency,
}

/// What is minimised, as TRL's `loss_type`: a [`Surrogate`], and how its per-token losses become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// `clip`, and the mean over completions of the mean over their tokens: every completion weighs the same.
    Grpo,
    /// `clip`, and the sum over tokens, divided by the constant `B · max_completion_length`: no bias by length.
    DrGrpo,
    /// `clip`, and the sum over tokens, divided by the tokens of the whole generation batch.
    Dapo,
    /// `clip`, and the sum over tokens, divided by the tokens of the optimiser's batch.
    Bnpo,
    /// `cispo`, and the sum over tokens, divided by the tokens of the whole generation batch.
    Cispo,
    /// `sapo`, and the mean over completions of the mean over their tokens.
    Sapo,
    /// `clip`, and the mean over completions of the sum over their tokens
    /// ([2602.05261](https://arxiv.org/abs/2602.05261)).
    Luspo,
    /// `vespo`, and the sum over tokens, divided by the tokens of the whole generation batch.
    Vespo,
}

impl LossType {
    /// The surrogate that belongs to it.
    pub fn surrogate(self) -> Surrogate {
        match self {
            Self::Grpo | Self::DrGrpo | Self::Dapo | Self::Bnpo | Self::Luspo => Surrogate::Clip,
            Self::Cispo => Surrogate::Cispo,
            Self::Sapo => Surrogate::Sapo,
            Self::Vespo => Surrogate::Vespo,
        }
    }
}

/// The loss of a token, which its ratio and its advantage decide. See [`surrogate`](super::surrogate()).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surrogate {
    /// PPO's clipped ratio; with `delta`, clipped on both sides.
    Clip,
    /// The log-probability, weighted by a ratio of at most `epsilon_high`, as in TRL.
    Cispo,
    /// The log-probability, weighted by a ratio between `1 - epsilon` and `1 + epsilon_high`, as in verl.
    CispoTwoSided,
    /// A sigmoid of the ratio, in place of a clip.
    Sapo,
    /// The log-probability, weighted by a gamma density of the completion's ratio.
    Vespo,
    /// The geometric mean of a completion's ratios, whose logarithms are clipped.
    Gmpo,
    /// The log-probability, weighted by the ratio, where the probability has not moved by more than `epsilon`.
    DppoTv,
    /// The log-probability, weighted by the ratio, where the divergence of the token from all others is at most `epsilon`.
    DppoKl,
    /// The log-probability alone.
    Gpg,
    /// `clip`, without some of the tokens whose log-probability and advantage vary together most
    /// ([2505.22617](https://arxiv.org/abs/2505.22617)).
    ClipCov,
    /// The ratio alone, and a penalty on its logarithm for those tokens
    /// ([2505.22617](https://arxiv.org/abs/2505.22617)).
    KlCov,
}

/// How the KL divergence of a token is estimated, under the names of Schulman's note
/// (<http://joschu.net/blog/kl-approx.html>). With a `+`, its gradient is that of `k2`, as in verl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KlEstimator {
    /// `log π − log π_ref`.
    K1,
    /// `(log π − log π_ref)² / 2`.
    K2,
    /// `π_ref/π − log(π_ref/π) − 1`.
    K3,
    /// `|log π − log π_ref|`.
    Abs,
    /// The value of `k1`, the gradient of `k2`.
    #[serde(rename = "k1+")]
    K1Through,
    /// The value of `k3`, the gradient of `k2`.
    #[serde(rename = "k3+")]
    K3Through,
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
    /// The loss of a token.
    pub surrogate: Surrogate,
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
    /// How the KL term is estimated.
    pub kl_estimator: KlEstimator,
    /// Clamps the log-ratio of the KL term to ±20, and the term to ±10.
    pub kl_clamp: bool,
    /// The temperature of `sapo` where the advantage is positive.
    pub sapo_temperature_pos: f64,
    /// The temperature of `sapo` where it is not.
    pub sapo_temperature_neg: f64,
    /// The shape and the rate of `vespo`'s gamma density where the advantage is not negative.
    pub vespo_pos: (f64, f64),
    /// The same where it is.
    pub vespo_neg: (f64, f64),
    /// Leaves out completions that are worse than their group and have diverged by more than this.
    pub off_policy_mask_threshold: Option<f64>,
    /// The most tokens that `clip_cov` leaves out, as a share of all.
    pub clip_cov_ratio: f64,
    /// `clip_cov` leaves out tokens whose covariance is between these two.
    pub clip_cov_bounds: (f64, f64),
    /// The share of tokens that `kl_cov` penalises, those of the highest covariances.
    pub kl_cov_ratio: f64,
    /// What `kl_cov` penalises them with, for each nat that their log-probability has moved.
    pub ppo_kl_coef: f64,
    /// What the loss is lowered by for each nat of the tokens' mean entropy.
    pub entropy_coef: f64,
    /// The share of tokens, those of the highest entropies, that the policy learns from; 1 is all.
    pub top_entropy_quantile: f64,
    /// The constant length of Dr. GRPO's denominator, in tokens.
    pub max_completion_length: i64,
}

impl Objective {
    /// Whether some tokens of an update are singled out, by what all of them are like; see [`Picks`](super::Picks).
    pub fn picks(&self) -> bool {
        self.top_entropy_quantile < 1.0 || matches!(self.surrogate, Surrogate::ClipCov | Surrogate::KlCov)
    }

    /// Whether tokens have a say whose advantage is 0.
    pub fn looks_at_all(&self) -> bool {
        self.beta != 0.0 || self.entropy_coef != 0.0 || self.picks()
    }
}
