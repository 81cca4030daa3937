//! How submissions go through their verifiers, with verifiers written in Rust that do as they are told.

use super::*;
use crate::expression::OnFailure;
use gavel_verify::{Description, Verdict, score_all};
use std::time::Instant;

/// Judges by what the completion says: `panic`, `slow`, or a number.
struct Obedient(Description);

impl Verifier for Obedient {
    fn description(&self) -> &Description {
        &self.0
    }

    fn verify(&self, submission: &Submission) -> Outcome {
        match submission.completion.as_str() {
            "panic" => panic!("as told"),
            "abstain" => Outcome::failure(Failure::Abstained("as told".to_owned()), Duration::ZERO),
            number => Outcome::verdict(Verdict::new(number.parse().unwrap()), Duration::ZERO),
        }
    }
}

/// Never answers before its channel is closed.
struct Stuck(Description, Receiver<()>);

impl Verifier for Stuck {
    fn description(&self) -> &Description {
        &self.0
    }

    fn verify(&self, _: &Submission) -> Outcome {
        let _ = self.1.recv();
        Outcome::verdict(Verdict::new(1.0), Duration::ZERO)
    }
}

fn judge(name: &str, verifier: impl Verifier + 'static) -> Judge {
    let (name, prices, verifier) = (name.to_owned(), Prices::default(), Arc::new(verifier));
    Judge { name, digests: Vec::new(), prices, input: 1, when: None, verifier }
}

/// The same judge, asked only on a condition over the verifiers `above`.
fn when(condition: &str, above: &[&str], judge: Judge) -> Judge {
    Judge { when: Some(Condition::parse(condition, above, &[]).unwrap()), ..judge }
}

fn obedient() -> PluginReward {
    let judges = vec![judge("a", Obedient(Description::default()))];
    reward(judges, "a")
}

fn submission(completion: &str) -> Submission {
    Submission { completion: completion.to_owned(), ..Submission::default() }
}

fn reward(verifiers: Vec<Judge>, formula: &str) -> PluginReward {
    let names: Vec<&str> = verifiers.iter().map(|judge| judge.name.as_str()).collect();
    let formula = Formula::parse(formula, &names).unwrap();
    PluginReward::start(verifiers, formula, NonZeroUsize::MIN).unwrap()
}

/// The reward of each completion.
fn rewards(reward: &PluginReward, completions: &[&str]) -> Vec<Result<f64, NoReward>> {
    let scores = score_all(reward, completions.iter().copied().map(submission)).unwrap();
    scores.into_iter().map(|score| score.reward).collect()
}

fn dropped(verifier: &str) -> Result<f64, NoReward> {
    Err(NoReward::Dropped { verifier: verifier.to_owned() })
}

fn host_failed(verifier: &str) -> Result<f64, NoReward> {
    Err(NoReward::HostFailed { verifier: verifier.to_owned() })
}

#[test]
fn every_submission_is_answered_whatever_its_verifier_does() {
    let scores = score_all(&obedient(), ["1", "panic", "abstain", "2"].map(submission)).unwrap();
    let rewards: Vec<_> = scores.iter().map(|score| score.reward.clone()).collect();
    assert_eq!(rewards, [Ok(1.0), host_failed("a"), dropped("a"), Ok(2.0)]);
    assert!(matches!(scores[1].outcomes[0].1.result, Err(Failure::HostFailed(_))));
}

#[test]
fn no_price_covers_a_panic() {
    let priced = Prices { on_failure: OnFailure::Reward(0.0), on_limit: OnFailure::Reward(0.0) };
    let judge = Judge { prices: priced, ..judge("a", Obedient(Description::default())) };
    assert_eq!(rewards(&reward(vec![judge], "a"), &["abstain", "panic"]), [Ok(0.0), host_failed("a")]);
}

#[test]
fn a_panic_in_the_formula_or_in_a_condition_neither_loses_the_reply_nor_stops_the_workers() {
    let verifiers = || ["a", "b"].map(|name| judge(name, Obedient(Description::default())));
    let formula = PluginReward::start(verifiers().into(), Formula::that_panics(), NonZeroUsize::MIN).unwrap();
    let [a, b] = verifiers();
    let b = Judge { when: Some(Condition::that_panics()), ..b };
    let condition = reward(vec![a, b], "a + b");
    for (reward, verifier) in [(formula, "a"), (condition, "b")] {
        for _ in 0..3 {
            let score = score_all(&reward, [submission("1")]).unwrap().remove(0);
            assert!(matches!(score.reward, Err(NoReward::HostFailed { .. })), "{score:?}");
            assert_eq!(score.outcomes[0].1.reward(), Some(1.0), "what was judged is there: {verifier}");
        }
    }
}

