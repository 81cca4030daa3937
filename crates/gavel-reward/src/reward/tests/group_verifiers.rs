//! Verifiers that judge the completions of a prompt together.

use gavel_verify::{Limits, Status, score_groups};

use super::*;

/// Says of each completion how many of the group are the same; `lost` loses one, `panic` panics.
#[derive(Default)]
struct Same {
    description: Description,
    /// How many groups are judged right now, and how many were at most.
    at_once: Arc<[AtomicUsize; 2]>,
    /// The groups that it was asked about.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Verifier for Same {
    fn description(&self) -> &Description {
        &self.description
    }

    fn verify(&self, submission: &Submission) -> Outcome {
        self.verify_group(&[submission], &Cancel::new(), None).remove(0)
    }

    fn judges_groups(&self) -> bool {
        true
    }

    fn verify_group(&self, group: &[&Submission], _: &Cancel, _: Option<&Limits>) -> Vec<Outcome> {
        let [now, most] = &*self.at_once;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let texts: Vec<&str> = group.iter().map(|submission| submission.completion.as_str()).collect();
        self.asked.lock().unwrap().push(texts.join(" "));
        assert!(!texts.contains(&"panic"), "as told");
        let same = |text: &&str| texts.iter().filter(|other| other == &text).count() as f64;
        let kept = texts.iter().filter(|&&text| text != "lost");
        let outcomes = kept.map(|text| Outcome::verdict(Verdict::new(same(text)), Duration::ZERO)).collect();
        std::thread::sleep(Duration::from_millis(1));
        now.fetch_sub(1, Ordering::SeqCst);
        outcomes
    }
}

fn scores(reward: &PluginReward, groups: &[&[&str]]) -> Vec<Score> {
    let groups = groups.iter().map(|group| group.iter().copied().map(submission).collect::<Vec<_>>());
    score_groups(reward, groups).unwrap()
}

fn numbers(scores: Vec<Score>) -> Vec<Result<f64, NoReward>> {
    scores.into_iter().map(|score| score.reward).collect()
}

#[test]
fn it_sees_all_completions_of_a_prompt_in_their_order_and_no_others() {
    let (same, asked) = (Same::default(), Arc::default());
    let same = Same { asked: Arc::clone(&asked), ..same };
    let reward = reward(vec![judge("same", same)], "same");
    assert!(reward.needs_groups());
    let rewards = numbers(scores(&reward, &[&["3", "1", "3"], &["1"]]));
    assert_eq!(rewards, [Ok(2.0), Ok(1.0), Ok(2.0), Ok(1.0)]);
    let here = reward.judge_group(["3", "1", "3"].map(submission).to_vec());
    assert_eq!(numbers(here), [Ok(2.0), Ok(1.0), Ok(2.0)]);
    assert_eq!(*asked.lock().unwrap(), ["3 1 3", "1", "3 1 3"]);
}

#[test]
fn an_open_group_is_judged_once_it_is_closed_in_the_order_of_its_places() {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let same = Same { asked: Arc::clone(&asked), ..Same::default() };
    let reward = reward(vec![judge("same", same)], "same");
    let (sender, answers) = mpsc::channel();
    let mut group = reward.group();
    for (place, text) in [(1, "b"), (0, "a")] {
        let sender = sender.clone();
        group.submit(place, submission(text), Box::new(move |score| sender.send(score.reward).unwrap()));
    }
    drop(sender);
    assert!(answers.recv_timeout(Duration::from_millis(50)).is_err(), "more of them may come");
    drop(group);
    assert_eq!(answers.iter().collect::<Vec<_>>(), [Ok(1.0), Ok(1.0)]);
    assert_eq!(*asked.lock().unwrap(), ["a b"]);
}

#[test]
fn conditions_choose_who_belongs_to_the_group_and_see_what_was_said_of_it() {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let of = |asked: &Arc<_>| Same { asked: Arc::clone(asked), ..Same::default() };
    let verifiers = || {
        vec![
            judge("a", Obedient(Description::default())),
            when("a > 0", &["a"], judge("same", of(&asked))),
            when("same > 1", &["a", "same"], judge("b", Obedient(Description::default()))),
            when("b > 0", &["a", "same", "b"], judge("again", of(&asked))),
        ]
    };
    let reward = reward(verifiers(), "a + 10 * same + 100 * b + 1000 * again");
    let expected = [Ok(2222.0), Ok(11.0), Ok(2222.0), Ok(0.0)];
    assert_eq!(numbers(scores(&reward, &[&["2", "1", "2", "0"]])), expected);
    let here = reward.judge_group(["2", "1", "2", "0"].map(submission).to_vec());
    assert_eq!(numbers(here), expected);
    assert_eq!(*asked.lock().unwrap(), ["2 1 2", "2 2", "2 1 2", "2 2"]);
}

