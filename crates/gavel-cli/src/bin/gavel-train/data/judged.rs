//! What the verifiers of a reward say of tasks alone: each judges an empty completion, and whether it can take the reference
//! does not depend on that.

use std::collections::BTreeMap;
use std::sync::Arc;

use gavel_train::data::SeenRow;
use gavel_train::task::likely_reference;
use gavel_verify::{Failure, Reward, Status, score_groups};

use super::super::load_reward;
use super::report::Problem;
use super::view::View;
use gavel_cli::cli::PluginArgs;
use gavel_cli::exit::Stop;
use gavel_cli::terminal::Terminal;

/// What has been judged so far.
pub(super) struct Judged {
    reward: Option<Arc<dyn Reward>>,
    /// Tasks that a verifier cannot use.
    pub(super) invalid: Vec<Problem>,
    /// How often each verifier had no verdict for another reason.
    pub(super) failures: BTreeMap<(String, Status), u64>,
}

impl Judged {
    /// Loads the reward, where one is named.
    pub(super) fn load(view: &View, plugins: PluginArgs, terminal: &Terminal) -> Result<Self, Stop> {
        let reward = match &view.reward {
            Some(path) => Some(load_reward(path, &plugins.resolve(), terminal)?),
            None => None,
        };
        Ok(Self { reward, invalid: Vec::new(), failures: BTreeMap::new() })
    }

    /// Whether there is a reward at all.
    pub(super) fn has_reward(&self) -> bool {
        self.reward.is_some()
    }

    /// Judges the tasks of some rows.
    pub(super) fn take(&mut self, rows: &[SeenRow]) -> Result<(), Stop> {
        let Some(reward) = &self.reward else { return Ok(()) };
        let tasks: Vec<_> =
            rows.iter().filter_map(|row| Some((row, &row.task.as_ref().ok()?.task))).collect();
        let submissions = tasks.iter().map(|(_, task)| task.submission("", 0, false));
        // Each as a group of its own, for verifiers that judge groups.
        let scores = score_groups(reward.as_ref(), submissions.map(|submission| [submission]));
        let scores = scores.map_err(anyhow::Error::from)?;
        for ((row, task), score) in tasks.into_iter().zip(scores) {
            let advice = likely_reference(task).map_or_else(String::new, |column| {
                format!("; if the reference is its `{column}`, set `reference_column = \"{column}\"`")
            });
            for (verifier, outcome) in score.outcomes {
                match outcome.result {
                    Ok(_)
                    | Err(Failure::Skipped | Failure::ConditionUnknown { .. } | Failure::Abstained(_)) => {}
                    Err(Failure::InvalidTask(reason)) => {
                        // What else a verifier misses, a reference would not mend.
                        let advice = if reason.contains("reference") { advice.as_str() } else { "" };
                        self.invalid.push(Problem::invalid(row, &verifier, reason + advice));
                    }
                    Err(failure) => *self.failures.entry((verifier, failure.status())).or_default() += 1,
                }
            }
        }
        Ok(())
    }
}
