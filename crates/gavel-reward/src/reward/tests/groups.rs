//! Completions of a prompt that are compared with each other.

use gavel_verify::score_groups;

use super::*;

/// The rewards of groups of completions, all in one list.
fn in_groups(reward: &PluginReward, groups: &[&[&str]]) -> Vec<Result<f64, NoReward>> {
    let groups = groups.iter().map(|group| group.iter().copied().map(submission).collect::<Vec<_>>());
    score_groups(reward, groups).unwrap().into_iter().map(|score| score.reward).collect()
}

fn of(formula: &str) -> PluginReward {
    reward(vec![judge("a", Obedient(Description::default()))], formula)
}

#[test]
fn a_formula_compares_the_completions_of_a_prompt() {
    let above_the_mean = of("a - group::mean(a)");
    assert!(above_the_mean.needs_groups());
    let rewards = in_groups(&above_the_mean, &[&["1", "3"], &["5"], &["1", "2", "6"]]);
    assert_eq!(rewards, [-1.0, 1.0, 0.0, -2.0, -1.0, 3.0].map(Ok));
    // A call within a call, and one in a branch that is not taken.
    let nested = of("group::max(a - group::mean(a)) + if(a > 100, group::min(1 / 0), 0)");
    assert_eq!(in_groups(&nested, &[&["1", "3"]]), [Ok(1.0), Ok(1.0)]);
    assert!(!of("a").needs_groups());
}

#[test]
fn a_completion_without_a_verdict_has_no_reward_and_counts_for_nobody() {
    let rewards = in_groups(&of("group::rank(a) + group::size()"), &[&["7", "abstain", "5"]]);
    assert_eq!(rewards, [Ok(5.0), dropped("a"), Ok(4.0)]);
    let panics = in_groups(&of("group::mean(a)"), &[&["7", "panic"], &["7"]]);
    assert_eq!(panics, [host_failed("a"), host_failed("a"), Ok(7.0)], "the machine's failure is nobody's");
}

#[test]
fn one_that_comes_alone_has_no_reward() {
    let reward = of("group::mean(a)");
    let score = score_all(&reward, [submission("1")]).unwrap().remove(0);
    assert_eq!(score.reward, Err(NoReward::NoGroup));
    assert_eq!(score.outcomes[0].1.reward(), Some(1.0), "its verifiers were asked");
    assert_eq!(reward.judge(submission("1")).reward, Err(NoReward::NoGroup));
}

#[test]
fn whoever_has_threads_of_their_own_judges_groups_too() {
    let scores = of("a - group::mean(a)").judge_group(["1", "3"].map(submission).to_vec());
    assert_eq!(scores.into_iter().map(|score| score.reward).collect::<Vec<_>>(), [Ok(-1.0), Ok(1.0)]);
}

#[test]
fn an_open_group_is_answered_when_it_is_closed() {
    let reward = of("group::size()+ 0 * a");
    let (sender, scores) = mpsc::channel();
    let mut group = reward.group();
    for place in [1, 0] {
        let sender = sender.clone();
        let reply = Box::new(move |score: Score| sender.send((place, score.reward)).unwrap());
        group.submit(place, submission("1"), reply);
    }
    drop(sender);
    assert!(scores.recv_timeout(Duration::from_millis(50)).is_err(), "more of them may come");
    drop(group);
    let answered: Vec<_> = scores.iter().collect();
    assert_eq!(answered, [(0, Ok(2.0)), (1, Ok(2.0))], "in the order of their places");
}

#[test]
fn a_batch_of_groups_is_taken_whole_or_not_at_all() {
    let workspace = workspace(2);
    let formula = Formula::parse("group::max(a)", &["a"]).unwrap();
    let reward = with(&workspace, vec![judge("a", Obedient(Description::default()))], formula);
    let (sender, scores) = mpsc::channel();
    let groups = [vec!["1", "2"], vec!["9"]].map(|group| {
        let reply = |completion: &str| {
            let sender = sender.clone();
            let reply: Reply = Box::new(move |score: Score| sender.send(score.reward).unwrap());
            (submission(completion), reply)
        };
        group.into_iter().map(reply).collect::<Vec<_>>()
    });
    reward.try_submit_groups(groups, &Terms::default()).unwrap();
    drop(sender);
    let mut rewards: Vec<_> = scores.iter().map(Result::unwrap).collect();
    rewards.sort_by(f64::total_cmp);
    assert_eq!(rewards, [2.0, 2.0, 9.0]);
}

#[test]
fn components_are_compared_each_by_itself() {
    let workspace = Workspace::start(&WorkspaceOptions::default()).unwrap();
    let text = "[verifiers.a]\nfunction = true\n[reward.components]\n\
                best = { formula = 'if(a == group::max(a), 1, 0)', weight = 2 }\na = 1\n";
    let judge = Native::new(Obedient(Description::default()));
    let functions = [("a".to_owned(), judge)].into();
    let reward = workspace.load_text_with("reward.toml".as_ref(), text, &functions).unwrap();
    let scores = score_groups(&reward, [["3", "4", "abstain"].map(submission)]).unwrap();
    let rewards: Vec<_> = scores.iter().map(|score| score.reward.clone()).collect();
    assert_eq!(rewards, [Ok(3.0), Ok(6.0), dropped("a")]);
    assert_eq!(scores[1].components, [("best".to_owned(), 1.0), ("a".to_owned(), 4.0)]);
}

#[test]
fn a_group_that_panics_in_its_formula_is_answered() {
    let reward = with(&workspace(1), vec![judge("a", Obedient(Description::default()))], {
        let mut panics = Formula::that_panics();
        panics.compare_groups();
        panics
    });
    assert_eq!(in_groups(&reward, &[&["1", "2"]]), [host_failed("a"), host_failed("a")]);
}
