//! Lower limits than a reward file's, for some of its submissions: by whoever hands them in, who cannot raise any.

use std::sync::Arc;

use gavel_plugins::LimitSettings;
use gavel_verify::{Limits, Version};

use crate::reward::NamedVerifier;
use crate::verdicts::Question;

/// A limit of a submission's is higher than that of every verifier. Such limits can only be lower.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`limits.{field}` = {wanted} would raise a limit, and those of a submission can only lower it: {}. \
     The reward file says how high it is",
    listed(granted)
)]
pub struct RaisedLimit {
    /// Its name below `limits`.
    pub field: &'static str,
    /// What is wanted, as a reward file would write it.
    pub wanted: String,
    /// What each verifier has, written alike.
    pub granted: Vec<(String, String)>,
}

fn listed(granted: &[(String, String)]) -> String {
    let has = |(verifier, most): &(String, String)| format!("`{verifier}` has {most}");
    granted.iter().map(has).collect::<Vec<_>>().join(", ")
}

/// What holds for one verifier in place of its own limits, and what its verdicts are kept by then.
#[derive(Clone)]
pub(crate) struct Lowered {
    pub(crate) limits: Limits,
    pub(crate) question: Option<Question>,
}

/// By the places of the verifiers; `None` for those that have no limits of a plugin's.
pub(crate) type AllLowered = Arc<[Option<Lowered>]>;

/// Each verifier's limits, where these are lower. `before` is what was lowered already.
pub(crate) fn lower(
    verifiers: &[NamedVerifier],
    settings: &LimitSettings,
    before: Option<&AllLowered>,
) -> Result<AllLowered, RaisedLimit> {
    let mut raised: Option<Vec<(RaisedLimit, usize)>> = None;
    let mut all = Vec::with_capacity(verifiers.len());
    let mut limited = 0;
    for (place, verifier) in verifiers.iter().enumerate() {
        // Judges wait for others, and a time of the processor's says nothing of that.
        let Some(version) = verifier.version.as_ref().filter(|_| verifier.judge.is_none()) else {
            all.push(None);
            continue;
        };
        limited += 1;
        let known = before.and_then(|before| before[place].as_ref());
        let own = known.map_or(&version.limits, |known| &known.limits);
        let (within, wishes) = settings.within(own);
        let found = raised.get_or_insert_default();
        for wish in wishes {
            let granted = (verifier.name.clone(), wish.granted);
            match found.iter_mut().find(|(problem, _)| problem.field == wish.field) {
                Some((problem, count)) => {
                    problem.granted.push(granted);
                    *count += 1;
                }
                None => {
                    let (field, wanted) = (wish.field, wish.wanted);
                    found.push((RaisedLimit { field, wanted, granted: vec![granted] }, 1));
                }
            }
        }
        let limits = within.over(own.clone());
        let question =
            verifier.question.as_ref().map(|_| Question::new(&verifier.digests, &version.options, &limits));
        all.push(Some(Lowered { limits, question }));
    }
    // What is higher for some of them, and lower for others, lowers those.
    match raised.unwrap_or_default().into_iter().find(|(_, count)| *count == limited) {
        Some((problem, _)) => Err(problem),
        None => Ok(all.into()),
    }
}

/// What judges, with the limits that hold.
pub(crate) fn version_within(
    mut version: Version,
    verifiers: &[NamedVerifier],
    lowered: &AllLowered,
) -> Version {
    for (verifier, lowered) in verifiers.iter().zip(lowered.iter()) {
        let known = version.verifiers.iter_mut().find(|known| known.name == verifier.name);
        if let (Some(known), Some(lowered)) = (known, lowered) {
            known.limits = lowered.limits.clone();
        }
    }
    version
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use gavel_plugins::LimitSettings;
    use gavel_verify::{Reward as _, Score, Status, Submission, score_all};

    use crate::reward::PluginReward;
    use crate::workspace::{Workspace, WorkspaceOptions};

    const REWARD: &str = "[verifiers.one]\nplugin = 'math'\nlimits = { fuel = 50_000_000 }\n\
        [verifiers.two]\nplugin = 'math'\nlimits = { fuel = 40_000_000 }\n\
        [reward]\nformula = 'one + two'\n";

    fn reward() -> PluginReward {
        let options = WorkspaceOptions {
            workers: NonZeroUsize::MIN,
            verdict_cache: 1 << 20,
            cache_dir: None,
            ..WorkspaceOptions::default()
        };
        Workspace::start(&options).unwrap().load_text("reward.toml".as_ref(), REWARD).unwrap()
    }

    fn fuel(fuel: u64) -> LimitSettings {
        LimitSettings { fuel: Some(fuel), ..LimitSettings::default() }
    }

    fn score(reward: &PluginReward) -> Score {
        let submission = Submission {
            completion: "The answer is 2.".to_owned(),
            reference: Some("2".to_owned()),
            ..Submission::default()
        };
        let handed_in = score_all(reward, [submission.clone()]).unwrap().remove(0);
        assert_eq!(reward.judge(submission).reward, handed_in.reward);
        handed_in
    }

    #[test]
    fn lower_limits_hold_for_who_has_them_alone() {
        let reward = reward();
        let lower = reward.within_limits(&fuel(1000)).unwrap();
        // What is kept of the one is no answer for the other.
        for _ in 0..2 {
            assert_eq!(score(&reward).reward, Ok(2.0));
            let statuses: Vec<_> =
                score(&lower).outcomes.iter().map(|(_, outcome)| outcome.status()).collect();
            assert_eq!(statuses, [Status::OutOfFuel, Status::OutOfFuel]);
        }
        let fuels = |reward: &PluginReward| -> Vec<u64> {
            reward.version().unwrap().verifiers.iter().map(|verifier| verifier.limits.fuel).collect()
        };
        assert_eq!((fuels(&reward), fuels(&lower)), (vec![50_000_000, 40_000_000], vec![1000, 1000]));
        // What one has lower already, and the other has not, lowers the other.
        let between = reward.within_limits(&fuel(45_000_000)).unwrap();
        assert_eq!(fuels(&between), [45_000_000, 40_000_000]);
    }

    #[test]
    fn no_limit_is_raised() {
        let reward = reward();
        let error = reward.within_limits(&fuel(60_000_000)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`limits.fuel` = 60000000 would raise a limit, and those of a submission can only lower it: `one` has 50000000, \
             `two` has 40000000. The reward file says how high it is"
        );
        let lower = reward.within_limits(&fuel(1000)).unwrap();
        assert!(lower.within_limits(&fuel(1001)).is_err());
        lower.within_limits(&fuel(1000)).unwrap();
        for (json, says) in [
            (serde_json::json!({"fule": 1}), "fule"),
            (serde_json::json!({"memory": "much"}), "memory"),
            (serde_json::json!(3), "table"),
            (serde_json::json!({"fuel": null}), "limits"),
        ] {
            let error = LimitSettings::of_json(&json).unwrap_err();
            assert!(error.contains(says), "{json}: {error}");
        }
        let read =
            LimitSettings::of_json(&serde_json::json!({"timeout": "2s", "programs": {"runs": 1}})).unwrap();
        assert_eq!(read.programs.runs, Some(1));
    }
}
