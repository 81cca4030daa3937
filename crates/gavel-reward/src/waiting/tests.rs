//! Async verifiers in a workspace: they hold no thread, keep to their bounds, and let go when nobody waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};

use gavel_verify::{Description, Judging, NoReward, Reply, Reward as _, Score, Verdict, Verifier, score_all};

use super::*;
use crate::native::Native;
use crate::pool::Room;
use crate::reward::{PluginReward, Terms};
use crate::workspace::{Workspace, WorkspaceOptions};

/// Takes as many milliseconds as its completion says, and counts how many it judges at once.
struct Slow {
    description: Description,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// Counts itself while it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slow {
    fn new() -> (Self, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (now, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let slow = Self { description: Description::default(), now: now.clone(), most: most.clone() };
        (slow, now, most)
    }
}

impl AsyncVerifier for Slow {
    fn description(&self) -> &Description {
        &self.description
    }

    fn verify<'a>(&'a self, submission: &'a Submission) -> Judging<'a> {
        if submission.completion == "panic" {
            panic!("as told");
        }
        Box::pin(async move {
            self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let _counted = Counted(Arc::clone(&self.now));
            let time = submission.completion.parse().expect("tests say how long");
            tokio::time::sleep(Duration::from_millis(time)).await;
            Outcome::verdict(Verdict::new(1.0), Duration::ZERO)
        })
    }
}

/// Says 1 at once.
struct Quick(Description);

impl Verifier for Quick {
    fn description(&self) -> &Description {
        &self.0
    }

