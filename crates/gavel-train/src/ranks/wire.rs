//! Scored completions as ranks send them to each other: exactly, down to the bits of numbers that JSON has not.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gavel_verify::{Call, Failure, NoReward, Outcome, Score, Verdict};
use serde::{Deserialize, Serialize};

use crate::rollout::Sample;

/// A [`Sample`] on its way to another rank.
#[derive(Serialize, Deserialize)]
pub(crate) struct SampleForm {
    text: String,
    tokens: Vec<i64>,
    log_probs: Vec<f32>,
    truncated: bool,
    reward: Result<f64, NoRewardForm>,
    components: Vec<(String, f64)>,
    outcomes: Vec<(String, OutcomeForm)>,
}

#[derive(Serialize, Deserialize)]
enum NoRewardForm {
    Dropped { verifier: String },
    MissingMetric { verifier: String, metric: String },
    TaskColumn { column: String, found: String, wanted: String },
    NotFinite { value: f64 },
    HostFailed { verifier: String },
    NoGroup,
}

#[derive(Serialize, Deserialize)]
struct OutcomeForm {
    result: Result<VerdictForm, FailureForm>,
    fuel: Option<u64>,
    elapsed: Duration,
    output: Option<String>,
    cached: bool,
    call: Option<CallForm>,
}

#[derive(Serialize, Deserialize)]
struct CallForm {
    request: String,
    answer: Result<String, String>,
}

