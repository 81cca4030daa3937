//! Verifiers with their places in a reward, and how they are asked: about one submission, or about a group.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_judge::Judge;
use gavel_verify::{Cancel, Failure, Outcome, Submission, Verifier, VerifierVersion};

use super::group::Aside;
use super::rules::Member;
use crate::by_client::Client;
use crate::expression::{Condition, Prices};
use crate::lowered::{AllLowered, Lowered};
use crate::turns::Turns;
use crate::verdicts::{Key, Question, Verdicts};
use crate::waiting::Waiting;

/// Why nobody is asked about what nobody waits for.
const CANCELLED: &str = "cancelled: nobody waits for it any more";

/// A verifier with its place in the reward.
pub(crate) struct NamedVerifier {
    pub(crate) name: String,
    /// Of the plugin, and of each interpreter that it may use.
    pub(crate) digests: Vec<(String, String)>,
    /// All that its outcomes depend on; `None` where nobody knows.
    pub(crate) version: Option<VerifierVersion>,
    pub(crate) prices: Prices,
    /// The most bytes of a submission and the options together.
    pub(crate) input: usize,
    pub(crate) when: Option<Condition>,
    pub(crate) turns: Turns<Aside>,
    /// What its verdicts are kept by; `None` where they are not.
    pub(crate) question: Option<Question>,
    pub(crate) asks: Asks,
    /// The judge that it is, which counts.
    pub(crate) judge: Option<Arc<Judge>>,
}

/// How a verifier is asked.
#[derive(Clone)]
pub(crate) enum Asks {
    /// It judges on the thread that asks it.
    Here(Arc<dyn Verifier>),
    /// It waits for somebody else, and the thread does something else meanwhile.
    Async(Arc<Waiting>),
}

impl NamedVerifier {
    /// What it said of the same submission before; where it has not, what its verdict is kept by.
    pub(super) fn known(
        &self,
        submission: &Submission,
        verdicts: Option<&Verdicts>,
        lowered: Option<&Lowered>,
    ) -> Result<Outcome, Option<Key>> {
        let question = lowered.map_or(&self.question, |lowered| &lowered.question);
        let (Some(question), Some(verdicts)) = (question, verdicts) else { return Err(None) };
        let asked = Instant::now();
        let key = question.about(submission);
        verdicts.find(&key, asked).ok_or(Some(key))
    }

    /// Lets whoever waits for a turn have it.
    pub(super) fn give_turn_back(&self) {
        match self.turns.give_back() {
            None => {}
            Some(Aside::Walk(walk)) => walk.resume(),
            Some(Aside::Group(group)) => group.resume(),
        }
    }

    /// Whether it judges the completions of a prompt together.
    pub(super) fn judges_groups(&self) -> bool {
        matches!(&self.asks, Asks::Here(verifier) if verifier.judges_groups())
    }

    /// What it says of a submission that came without the others of its group: nothing.
    pub(super) fn without_group(&self) -> Outcome {
        without_asking(Failure::InvalidTask(format!(
            "`{}` judges the completions of a prompt together, and this one was handed in without the others",
            self.name
        )))
    }

    /// Judges those of a group that wait for this verifier, which is at this place. The others are not asked about, or wait
    /// for a verifier behind it.
    pub(super) fn ask_group<'m>(
        &self,
        place: usize,
        members: impl Iterator<Item = &'m mut Member>,
        cancel: &Cancel,
        lowered: Option<&Lowered>,
    ) {
        let (mut asked, others): (Vec<_>, Vec<_>) =
            members.partition(|member| member.findings.outcomes.len() == place);
        // What this machine could not decide about one would be missing from what the others are judged by.
        let failed = |member: &&mut Member| {
            matches!(member.findings.outcomes[place].result, Err(Failure::HostFailed(_)))
        };
        let outcomes = if others.iter().any(failed) {
            let reason = "gavel could not tell whether another completion of the prompt belongs to the group";
            vec![without_asking(Failure::HostFailed(reason.to_owned())); asked.len()]
        } else {
            let submissions: Vec<&Submission> = asked.iter().map(|member| &member.submission).collect();
            self.outcomes_of_group(&submissions, cancel, lowered)
        };
        for (member, outcome) in asked.iter_mut().zip(outcomes) {
            member.findings.add(outcome);
        }
    }

    fn outcomes_of_group(
        &self,
        submissions: &[&Submission],
        cancel: &Cancel,
        lowered: Option<&Lowered>,
    ) -> Vec<Outcome> {
        let count = submissions.len();
        let failed = |reason: &str| vec![without_asking(Failure::HostFailed(reason.to_owned())); count];
        let Asks::Here(verifier) = &self.asks else { return failed("an async verifier judges no groups") };
        if cancel.is_set() {
            return failed(CANCELLED);
        }
        let limits = lowered.map(|lowered| &lowered.limits);
        let judged = catch_unwind(AssertUnwindSafe(|| verifier.verify_group(submissions, cancel, limits)));
        match judged {
            Ok(outcomes) if outcomes.len() == count => outcomes,
            // Whose is whose nobody knows then.
            Ok(_) => failed("the verifier lost a completion of the group"),
            Err(_) => {
                tracing::error!("a verifier panicked; this is a bug in gavel");
                failed("gavel panicked while judging")
            }
        }
    }
}

pub(super) fn keep(verdicts: Option<&Verdicts>, key: Option<Key>, outcome: &Outcome) {
    if let (Some(verdicts), Some(key)) = (verdicts, key) {
        verdicts.keep(key, outcome);
    }
}

/// What holds for the verifier at a place, where that is not its own.
pub(super) fn limits_of(lowered: Option<&AllLowered>, place: usize) -> Option<&Lowered> {
    lowered?.get(place)?.as_ref()
}

/// Who no longer waits is not judged for. A verifier must not panic; if it does anyway, that is gavel's fault and costs
/// this submission its verdict.
pub(super) fn ask(
    verifier: &dyn Verifier,
    submission: &Submission,
    cancel: &Cancel,
    lowered: Option<&Lowered>,
) -> Outcome {
    if cancel.is_set() {
        return without_asking(Failure::HostFailed(CANCELLED.to_owned()));
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| match lowered {
        Some(Lowered { limits, .. }) => verifier.verify_within(submission, cancel, limits),
        None => verifier.verify_until(submission, cancel),
    }));
    outcome.unwrap_or_else(|_| {
        tracing::error!("a verifier panicked; this is a bug in gavel");
        without_asking(Failure::HostFailed("gavel panicked while judging".to_owned()))
    })
}

/// Waits on this thread for what an async verifier says.
pub(super) fn wait(waiting: &Arc<Waiting>, submission: &Submission) -> Outcome {
    let (sender, outcome) = std::sync::mpsc::channel();
    let (asked, submission) = (Arc::clone(waiting), submission.clone());
    waiting.poller().spawn(async move {
        let outcome = asked.ask(&submission, Client::default(), &Cancel::new()).await;
        // Whoever waits is still there.
        drop(sender.send(outcome));
    });
    let lost = || without_asking(Failure::HostFailed("gavel lost an outcome".to_owned()));
    outcome.recv().unwrap_or_else(|_| lost())
}

pub(super) fn without_asking(failure: Failure) -> Outcome {
    Outcome::failure(failure, Duration::ZERO)
}
