//! An early warning: what a run watches besides its reward, and when it says so.
//!
//! A policy that has found a hole in its reward looks like one that learns, by the reward. So a verifier that the formula
//! does not name is compared with it; and what goes wrong in other ways shows in entropy, length, repetition, and the
//! marks that a policy makes. All rules compare means over `window` steps with those of the first `window` steps.

mod repetition;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metrics::{Metric, Metrics, mean};
pub(crate) use repetition::{REPETITION, repetition_of};

/// The table `[watch]` of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchOptions {
    /// A verifier of the reward file whose mean has to go along with the reward. It is of use where the formula does not name
    /// it.
    pub verifier: Option<String>,
    /// A metric of a verifier, as `marks.forged`, that says which share of its own checks a policy marks falsely.
    pub forged: Option<String>,
    /// Steps that are averaged over; nothing is said before twice as many.
    pub window: usize,
    /// How much the reward has to rise before it is compared with the verifier.
    pub reward_gain: f64,
    /// The reward and the verifier part where the verifier has gained less than this share of what the reward has gained.
    pub verifier_share: f64,
    /// Entropy has collapsed below this share of what it was.
    pub min_entropy: f64,
    /// Length has collapsed below this share of what it was.
    pub min_length: f64,
    /// The share of repeated text may have risen by this.
    pub max_repetition: f64,
    /// The share of forged marks may have risen by this.
    pub max_forged: f64,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            verifier: None,
            forged: None,
            window: 10,
            reward_gain: 0.1,
            verifier_share: 0.25,
            min_entropy: 0.05,
            min_length: 0.1,
            max_repetition: 0.25,
            max_forged: 0.03,
        }
    }
}

impl WatchOptions {
    /// The first value that makes no sense, and why.
    pub(crate) fn problem(&self) -> Option<String> {
        let shares = [
            ("verifier_share", self.verifier_share),
            ("min_entropy", self.min_entropy),
            ("min_length", self.min_length),
            ("max_repetition", self.max_repetition),
            ("max_forged", self.max_forged),
        ];
        if self.window == 0 {
            return Some("has a `window` of 0, and means need at least 1 step".to_owned());
        }
        if let Some((name, value)) = shares.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            return Some(format!("has a `{name}` of {value}, which must be from 0 to 1"));
        }
        if !(self.reward_gain.is_finite() && self.reward_gain > 0.0) {
            return Some(format!("has a `reward_gain` of {}, which must be above 0", self.reward_gain));
        }
        let default = Self::default();
        let unread = [
            ("reward_gain", self.reward_gain != default.reward_gain, "verifier", self.verifier.is_none()),
            (
                "verifier_share",
                self.verifier_share != default.verifier_share,
                "verifier",
                self.verifier.is_none(),
            ),
            ("max_forged", self.max_forged != default.max_forged, "forged", self.forged.is_none()),
        ];
        if let Some((name, _, with, _)) = unread.into_iter().find(|&(_, said, _, lacks)| said && lacks) {
            return Some(format!(
                "has `{name}`, which is read only with `{with}`: name that too, or leave it out"
            ));
        }
        let unnamed = self.forged.as_ref().filter(|name| forged_metric(name).is_none())?;
        Some(format!("has `forged` = \"{unnamed}\", which must be VERIFIER.METRIC, such as \"marks.forged\""))
    }

    /// The verifiers that are named.
    pub(crate) fn verifiers(&self) -> impl Iterator<Item = &str> {
        let forged = self.forged.as_ref().and_then(|name| forged_metric(name));
        self.verifier.as_deref().into_iter().chain(forged.map(|(verifier, _)| verifier))
    }
}

fn forged_metric(name: &str) -> Option<(&str, &str)> {
    name.split_once('.').filter(|(verifier, metric)| !verifier.is_empty() && !metric.is_empty())
}

/// What may be wrong with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alarm {
    /// The reward rises, and the verifier that is not paid for does not.
    Parted,
    /// The policy tries next to nothing new.
    Entropy,
    /// It writes next to nothing.
    Length,
    /// It writes the same again and again.
    Repetition,
    /// It marks its own work falsely.
    Forged,
}

impl Alarm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Parted, Self::Entropy, Self::Length, Self::Repetition, Self::Forged];

    /// The name of the metric `watch/<name>`: 1 in the steps in which the alarm is raised.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parted => "parted",
            Self::Entropy => "entropy",
            Self::Length => "length",
            Self::Repetition => "repetition",
            Self::Forged => "forged",
        }
    }
}

/// An alarm with the numbers that raised it.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// Which.
    pub alarm: Alarm,
    /// What it was before.
    pub before: f64,
    /// What it is now.
    pub now: f64,
    /// Of [`Alarm::Parted`]: the verifier, and what its mean was and is. The numbers above are the reward's.
    pub verifier: Option<(String, f64, f64)>,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, now, .. } = self;
        match (self.alarm, &self.verifier) {
            (Alarm::Parted, Some((name, was, is))) => write!(
                f,
                "the reward has gone from {before:.3} to {now:.3}, and `{name}` from {was:.3} to {is:.3}: the policy may \
                 have found what the reward pays for without deserving it"
            ),
            (Alarm::Parted, None) => f.write_str("the reward and a verifier part"),
            (Alarm::Entropy, _) => {
                write!(f, "entropy has collapsed from {before:.3} to {now:.3}: the policy tries nothing new")
            }
            (Alarm::Length, _) => {
                write!(f, "completions have collapsed from {before:.0} to {now:.0} tokens")
            }
            (Alarm::Repetition, _) => write!(
                f,
                "{:.1} % of what completions say they have said before, and it was {:.1} %",
                100.0 * now,
                100.0 * before
            ),
            (Alarm::Forged, _) => write!(
                f,
                "{:.1} % of the policy's marks are false, and it was {:.1} %: it may claim instead of checking",
                100.0 * now,
                100.0 * before
            ),
        }
    }
}