#[test]
fn a_reply_that_panics_does_not_stop_the_workers() {
    let reward = obedient();
    reward.submit(submission("1"), Box::new(|_| panic!("a broken caller")));
    assert_eq!(rewards(&reward, &["2"]), [Ok(2.0)]);
}

#[test]
fn what_was_submitted_is_answered_even_when_the_reward_is_dropped() {
    let (sender, scores) = std::sync::mpsc::channel();
    let reward = obedient();
    for number in 0..100 {
        let sender = sender.clone();
        reward.submit(submission(&number.to_string()), Box::new(move |score| sender.send(score).unwrap()));
    }
    drop((reward, sender));
    assert_eq!(scores.iter().count(), 100);
}

#[test]
fn a_stuck_verifier_holds_up_only_itself() {
    let (release, held) = unbounded();
    let (seen, sightings) = unbounded();
    struct Watched(Obedient, Sender<Instant>);
    impl Verifier for Watched {
        fn description(&self) -> &Description {
            self.0.description()
        }
        fn verify(&self, submission: &Submission) -> Outcome {
            self.1.send(Instant::now()).unwrap();
            self.0.verify(submission)
        }
    }
    let judges = vec![
        judge("stuck", Stuck(Description::default(), held)),
        judge("quick", Watched(Obedient(Description::default()), seen)),
    ];
    let reward = reward(judges, "stuck + quick");
    let (sender, scores) = std::sync::mpsc::channel();
    for _ in 0..10 {
        let sender = sender.clone();
        reward.submit(submission("1"), Box::new(move |score| sender.send(score.reward).unwrap()));
    }
    // All ten come past the quick verifier while the other has not answered one.
    assert_eq!(sightings.iter().take(10).count(), 10);
    assert!(scores.try_recv().is_err());
    drop((release, sender, reward));
    assert_eq!(scores.iter().collect::<Vec<_>>(), vec![Ok(2.0); 10]);
}

#[test]
fn a_verifier_with_a_condition_is_asked_only_where_it_holds() {
    let dear = when("cheap < 1", &["cheap"], judge("dear", Obedient(Description::default())));
    let last = when("dear < 1", &["cheap", "dear"], judge("last", Obedient(Description::default())));
    let judges = vec![judge("cheap", Obedient(Description::default())), dear, last];
    let scores =
        score_all(&reward(judges, "cheap + dear + last"), ["1", "0.5", "abstain"].map(submission)).unwrap();
    let seen: Vec<_> = scores
        .into_iter()
        .map(|score| {
            (score.reward, score.outcomes.iter().map(|(_, outcome)| outcome.status()).collect::<Vec<_>>())
        })
        .collect();
    use gavel_verify::Status::{Abstained, Skipped, Verdict};
    assert_eq!(
        seen,
        [
            // A skipped verifier is worth 0, which asks the one below it.
            (Ok(2.0), vec![Verdict, Skipped, Verdict]),
            (Ok(1.5), vec![Verdict, Verdict, Verdict]),
            // Nobody knows whether to ask the others.
            (dropped("cheap"), vec![Abstained, Skipped, Skipped]),
        ]
    );
}

#[test]
fn a_verifier_that_nobody_knew_whether_to_ask_is_not_worth_zero() {
    let judges = |prices| {
        let dear = when("cheap < 1", &["cheap"], judge("dear", Obedient(Description::default())));
        vec![judge("cheap", Obedient(Description::default())), Judge { prices, ..dear }]
    };
    let priced = Prices { on_failure: OnFailure::Reward(-1.0), on_limit: OnFailure::Reward(-1.0) };
    for prices in [Prices::default(), priced] {
        let of_dear = reward(judges(prices), "dear");
        assert_eq!(rewards(&of_dear, &["1", "abstain", "0"]), [Ok(0.0), dropped("cheap"), Ok(0.0)]);
        let score = &score_all(&of_dear, [submission("panic")]).unwrap()[0];
        assert_eq!(score.reward, host_failed("dear"));
        assert_eq!(score.outcomes[1].1.status(), gavel_verify::Status::HostFailed);
    }
}

#[test]
fn a_condition_without_value_is_a_failure_of_its_verifier() {
    let dear = when("cheap.absent < 1", &["cheap"], judge("dear", Obedient(Description::default())));
    let judges = vec![judge("cheap", Obedient(Description::default())), dear];
    let score = &score_all(&reward(judges, "max(cheap, dear)"), [submission("1")]).unwrap()[0];
    assert_eq!(score.reward, dropped("dear"));
    match &score.outcomes[1].1.result {
        Err(Failure::InternalError(reason)) => {
            assert!(reason.ends_with("lacks the metric `absent`"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_score_can_be_awaited() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let score = runtime.block_on(obedient().score(submission("0.5"))).unwrap();
    assert_eq!(score.reward, Ok(0.5));
}