#[derive(Serialize, Deserialize)]
struct VerdictForm {
    reward: f64,
    reason: Option<String>,
    metrics: Vec<(String, f64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Failure")]
enum FailureDefinition {
    Skipped,
    ConditionUnknown { verifier: String },
    Abstained(String),
    InvalidTask(String),
    InternalError(String),
    OutOfFuel { limit: u64 },
    Deadline { limit: Duration },
    OutOfMemory { limit: u64 },
    Trap { message: String, backtrace: Vec<String> },
    OutputTooLarge { limit: u64 },
    Refused(String),
    HostFailed(String),
}

#[derive(Serialize, Deserialize)]
struct FailureForm(#[serde(with = "FailureDefinition")] Failure);

impl From<Sample> for SampleForm {
    fn from(sample: Sample) -> Self {
        let Sample { text, tokens, log_probs, truncated, score } = sample;
        let Score { reward, components, outcomes } = score;
        let outcomes = outcomes.into_iter().map(|(name, outcome)| (name, outcome.into())).collect();
        let reward = reward.map_err(NoRewardForm::from);
        Self { text, tokens, log_probs, truncated, reward, components, outcomes }
    }
}

impl From<SampleForm> for Sample {
    fn from(form: SampleForm) -> Self {
        let SampleForm { text, tokens, log_probs, truncated, reward, components, outcomes } = form;
        let outcomes = outcomes.into_iter().map(|(name, outcome)| (name, outcome.into())).collect();
        let score = Score { reward: reward.map_err(NoReward::from), components, outcomes };
        Self { text, tokens, log_probs, truncated, score }
    }
}

impl From<NoReward> for NoRewardForm {
    fn from(why: NoReward) -> Self {
        match why {
            NoReward::Dropped { verifier } => Self::Dropped { verifier },
            NoReward::MissingMetric { verifier, metric } => Self::MissingMetric { verifier, metric },
            NoReward::TaskColumn { column, found, wanted } => {
                Self::TaskColumn { column, found, wanted: wanted.to_owned() }
            }
            NoReward::NotFinite { value } => Self::NotFinite { value },
            NoReward::HostFailed { verifier } => Self::HostFailed { verifier },
            NoReward::NoGroup => Self::NoGroup,
        }
    }
}

impl From<NoRewardForm> for NoReward {
    fn from(form: NoRewardForm) -> Self {
        match form {
            NoRewardForm::Dropped { verifier } => Self::Dropped { verifier },
            NoRewardForm::MissingMetric { verifier, metric } => Self::MissingMetric { verifier, metric },
            NoRewardForm::TaskColumn { column, found, wanted } => {
                Self::TaskColumn { column, found, wanted: lasting(&wanted) }
            }
            NoRewardForm::NotFinite { value } => Self::NotFinite { value },
            NoRewardForm::HostFailed { verifier } => Self::HostFailed { verifier },
            NoRewardForm::NoGroup => Self::NoGroup,
        }
    }
}

/// The text as one that lasts as long as the program. Those that are sent are parts of the program themselves, so there are
/// only so many, and each is kept once.
fn lasting(text: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return known;
    }
    let new: &'static str = Box::leak(text.into());
    known.insert(new);
    new
}

impl From<Outcome> for OutcomeForm {
    fn from(outcome: Outcome) -> Self {
        let Outcome { result, fuel, elapsed, output, cached, call } = outcome;
        let verdict = |Verdict { reward, reason, metrics }| VerdictForm { reward, reason, metrics };
        let call = call.map(|call| {
            let Call { request, answer } = *call;
            CallForm { request, answer }
        });
        Self { result: result.map(verdict).map_err(FailureForm), fuel, elapsed, output, cached, call }
    }
}

impl From<OutcomeForm> for Outcome {
    fn from(form: OutcomeForm) -> Self {
        let OutcomeForm { result, fuel, elapsed, output, cached, call } = form;
        let verdict = |VerdictForm { reward, reason, metrics }| Verdict { reward, reason, metrics };
        Self {
            result: result.map(verdict).map_err(|FailureForm(failure)| failure),
            fuel,
            elapsed,
            output,
            cached,
            call: call.map(|CallForm { request, answer }| Box::new(Call { request, answer })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(sample: Sample) -> Sample {
        let bytes = postcard::to_allocvec(&SampleForm::from(sample)).unwrap();
        postcard::from_bytes::<SampleForm>(&bytes).unwrap().into()
    }

    fn sample(score: Score) -> Sample {
        Sample {
            text: "42".to_owned(),
            tokens: vec![4, -2],
            log_probs: vec![-0.1, f32::NEG_INFINITY],
            truncated: true,
            score,
        }
    }

    #[test]
    fn a_sample_arrives_as_it_was_sent() {
        let verdict = Verdict {
            reward: 0.1 + 0.2,
            reason: Some("why".to_owned()),
            metrics: vec![("m".to_owned(), f64::INFINITY)],
        };
        let outcome = Outcome {
            fuel: Some(7),
            output: Some("said".to_owned()),
            cached: true,
            call: Some(Box::new(Call { request: "digest".to_owned(), answer: Err("none".to_owned()) })),
            ..Outcome::verdict(verdict, Duration::from_nanos(1_000_000_001))
        };
        let failures = [
            Failure::Skipped,
            Failure::ConditionUnknown { verifier: "a".to_owned() },
            Failure::Abstained("a".to_owned()),
            Failure::Deadline { limit: Duration::from_millis(3) },
            Failure::Trap { message: "m".to_owned(), backtrace: vec!["f".to_owned()] },
            Failure::OutOfMemory { limit: u64::MAX },
        ];
        let failures = failures.map(|failure| ("f".to_owned(), Outcome::failure(failure, Duration::ZERO)));
        let outcomes: Vec<_> = [("v".to_owned(), outcome)].into_iter().chain(failures).collect();
        let of_column =
            |wanted| NoReward::TaskColumn { column: "c".to_owned(), found: "text".to_owned(), wanted };
        let rewards = [Ok(0.1 + 0.2), Err(NoReward::NotFinite { value: f64::INFINITY })];
        for reward in
            rewards.into_iter().chain(["a number", "text", "text"].map(|wanted| Err(of_column(wanted))))
        {
            let score =
                Score { reward, components: vec![("k".to_owned(), -0.0)], outcomes: outcomes.clone() };
            let arrived = sent(sample(score.clone()));
            assert_eq!(arrived.score, score);
            assert_eq!((arrived.text.as_str(), arrived.tokens, arrived.truncated), ("42", vec![4, -2], true));
            assert_eq!(arrived.log_probs, [-0.1, f32::NEG_INFINITY]);
        }
    }

    #[test]
    fn a_number_that_is_none_stays_one() {
        let score = Score { reward: Ok(f64::NAN), components: Vec::new(), outcomes: Vec::new() };
        assert!(sent(sample(score)).score.reward.unwrap().is_nan());
    }
}