/// What is remembered of a step; what was not measured, or is not finite, is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    reward: Option<f64>,
    verifier: Option<f64>,
    entropy: Option<f64>,
    length: Option<f64>,
    repetition: Option<f64>,
    forged: Option<f64>,
}

/// What a run that goes on has to remember.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WatchState {
    /// The first steps, as many as the window has.
    first: Vec<Seen>,
    /// The last steps, as many as the window has.
    last: VecDeque<Seen>,
    /// The reward and the verifier, in the window in which the verifier was highest.
    best: Option<(f64, f64)>,
    /// Alarms that are raised.
    raised: BTreeSet<Alarm>,
}

impl WatchState {
    /// Takes a step in, says in `metrics` which alarms are raised, and returns those that were not before.
    pub(crate) fn observe(&mut self, options: &WatchOptions, metrics: &mut Metrics) -> Vec<Raised> {
        let seen = Seen::of(options, metrics);
        if self.first.len() < options.window {
            self.first.push(seen);
        } else {
            self.last.push_back(seen);
            if self.last.len() > options.window {
                self.last.pop_front();
            }
        }
        let found = if self.last.len() == options.window { self.found(options) } else { Vec::new() };
        for alarm in Alarm::ALL {
            let is_raised = found.iter().any(|raised| raised.alarm == alarm);
            metrics.add(format!("watch/{}", alarm.name()), Metric::Max(f64::from(u8::from(is_raised))));
        }
        let before = std::mem::replace(&mut self.raised, found.iter().map(|raised| raised.alarm).collect());
        found.into_iter().filter(|raised| !before.contains(&raised.alarm)).collect()
    }

    fn found(&mut self, options: &WatchOptions) -> Vec<Raised> {
        let mut found: Vec<Raised> = self.parted(options).into_iter().collect();
        let mut compare = |alarm, of: fn(&Seen) -> Option<f64>, is_wrong: &dyn Fn(f64, f64) -> bool| {
            let ends = average(&self.first, of).zip(average(&self.last, of));
            if let Some((before, now)) = ends.filter(|&(before, now)| is_wrong(before, now)) {
                found.push(Raised { alarm, before, now, verifier: None });
            }
        };
        compare(Alarm::Entropy, |seen| seen.entropy, &|before, now| now < options.min_entropy * before);
        compare(Alarm::Length, |seen| seen.length, &|before, now| now < options.min_length * before);
        compare(Alarm::Repetition, |seen| seen.repetition, &|before, now| {
            now > before + options.max_repetition
        });
        compare(Alarm::Forged, |seen| seen.forged, &|before, now| now > before + options.max_forged);
        found
    }

    /// Since the beginning, the reward has gained and the verifier next to nothing; or since the verifier was highest, the
    /// reward has gained and the verifier lost.
    fn parted(&mut self, options: &WatchOptions) -> Option<Raised> {
        let reward = |seen: &Seen| seen.reward;
        let verifier = |seen: &Seen| seen.verifier;
        let was = (average(&self.first, reward)?, average(&self.first, verifier)?);
        let is = (average(&self.last, reward)?, average(&self.last, verifier)?);
        let best = *self.best.get_or_insert(was);
        if is.1 > best.1 {
            self.best = Some(is);
        }
        let gains = |then: (f64, f64)| (is.0 - then.0, is.1 - then.1);
        let (gained, along) = gains(was);
        let half = options.reward_gain / 2.0;
        let (since_best, lost) = gains(best);
        let then = if gained >= options.reward_gain && along < options.verifier_share * gained {
            was
        } else if since_best >= half && lost <= -half {
            best
        } else {
            return None;
        };
        let name = options.verifier.clone()?;
        Some(Raised { alarm: Alarm::Parted, before: then.0, now: is.0, verifier: Some((name, then.1, is.1)) })
    }
}

impl Seen {
    fn of(options: &WatchOptions, metrics: &Metrics) -> Self {
        let get = |name: &str| metrics.get(name).filter(|value| value.is_finite());
        let forged = options.forged.as_ref().and_then(|name| forged_metric(name));
        Self {
            reward: get("reward"),
            verifier: options.verifier.as_ref().and_then(|name| get(&format!("rewards/{name}/mean"))),
            entropy: get("entropy"),
            length: get("completions/mean_length"),
            repetition: get(REPETITION),
            forged: forged.and_then(|(verifier, metric)| get(&format!("verify/{verifier}/metric/{metric}"))),
        }
    }
}

/// The mean of what was measured; `None` where nothing was.
fn average<'a>(steps: impl IntoIterator<Item = &'a Seen>, of: impl Fn(&Seen) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = steps.into_iter().filter_map(of).collect();
    (!values.is_empty()).then(|| mean(&values))
}

#[cfg(test)]
mod tests;