#[test]
fn nobody_is_judged_beside_one_of_whom_the_machine_does_not_know_whether_it_belongs() {
    let verifiers = vec![
        judge("a", Obedient(Description::default())),
        when("a > 0", &["a"], judge("same", Same::default())),
    ];
    let reward = reward(verifiers, "same");
    for rewards in [
        numbers(scores(&reward, &[&["1", "panic", "1"]])),
        numbers(reward.judge_group(["1", "panic", "1"].map(submission).to_vec())),
    ] {
        assert!(rewards.iter().all(|it| matches!(it, Err(NoReward::HostFailed { .. }))), "{rewards:?}");
    }
    // What a verifier did not judge is known to be missing, on every machine.
    assert_eq!(numbers(scores(&reward, &[&["1", "abstain", "1"]]))[0], Ok(2.0));
}

#[test]
fn one_that_comes_alone_has_no_verdict() {
    let reward = reward(vec![judge("same", Same::default())], "same");
    for score in [reward.judge(submission("1")), score_all(&reward, [submission("1")]).unwrap().remove(0)] {
        assert_eq!(score.reward, Err(NoReward::NoGroup));
        let outcome = &score.outcomes[0].1;
        assert_eq!(outcome.status(), Status::InvalidTask);
        assert!(format!("{:?}", outcome.result).contains("without the others"), "{outcome:?}");
    }
}

#[test]
fn one_that_panics_or_loses_a_completion_costs_the_group_its_verdicts_and_no_other() {
    let reward = reward(vec![judge("same", Same::default())], "same");
    let rewards = numbers(scores(&reward, &[&["1", "panic"], &["1", "lost"], &["1", "1"]]));
    let failed = || host_failed("same");
    assert_eq!(rewards, [failed(), failed(), failed(), failed(), Ok(2.0), Ok(2.0)]);
}

#[test]
fn groups_take_turns() {
    let workspace = workspace(4);
    let same = Same::default();
    let at_once = Arc::clone(&same.at_once);
    let turns = Turns::new(NonZeroUsize::new(1));
    let reward = alone(&workspace, NamedVerifier { turns, ..judge("same", same) });
    let groups: Vec<Vec<&str>> = (0..20).map(|_| vec!["1", "1", "2"]).collect();
    let groups: Vec<&[&str]> = groups.iter().map(Vec::as_slice).collect();
    let rewards: Vec<f64> = numbers(scores(&reward, &groups)).into_iter().map(Result::unwrap).collect();
    assert_eq!(rewards, [2.0, 2.0, 1.0].repeat(20));
    assert_eq!(at_once[1].load(Ordering::SeqCst), 1);
}

#[test]
fn who_is_cancelled_is_not_judged() {
    let reward = reward(vec![judge("same", Same::default())], "same");
    let terms = Terms::default();
    terms.cancel.set();
    let (sender, answers) = mpsc::channel();
    let reply: Reply = Box::new(move |score| sender.send(score.reward).unwrap());
    reward.submit_groups([vec![(submission("1"), reply)]], &terms);
    assert_eq!(answers.recv().unwrap(), host_failed("same"));
}

#[test]
fn the_majority_is_a_plugin_with_limits_and_nothing_of_it_is_kept() {
    let options = WorkspaceOptions { verdict_cache: 1 << 20, ..WorkspaceOptions::default() };
    let workspace = Workspace::start(&options).unwrap();
    let text = "[verifiers.majority]\nplugin = 'majority'\n";
    let reward = workspace.load_text("reward.toml".as_ref(), text).unwrap();
    let groups: [&[&str]; 2] =
        [&[r"\boxed{1}", r"\boxed{2}", r"\boxed{1}"], &[r"\boxed{1}", r"\boxed{2}", r"\boxed{2}"]];
    for _ in 0..2 {
        let scores = scores(&reward, &groups);
        assert!(scores.iter().all(|score| !score.outcomes[0].1.cached && score.outcomes[0].1.fuel > Some(0)));
        assert_eq!(numbers(scores), [1.0, 0.0, 1.0, 0.0, 1.0, 1.0].map(Ok));
    }
    let fuel = LimitSettings { fuel: Some(1000), ..LimitSettings::default() };
    let lower = reward.within_limits(&fuel).unwrap();
    let here = lower.judge_group(groups[0].iter().copied().map(submission).collect());
    for score in scores(&lower, &groups).into_iter().chain(here) {
        assert_eq!(score.outcomes[0].1.status(), Status::OutOfFuel);
    }
}
