//! How submissions go through their verifiers, with verifiers written in Rust that do as they are told.

mod group_verifiers;
mod groups;

use super::*;
use crate::expression::{Condition, Formula, OnFailure, Prices};
use crate::native::Native;
use crate::pool::Room;
use crate::total::Total;
use crate::turns::Turns;
use crate::workspace::WorkspaceOptions;
use gavel_verify::{Description, Failure, NoReward, Outcome, Verdict, Verifier, score_all};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

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

/// Says what it is asked, and does not answer before its channel is closed.
struct Stuck(Description, Mutex<Sender<String>>, Mutex<Receiver<()>>);

impl Verifier for Stuck {
    fn description(&self) -> &Description {
        &self.0
    }

    fn verify(&self, submission: &Submission) -> Outcome {
        self.1.lock().unwrap().send(submission.completion.clone()).unwrap();
        let _ = self.2.lock().unwrap().recv();
        Outcome::verdict(Verdict::new(1.0), Duration::ZERO)
    }
}

/// A stuck verifier, what releases it, and what it has been asked.
fn stuck() -> (Stuck, Sender<()>, Receiver<String>) {
    let ((release, held), (sender, asked)) = (mpsc::channel(), mpsc::channel());
    (Stuck(Description::default(), Mutex::new(sender), Mutex::new(held)), release, asked)
}

fn judge(name: &str, verifier: impl Verifier + 'static) -> NamedVerifier {
    let (name, prices, asks) = (name.to_owned(), Prices::default(), Asks::Here(Arc::new(verifier)));
    let turns = Turns::new(None);
    NamedVerifier {
        name,
        digests: Vec::new(),
        version: None,
        prices,
        input: 1,
        when: None,
        turns,
        question: None,
        asks,
        judge: None,
    }
}

/// The same judge, asked only on a condition over the verifiers `above`.
fn when(condition: &str, above: &[&str], judge: NamedVerifier) -> NamedVerifier {
    NamedVerifier { when: Some(Condition::parse(condition, above, &[]).unwrap()), ..judge }
}

fn obedient() -> PluginReward {
    let judges = vec![judge("a", Obedient(Description::default()))];
    reward(judges, "a")
}

fn submission(completion: &str) -> Submission {
    Submission { completion: completion.to_owned(), ..Submission::default() }
}

fn reward(verifiers: Vec<NamedVerifier>, formula: &str) -> PluginReward {
    let names: Vec<&str> = verifiers.iter().map(|judge| judge.name.as_str()).collect();
    let formula = Formula::parse(formula, &names).unwrap();
    with(&workspace(1), verifiers, formula)
}

/// A workspace with so many threads, in which three submissions may wait.
fn workspace(workers: usize) -> Workspace {
    let workers = NonZeroUsize::new(workers).unwrap();
    let room = Room { submissions: 3, bytes: usize::MAX };
    Workspace::start(&WorkspaceOptions { workers, room, ..WorkspaceOptions::default() }).unwrap()
}

fn with(workspace: &Workspace, verifiers: Vec<NamedVerifier>, formula: Formula) -> PluginReward {
    let total = Total::of_formula(formula);
    PluginReward::new(workspace.clone(), Rules::new(verifiers, total, None, gavel_wire::Columns::default()))
}

/// A reward of one verifier in this workspace.
fn alone(workspace: &Workspace, verifier: NamedVerifier) -> PluginReward {
    let formula = Formula::reward_of(&verifier.name).unwrap();
    with(workspace, vec![verifier], formula)
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
    let judge = NamedVerifier { prices: priced, ..judge("a", Obedient(Description::default())) };
    assert_eq!(rewards(&reward(vec![judge], "a"), &["abstain", "panic"]), [Ok(0.0), host_failed("a")]);
}

#[test]
fn a_panic_in_the_formula_or_in_a_condition_neither_loses_the_reply_nor_stops_the_workers() {
    let verifiers = || ["a", "b"].map(|name| judge(name, Obedient(Description::default())));
    let formula = with(&workspace(1), verifiers().into(), Formula::that_panics());
    let [a, b] = verifiers();
    let b = NamedVerifier { when: Some(Condition::that_panics()), ..b };
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
    let (sender, scores) = mpsc::channel();
    let reward = obedient();
    for number in 0..100 {
        let sender = sender.clone();
        reward.submit(submission(&number.to_string()), Box::new(move |score| sender.send(score).unwrap()));
    }
    drop((reward, sender));
    assert_eq!(scores.iter().count(), 100);
}