    fn verify(&self, _: &Submission) -> Outcome {
        Outcome::verdict(Verdict::new(1.0), Duration::ZERO)
    }
}

fn workspace(room: usize) -> Workspace {
    let room = Room { submissions: room, bytes: usize::MAX };
    let options = WorkspaceOptions { workers: NonZeroUsize::MIN, room, ..WorkspaceOptions::default() };
    Workspace::start(&options).unwrap()
}

fn reward(workspace: &Workspace, native: Native) -> PluginReward {
    workspace.reward_of([("slow".to_owned(), native)], "slow").unwrap()
}

fn submission(completion: &str) -> Submission {
    Submission { completion: completion.to_owned(), ..Submission::default() }
}

/// Submissions of these completions, and where their scores come.
fn batch(completions: &[&str]) -> (Vec<(Submission, Reply)>, Receiver<Score>) {
    let (sender, scores) = mpsc::channel();
    let one = |completion: &&str| {
        let sender = sender.clone();
        (submission(completion), Box::new(move |score| drop(sender.send(score))) as Reply)
    };
    (completions.iter().map(one).collect(), scores)
}

fn at_most(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[test]
fn it_holds_no_worker_and_keeps_to_its_concurrency() {
    let workspace = workspace(1000);
    let (slow, now, most) = Slow::new();
    let slow = reward(&workspace, Native::of_async(slow).max_concurrency(at_most(20)));
    assert!(slow.is_async());
    let (submissions, scores) = batch(&["100"; 60]);
    let started = Instant::now();
    slow.submit_batch(submissions, &Terms::default());
    // The one worker judges for others meanwhile.
    let quick = [("quick".to_owned(), Native::new(Quick(Description::default())))];
    let quick = workspace.reward_of(quick, "quick").unwrap();
    assert!(!quick.is_async());
    score_all(&quick, [submission("")]).unwrap();
    assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
    assert_eq!(scores.iter().filter(|score| score.reward == Ok(1.0)).count(), 60);
    let elapsed = started.elapsed();
    // Three rounds of 20, and not sixty of one.
    assert!((300..2000).contains(&elapsed.as_millis()), "{elapsed:?}");
    assert_eq!((now.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, 20));
}

#[test]
fn one_that_takes_too_long_has_no_verdict() {
    let workspace = workspace(1000);
    let limit = Duration::from_millis(50);
    let reward = reward(&workspace, Native::of_async(Slow::new().0).timeout(limit));
    let scores = score_all(&reward, ["1", "5000"].map(submission)).unwrap();
    assert_eq!(scores[0].reward, Ok(1.0));
    assert_eq!(scores[1].reward, Err(NoReward::Dropped { verifier: "slow".to_owned() }));
    assert_eq!(scores[1].outcomes[0].1.result, Err(Failure::Deadline { limit }));
    assert!(scores[1].outcomes[0].1.elapsed >= limit);
    // Who waits on a thread of its own has the same.
    assert_eq!(reward.judge(submission("5000")).outcomes[0].1.result, Err(Failure::Deadline { limit }));
    assert_eq!(reward.judge(submission("1")).reward, Ok(1.0));
}

#[test]
fn what_nobody_waits_for_ends_within_20_milliseconds_seated_or_not() {
    let workspace = workspace(1000);
    let (slow, now, _) = Slow::new();
    let reward = reward(&workspace, Native::of_async(slow).max_concurrency(at_most(2)));
    let ended = |terms: Terms, end: &dyn Fn() -> Instant| {
        let (submissions, scores) = batch(&["60000"; 5]);
        reward.submit_batch(submissions, &terms);
        while now.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
        let from = end();
        let scores: Vec<_> = scores.iter().collect();
        assert!(from.elapsed() < Duration::from_millis(20), "{:?}", from.elapsed());
        let host_failed = NoReward::HostFailed { verifier: "slow".to_owned() };
        assert_eq!(scores.len(), 5);
        assert!(scores.iter().all(|score| score.reward == Err(host_failed.clone())));
        assert_eq!(now.load(Ordering::SeqCst), 0);
    };
    let terms = Terms::default();
    ended(terms.clone(), &|| {
        terms.cancel.set();
        Instant::now()
    });
    let cancel = Cancel::after(Duration::from_millis(200));
    let deadline = cancel.deadline().unwrap();
    ended(Terms { cancel, ..Terms::default() }, &|| deadline);
}

#[test]
fn one_that_panics_costs_its_submission_alone() {
    let workspace = workspace(1000);
    let reward = reward(&workspace, Native::of_async(Slow::new().0));
    let scores = score_all(&reward, ["panic", "1"].map(submission)).unwrap();
    assert!(matches!(scores[0].outcomes[0].1.result, Err(Failure::HostFailed(_))));
    assert_eq!(scores[1].reward, Ok(1.0));
}

#[test]
fn what_waits_takes_room() {
    let workspace = workspace(4);
    let reward = reward(&workspace, Native::of_async(Slow::new().0).max_concurrency(at_most(2)));
    let (submissions, scores) = batch(&["200"; 3]);
    reward.try_submit_batch(submissions, &Terms::default()).unwrap();
    let (more, refused) = batch(&["200"; 2]);
    let full = reward.try_submit_batch(more, &Terms::default()).unwrap_err();
    assert_eq!((full.waiting, full.most, refused.iter().count()), (3, 4, 0));
    assert_eq!(scores.iter().count(), 3);
    assert_eq!(workspace.waiting(), (0, 0));
}

#[test]
fn what_was_submitted_is_answered_when_everything_else_is_gone() {
    let workspace = workspace(1000);
    let reward = reward(&workspace, Native::of_async(Slow::new().0));
    let (submissions, scores) = batch(&["100"; 3]);
    reward.submit_batch(submissions, &Terms::default());
    drop((reward, workspace));
    assert_eq!(scores.iter().filter(|score| score.reward == Ok(1.0)).count(), 3);
}

#[test]
fn it_stands_beside_others_in_a_reward_file() {
    let workspace = workspace(1000);
    let (slow, _, most) = Slow::new();
    let functions = [
        ("quick".to_owned(), Native::new(Quick(Description::default()))),
        ("slow".to_owned(), Native::of_async(slow)),
        ("after".to_owned(), Native::new(Quick(Description::default()))),
    ];
    let text = "[verifiers.quick]\nfunction = true\n[verifiers.slow]\nfunction = true\nmax_concurrency = 1\n\
        when = 'quick == 1'\n[verifiers.after]\nfunction = true\nwhen = 'slow == 1'\n\
        [reward]\nformula = 'quick + slow + after'\n";
    let reward = workspace.load_text_with("reward.toml".as_ref(), text, &functions.into()).unwrap();
    let scores = score_all(&reward, ["5", "5", "5"].map(submission)).unwrap();
    assert!(scores.iter().all(|score| score.reward == Ok(3.0)), "{scores:?}");
    assert_eq!(most.load(Ordering::SeqCst), 1, "the file's `max_concurrency` holds");
    assert_eq!(reward.digests().len(), 3);
}