#[test]
fn a_stuck_verifier_holds_up_no_more_threads_than_it_has_turns() {
    let (verifier, release, asked) = stuck();
    let workspace = workspace(2);
    let turns = Turns::new(NonZeroUsize::new(1));
    let slow = alone(&workspace, NamedVerifier { turns, ..judge("slow", verifier) });
    let quick = alone(&workspace, judge("quick", Obedient(Description::default())));
    let (sender, scores) = mpsc::channel();
    for number in 0..10 {
        let sender = sender.clone();
        let reply = Box::new(move |score: Score| sender.send((number, score.reward)).unwrap());
        slow.submit(submission(&number.to_string()), reply);
    }
    assert_eq!(asked.recv().unwrap(), "0");
    // Nine more have come to it and were put aside; the second thread has time for others.
    assert_eq!(rewards(&quick, &["1", "0.5"]), [Ok(1.0), Ok(0.5)]);
    assert!(asked.try_recv().is_err() && scores.try_recv().is_err());
    drop((release, sender, slow));
    let mut scores: Vec<_> = scores.iter().collect();
    scores.sort_by_key(|&(number, _)| number);
    assert_eq!(scores, (0..10).map(|number| (number, Ok(1.0))).collect::<Vec<_>>());
    assert_eq!(
        asked.iter().collect::<Vec<_>>(),
        (1..10).map(|number| number.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn who_judges_on_a_thread_of_its_own_waits_for_its_turn_too() {
    /// How many are in it at the same time.
    struct Counting(Description, AtomicUsize);
    impl Verifier for Counting {
        fn description(&self) -> &Description {
            &self.0
        }
        fn verify(&self, _: &Submission) -> Outcome {
            let inside = self.1.fetch_add(1, Ordering::SeqCst) + 1;
            std::thread::sleep(Duration::from_millis(5));
            self.1.fetch_sub(1, Ordering::SeqCst);
            Outcome::verdict(Verdict::new(inside as f64), Duration::ZERO)
        }
    }
    let verifier = Counting(Description::default(), AtomicUsize::new(0));
    let turns = Turns::new(NonZeroUsize::new(1));
    let reward = alone(&workspace(1), NamedVerifier { turns, ..judge("a", verifier) });
    std::thread::scope(|scope| {
        let judged = [(); 4].map(|()| scope.spawn(|| reward.judge(submission("x")).reward));
        for judged in judged {
            assert_eq!(judged.join().unwrap(), Ok(1.0));
        }
    });
}

/// So many submissions, whose scores go there.
fn batch(count: usize, scores: &Sender<Score>) -> Vec<(Submission, Reply)> {
    let one = |_| {
        let scores = scores.clone();
        (submission("x"), Box::new(move |score| scores.send(score).unwrap()) as Reply)
    };
    (0..count).map(one).collect()
}

#[test]
fn what_was_cancelled_is_not_judged_and_says_so() {
    let (verifier, release, asked) = stuck();
    let workspace = workspace(1);
    let reward = alone(&workspace, judge("a", verifier));
    let (sender, scores) = mpsc::channel();
    let terms = Terms { cancel: Cancel::new(), ..Terms::default() };
    reward.submit_batch(batch(1, &sender), &terms);
    asked.recv().unwrap();
    reward.submit_batch(batch(2, &sender), &terms);
    terms.cancel.set();
    drop(release);
    let scores: Vec<Score> = scores.iter().take(3).collect();
    assert_eq!(scores[0].reward, Ok(1.0), "it was judged already");
    for score in &scores[1..] {
        assert_eq!(score.reward, host_failed("a"));
        assert!(score.outcomes[0].1.result.as_ref().unwrap_err().to_string().contains("cancelled"));
    }
    assert!(asked.try_recv().is_err());
}

#[test]
fn where_there_is_no_room_nothing_is_taken() {
    let (verifier, release, asked) = stuck();
    let workspace = workspace(1);
    let reward = alone(&workspace, judge("a", verifier));
    let (sender, scores) = mpsc::channel();
    reward.try_submit_batch(batch(1, &sender), &Terms::default()).unwrap();
    asked.recv().unwrap();
    reward.try_submit_batch(batch(2, &sender), &Terms::default()).unwrap();
    let full = reward.try_submit_batch(batch(2, &sender), &Terms::default()).unwrap_err();
    assert_eq!((full.waiting, full.most), (2, 3));
    reward.try_submit_batch(batch(1, &sender), &Terms::default()).unwrap();
    // Who does not ask for room is taken all the same.
    reward.submit_batch(batch(3, &sender), &Terms::default());
    assert_eq!(workspace.waiting().0, 6);
    drop((release, sender, reward));
    assert_eq!(scores.iter().count(), 7);
}

#[test]
fn every_thread_is_made_ready() {
    struct Ready(Description, Mutex<Vec<std::thread::ThreadId>>);
    impl Verifier for Ready {
        fn description(&self) -> &Description {
            &self.0
        }
        fn verify(&self, _: &Submission) -> Outcome {
            let threads: std::collections::HashSet<_> = self.1.lock().unwrap().drain(..).collect();
            Outcome::verdict(Verdict::new(threads.len() as f64), Duration::ZERO)
        }
        fn prepare(&self) {
            self.1.lock().unwrap().push(std::thread::current().id());
        }
    }
    let workspace = workspace(3);
    let reward = alone(&workspace, judge("a", Ready(Description::default(), Mutex::default())));
    reward.warm();
    assert_eq!(rewards(&reward, &["x"]), [Ok(3.0)]);
}

#[test]
fn a_verifier_with_a_condition_is_asked_only_where_it_holds() {
    let dear = when("cheap < 1", &["cheap"], judge("dear", Obedient(Description::default())));
    let last = when("dear < 1", &["cheap", "dear"], judge("last", Obedient(Description::default())));
    let judges = vec![judge("cheap", Obedient(Description::default())), dear, last];
    let scores =
        score_all(&reward(judges, "cheap + dear + last"), ["1", "0.5", "abstain"].map(submission)).unwrap();
    let reason = |place: usize| scores[2].outcomes[place].1.result.as_ref().unwrap_err().to_string();
    let unknown = "not asked: `cheap` has no verdict, so nobody knows whether its condition holds";
    assert_eq!([reason(1), reason(2)], [unknown; 2]);
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
        vec![judge("cheap", Obedient(Description::default())), NamedVerifier { prices, ..dear }]
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

#[test]
fn a_task_is_judged_by_the_verifiers_that_its_route_names() {
    let file = |route: &str| {
        let text = format!(
            "[verifiers.math]\nplugin = 'math'\n[verifiers.code]\nplugin = 'code'\n[verifiers.all]\nplugin = 'format'\n\
             [reward]\nformula = 'math + code + all'\n[route]\nby = 'data_source'\n{route}"
        );
        crate::RewardFile::parse("reward.toml".as_ref(), &text).map(|file| file.route.unwrap())
    };
    let reward_with = |route: &str| {
        let names = ["math", "code", "all"];
        let verifiers = names.map(|name| judge(name, Obedient(Description::default()))).into();
        let total = Total::of_formula(Formula::parse("math + 10 * code + 100 * all", &names).unwrap());
        PluginReward::new(
            workspace(1),
            Rules::new(verifiers, total, Some(file(route).unwrap()), gavel_wire::Columns::default()),
        )
    };
    let of = |reward: &PluginReward, metadata: &str| {
        let submission = Submission { metadata: metadata.to_owned(), ..submission("1") };
        score_all(reward, [submission]).unwrap().remove(0)
    };
    let strict =
        reward_with("[route.to]\n'openai/gsm8k' = 'math'\ncontests = ['code', 'math']\n7 = 'code'\n");
    assert_eq!(of(&strict, r#"{"data_source": "openai/gsm8k"}"#).reward, Ok(101.0));
    assert_eq!(of(&strict, r#"{"data_source": "contests"}"#).reward, Ok(111.0));
    assert_eq!(of(&strict, r#"{"data_source": 7}"#).reward, Ok(110.0));
    for (metadata, said) in [
        (
            r#"{"data_source": "else"}"#,
            "no route for `data_source` = \"else\", and there is no `route.default`",
        ),
        ("{}", "it is routed by `data_source`: no such column (the task has none)"),
    ] {
        let score = of(&strict, metadata);
        assert_eq!(score.reward, dropped("math"));
        assert_eq!(score.outcomes[0].1.result, Err(Failure::InvalidTask(said.to_owned())));
        assert_eq!(score.outcomes[2].1.reward(), Some(1.0), "it judges every task");
    }
    let lenient = reward_with("default = 'code'\n[route.to]\na = 'math'\n");
    assert_eq!(of(&lenient, "{}").reward, Ok(110.0));
    for (wrong, place) in [
        ("[route.to]\na = 'maths'\n", "route.to.a"),
        ("default = ['x']\n[route.to]\n", "route.default"),
        ("[route.to]\na = 1\n", "route.to.a"),
    ] {
        let error = file(wrong).unwrap_err().to_string();
        assert!(error.contains(place) && error.contains("of math, code, all"), "{error}");
    }
    let misplaced = file("[route.to]\na = 'math'\ndefault = 'code'\n").unwrap_err().to_string();
    assert!(
        misplaced.ends_with("unknown field `route.to.default` (did you mean `route.default`?)"),
        "{misplaced}"
    );
}

#[test]
fn a_function_is_a_verifier_of_a_reward_file() {
    let workspace = Workspace::start(&WorkspaceOptions::default()).unwrap();
    let load = |text: &str, names: &[&str]| {
        let named = |name: &&str| ((*name).to_owned(), Native::new(Obedient(Description::default())));
        workspace.load_text_with("reward.toml".as_ref(), text, &names.iter().map(named).collect())
    };
    let text = "[verifiers.mine]\nfunction = true\non_failure = 0.25\n[reward]\nformula = '2 * mine'\n";
    let reward = load(text, &["mine"]).unwrap();
    let submissions = ["3", "abstain"]
        .map(|completion| Submission { completion: completion.to_owned(), ..Submission::default() });
    let rewards = score_all(&reward, submissions).unwrap().into_iter().map(|score| score.reward);
    assert_eq!(rewards.collect::<Vec<_>>(), [Ok(6.0), Ok(0.5)]);
    assert_eq!(reward.digests(), [("mine".to_owned(), String::new())]);

    let missing = load(text, &[]).unwrap_err().to_string();
    assert!(
        missing.starts_with("reward.toml:2:12: `verifiers.mine` is a function of the program"),
        "{missing}"
    );
    let unknown = load(text, &["mine", "other"]).unwrap_err().to_string();
    assert!(unknown.starts_with("reward.toml: no verifier `other` says `function = true`"), "{unknown}");
}

#[test]
fn components_are_summed_by_weight_and_each_is_known() {
    let workspace = Workspace::start(&WorkspaceOptions::default()).unwrap();
    let named = |name: &str| (name.to_owned(), Native::new(Obedient(Description::default())));
    let load = |components: &str| {
        let text = format!(
            "[verifiers.dear]\nfunction = true\n[verifiers.free]\nfunction = true\non_failure = 8\n\
             [reward.components]\n{components}"
        );
        let functions = [named("dear"), named("free")].into();
        workspace.load_text_with("reward.toml".as_ref(), &text, &functions).unwrap()
    };
    let score = |reward: &PluginReward, completion: &str| {
        let score = score_all(reward, [submission(completion)]).unwrap().remove(0);
        (score.reward, score.components)
    };
    let values = |values: &[(&str, f64)]| -> Vec<(String, f64)> {
        values.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    };
    let reward = load("small = { formula = 'free / 2', weight = 0.5 }\ndear = -1\nboth = 'dear + free'");
    assert_eq!(reward.components(), values(&[("small", 0.5), ("dear", -1.0), ("both", 1.0)]));
    let expected = values(&[("small", 2.0), ("dear", 4.0), ("both", 8.0)]);
    assert_eq!(
        score(&reward, "4"),
        (Ok(5.0), expected),
        "values are before their weights, in the file's order"
    );
    // What has a value is known even where another component has none, and so the reward.
    assert_eq!(score(&reward, "abstain"), (dropped("dear"), values(&[("small", 4.0)])));
    // What weighs nothing drops nothing.
    let watching = load("free = 1\ndear = 0");
    assert_eq!(score(&watching, "3"), (Ok(3.0), values(&[("free", 3.0), ("dear", 3.0)])));
    assert_eq!(score(&watching, "abstain"), (Ok(8.0), values(&[("free", 8.0)])));
    let large = load("free = 1e308");
    assert!(matches!(score(&large, "10").0, Err(NoReward::NotFinite { .. })));
    assert_eq!(load("free = 1").digests().len(), 2);
    assert!(obedient().components().is_empty());
}
