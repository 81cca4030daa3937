//! Scores submissions: every verifier has worker threads of its own, each outcome may let another verifier be asked,
//! and the last one triggers the formula.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use gavel_host::{Host, HostConfig, Interpreter, Interpreters, LoadError, STACK};
use gavel_verify::{Description, Failure, Outcome, Reply, Reward, Score, Submission, Verifier};
use tokio::sync::oneshot;

use crate::error::RewardError;
use crate::expression::{Expression, NoValue, OnFailure};
use crate::file::{FORMULA, RewardFile, VerifierEntry, expression_error};
use crate::files::Files;
use crate::formula::{Condition, Formula};
use crate::lock;
use crate::lookup::{Origin, find};
use crate::source::Place;

/// What loading a reward file depends on besides the file.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Worker threads of each verifier.
    pub jobs: NonZeroUsize,
    /// Folders to look for plugins in, after the reward file's own.
    pub plugin_path: Vec<PathBuf>,
    /// Where compiled plugins are kept between runs; see [`HostConfig::cache_dir`].
    pub cache_dir: Option<PathBuf>,
    /// The most bytes that they take there; see [`HostConfig::cache_size`].
    pub cache_size: u64,
}

impl Default for LoadOptions {
    /// As many workers as the machine runs threads at once, no plugin path, no cache.
    fn default() -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let HostConfig { cache_dir, cache_size, .. } = HostConfig::default();
        Self { jobs, plugin_path: Vec::new(), cache_dir, cache_size }
    }
}

/// Reads a reward file, loads its plugins, and makes them ready to score.
///
/// # Errors
/// See [`RewardError`]: one error, that names file, line and field.
pub fn load(path: &Path, options: &LoadOptions) -> Result<PluginReward, RewardError> {
    let file = RewardFile::read(path)?;
    let host = start_host(&file, options)?;
    load_on(&host, file, options, &Files::default())
}

/// A host with room for what `file` names.
pub(crate) fn start_host(file: &RewardFile, options: &LoadOptions) -> Result<Host, RewardError> {
    Ok(Host::new(HostConfig {
        cache_dir: options.cache_dir.clone(),
        cache_size: options.cache_size,
        slots: slots(file, options),
    })?)
}

/// A slot for every worker: none of them ever waits for another verifier's.
pub(crate) fn slots(file: &RewardFile, options: &LoadOptions) -> u32 {
    u32::try_from(file.verifiers.len().saturating_mul(options.jobs.get())).unwrap_or(u32::MAX)
}

/// Loads what `file` names; `files` learns where it looked and what it read.
pub(crate) fn load_on(
    host: &Host,
    file: RewardFile,
    options: &LoadOptions,
    files: &Files,
) -> Result<PluginReward, RewardError> {
    let beside = file.path.parent().unwrap_or(Path::new(""));
    let mut judges = Vec::new();
    for (index, entry) in file.verifiers.iter().enumerate() {
        let judge = load_verifier(host, entry, beside, options, files)?;
        check_metrics(&file, index, judge.verifier.description())?;
        judges.push(judge);
    }
    PluginReward::start(judges, file.formula, options.jobs)
}

/// Checks what the formula and the conditions read from the verifier at `index` against what its plugin declares.
fn check_metrics(file: &RewardFile, index: usize, description: &Description) -> Result<(), RewardError> {
    let check = |expression: &Expression, place: &Place, field: &str| {
        expression
            .check_metrics(index, &file.verifiers[index].name, description)
            .map_err(|problem| expression_error(place.clone(), field, problem))
    };
    check(file.formula.expression(), &file.formula_place, FORMULA)?;
    for entry in &file.verifiers {
        if let Some(when) = &entry.when {
            check(when.expression(), &entry.places.when, &format!("verifiers.{}.when", entry.name))?;
        }
    }
    Ok(())
}

fn load_verifier(
    host: &Host,
    entry: &VerifierEntry,
    beside: &Path,
    options: &LoadOptions,
    files: &Files,
) -> Result<Judge, RewardError> {
    let field = |name: &str| format!("verifiers.{}.{name}", entry.name);
    let found =
        find(&entry.plugin, beside, &options.plugin_path, files).map_err(|error| RewardError::Lookup {
            place: entry.places.plugin.clone(),
            field: field("plugin"),
            source: Box::new(error),
        })?;
    let plugin = found.load_noting(host, files).map_err(|source| RewardError::Plugin {
        place: entry.places.plugin.clone(),
        field: field("plugin"),
        source: Box::new(source),
    })?;
    if let Origin::File(file) = &found.origin {
        lock::check(file, plugin.digest(), files)?;
    }
    let mut folders = vec![beside.to_owned()];
    folders.extend(options.plugin_path.iter().cloned());
    let plugin = found.grant_noting(plugin, host, &entry.grant, &folders, files).map_err(|error| {
        let (place, name) = match error {
            RewardError::NotAsked { .. } => (&entry.places.plugin, "plugin"),
            _ => (&entry.places.grant, "grant"),
        };
        RewardError::Lookup { place: place.clone(), field: field(name), source: Box::new(error) }
    })?;
    let limits = entry.limits.or(found.limits()).resolve();
    let verifier = plugin.verifier(&entry.options, &limits).map_err(|source| {
        let (place, name) = match source {
            LoadError::InvalidOptions { .. } => (&entry.places.options, "options"),
            LoadError::TooLarge { .. } => (&entry.places.limits, "limits"),
            _ => (&entry.places.plugin, "plugin"),
        };
        RewardError::Plugin { place: place.clone(), field: field(name), source: Box::new(source) }
    })?;
    let interpreters = plugin.interpreters().into_iter().flat_map(Interpreters::iter);
    let of_interpreter = |interpreter: &Interpreter| {
        (format!("{}/{}", entry.name, interpreter.language().name), interpreter.digest().to_owned())
    };
    let own = (entry.name.clone(), plugin.digest().to_owned());
    Ok(Judge {
        name: entry.name.clone(),
        digests: std::iter::once(own).chain(interpreters.map(of_interpreter)).collect(),
        on_failure: entry.on_failure,
        when: entry.when.clone(),
        verifier: Arc::new(verifier),
    })
}

/// A verifier with its place in the reward.
struct Judge {
    name: String,
    /// Of the plugin, and of each interpreter that it may use.
    digests: Vec<(String, String)>,
    on_failure: OnFailure,
    when: Option<Condition>,
    verifier: Arc<dyn Verifier>,
}

/// The reward of a reward file.
///
/// Every verifier has worker threads of its own, so that a slow one holds up only itself. The queues hold what has
/// been submitted and not yet judged: who submits decides how much that is. When this is dropped, the workers
/// answer what they still have and end.
pub struct PluginReward {
    digests: Vec<(String, String)>,
    shared: Arc<Shared>,
}

/// What every pending submission needs on its way.
struct Shared {
    queues: Vec<Sender<Arc<Pending>>>,
    formula: Formula,
    names: Vec<String>,
    on_failure: Vec<OnFailure>,
    when: Vec<Option<Condition>>,
    warned: AtomicBool,
}

/// A submission on its way through the verifiers.
struct Pending {
    submission: Submission,
    shared: Arc<Shared>,
    state: Mutex<PendingState>,
}

struct PendingState {
    /// By verifier: whether it has been decided to ask it or to skip it.
    decided: Vec<bool>,
    /// By verifier; empty until it has answered.
    outcomes: Vec<Option<Outcome>>,
    /// Taken by the last one to answer.
    reply: Option<Reply>,
}

impl PluginReward {
    /// The names of the verifiers, in the order of the reward file.
    pub fn verifiers(&self) -> &[String] {
        &self.shared.names
    }

    /// Scores one submission. Needs no particular async runtime.
    pub async fn score(&self, submission: Submission) -> Score {
        let (sender, score) = oneshot::channel();
        // Who no longer waits for the score does not get it.
        self.submit(submission, Box::new(move |score| drop(sender.send(score))));
        score.await.unwrap_or_default()
    }

    fn start(judges: Vec<Judge>, formula: Formula, jobs: NonZeroUsize) -> Result<Self, RewardError> {
        let mut queues = Vec::new();
        for (index, judge) in judges.iter().enumerate() {
            let (queue, tasks) = unbounded();
            for job in 0..jobs.get() {
                let verifier = Arc::clone(&judge.verifier);
                let tasks = tasks.clone();
                thread::Builder::new()
                    .name(format!("{}-{job}", judge.name))
                    .stack_size(STACK)
                    .spawn(move || work(index, &*verifier, &tasks))
                    .map_err(RewardError::Thread)?;
            }
            queues.push(queue);
        }
        let shared = Arc::new(Shared {
            queues,
            formula,
            names: judges.iter().map(|judge| judge.name.clone()).collect(),
            on_failure: judges.iter().map(|judge| judge.on_failure).collect(),
            when: judges.iter().map(|judge| judge.when.clone()).collect(),
            warned: AtomicBool::new(false),
        });
        let digests = judges.into_iter().flat_map(|judge| judge.digests).collect();
        Ok(Self { digests, shared })
    }
}

impl Reward for PluginReward {
    fn submit(&self, submission: Submission, reply: Reply) {
        let count = self.shared.names.len();
        let state =
            PendingState { decided: vec![false; count], outcomes: vec![None; count], reply: Some(reply) };
        let shared = Arc::clone(&self.shared);
        Arc::new(Pending { submission, shared, state: Mutex::new(state) }).go_on(None);
    }

    fn digests(&self) -> Vec<(String, String)> {
        self.digests.clone()
    }
}

impl fmt::Debug for PluginReward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginReward").field("digests", &self.digests).finish_non_exhaustive()
    }
}

impl Pending {
    /// Notes a verifier's outcome, if there is one, and asks whom it is now time to ask; where everyone has
    /// answered, computes the reward and replies.
    fn go_on(self: &Arc<Self>, answer: Option<(usize, Outcome)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((verifier, outcome)) = answer {
            state.outcomes[verifier] = Some(outcome);
        }
        let to_ask = self.shared.decide(&mut state);
        if state.outcomes.iter().all(Option::is_some) {
            let outcomes = std::mem::take(&mut state.outcomes).into_iter().flatten();
            let reply = state.reply.take();
            drop(state);
            self.reply(outcomes, reply);
        } else {
            drop(state);
            to_ask.into_iter().for_each(|verifier| self.ask(verifier));
        }
    }

    fn ask(self: &Arc<Self>, verifier: usize) {
        if let Err(unsent) = self.shared.queues[verifier].send(Arc::clone(self)) {
            // Workers never end while their queue is open, unless they were killed from outside.
            let failure = Failure::InternalError("gavel's worker threads are gone".to_owned());
            unsent.0.go_on(Some((verifier, Outcome::failure(failure, Duration::ZERO))));
        }
    }

    fn reply(&self, outcomes: impl Iterator<Item = Outcome>, reply: Option<Reply>) {
        let score = self.shared.score(self.shared.names.iter().cloned().zip(outcomes).collect());
        if let Some(reply) = reply
            && catch_unwind(AssertUnwindSafe(|| reply(score))).is_err()
        {
            tracing::error!("whoever asked for a score panicked when it came");
        }
    }
}

impl Shared {
    /// Decides, as far as the outcomes allow, which verifiers to ask; notes those that are not asked as skipped.
    ///
    /// A condition looks only at verifiers above its own, so one round from the top decides all that can be.
    fn decide(&self, state: &mut PendingState) -> Vec<usize> {
        let mut to_ask = Vec::new();
        for (verifier, when) in self.when.iter().enumerate() {
            if state.decided[verifier] {
                continue;
            }
            let holds =
                when.as_ref().map_or(Some(Ok(true)), |when| when.holds(&state.outcomes, &self.on_failure));
            let Some(holds) = holds else { continue };
            state.decided[verifier] = true;
            match holds {
                Ok(true) => to_ask.push(verifier),
                Ok(false) => state.outcomes[verifier] = Some(without_asking(Failure::Skipped)),
                Err(problem) => {
                    let failure = Failure::InternalError(format!("its condition has no value: {problem}"));
                    state.outcomes[verifier] = Some(without_asking(failure));
                }
            }
        }
        to_ask
    }

    fn score(&self, outcomes: Vec<(String, Outcome)>) -> Score {
        let reward = match self.formula.reward(&outcomes, &self.on_failure) {
            Ok(reward) => Some(reward),
            Err(NoValue::Dropped) => None,
            Err(problem) => {
                self.warn(&problem);
                None
            }
        };
        Score { reward, outcomes }
    }

    /// A formula that fails on one submission may fail on a million: the first is enough for a person.
    fn warn(&self, problem: &NoValue) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("the formula gives no reward for a submission: {problem}; no more such warnings");
        }
    }
}

/// The life of a worker thread: judges until the queue is closed and empty.
fn work(index: usize, verifier: &dyn Verifier, tasks: &Receiver<Arc<Pending>>) {
    for pending in tasks {
        let outcome = catch_unwind(AssertUnwindSafe(|| verifier.verify(&pending.submission)));
        pending.go_on(Some((index, outcome.unwrap_or_else(|_| panicked()))));
    }
}

fn without_asking(failure: Failure) -> Outcome {
    Outcome::failure(failure, Duration::ZERO)
}

/// A verifier must not panic; if it does anyway, that is gavel's fault and costs this submission its verdict.
fn panicked() -> Outcome {
    tracing::error!("a verifier panicked; this is a bug in gavel");
    Outcome::failure(Failure::InternalError("gavel panicked while judging".to_owned()), Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let (name, on_failure, verifier) = (name.to_owned(), OnFailure::Drop, Arc::new(verifier));
        Judge { name, digests: Vec::new(), on_failure, when: None, verifier }
    }

    /// The same judge, asked only on a condition over the verifiers `above`.
    fn when(condition: &str, above: &[&str], judge: Judge) -> Judge {
        Judge { when: Some(Condition::parse(condition, above, &[]).unwrap()), ..judge }
    }

    fn obedient() -> PluginReward {
        let judges = vec![judge("a", Obedient(Description::default()))];
        PluginReward::start(judges, Formula::reward_of("a").unwrap(), NonZeroUsize::MIN).unwrap()
    }

    fn submission(completion: &str) -> Submission {
        Submission { completion: completion.to_owned(), ..Submission::default() }
    }

    #[test]
    fn every_submission_is_answered_whatever_its_verifier_does() {
        let scores = score_all(&obedient(), ["1", "panic", "abstain", "2"].map(submission));
        assert_eq!(
            scores.iter().map(|score| score.reward).collect::<Vec<_>>(),
            [Some(1.0), None, None, Some(2.0)]
        );
        assert!(matches!(scores[1].outcomes[0].1.result, Err(Failure::InternalError(_))));
    }

    #[test]
    fn a_reply_that_panics_does_not_stop_the_workers() {
        let reward = obedient();
        reward.submit(submission("1"), Box::new(|_| panic!("a broken caller")));
        assert_eq!(score_all(&reward, [submission("2")])[0].reward, Some(2.0));
    }

    #[test]
    fn what_was_submitted_is_answered_even_when_the_reward_is_dropped() {
        let (sender, scores) = std::sync::mpsc::channel();
        let reward = obedient();
        for number in 0..100 {
            let sender = sender.clone();
            reward
                .submit(submission(&number.to_string()), Box::new(move |score| sender.send(score).unwrap()));
        }
        drop((reward, sender));
        assert_eq!(scores.iter().count(), 100);
    }

    #[test]
    fn a_stuck_verifier_holds_up_only_itself() {
        let (release, held) = unbounded();
        let (seen, sightings) = unbounded();
        struct Seen(Obedient, Sender<Instant>);
        impl Verifier for Seen {
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
            judge("quick", Seen(Obedient(Description::default()), seen)),
        ];
        let formula = Formula::parse("stuck + quick", &["stuck", "quick"]).unwrap();
        let reward = PluginReward::start(judges, formula, NonZeroUsize::MIN).unwrap();
        let (sender, scores) = std::sync::mpsc::channel();
        for _ in 0..10 {
            let sender = sender.clone();
            reward.submit(submission("1"), Box::new(move |score| sender.send(score.reward).unwrap()));
        }
        // All ten come past the quick verifier while the other has not answered one.
        assert_eq!(sightings.iter().take(10).count(), 10);
        assert!(scores.try_recv().is_err());
        drop((release, sender, reward));
        assert_eq!(scores.iter().collect::<Vec<_>>(), [Some(2.0); 10]);
    }

    #[test]
    fn a_verifier_with_a_condition_is_asked_only_where_it_holds() {
        let dear = when("cheap < 1", &["cheap"], judge("dear", Obedient(Description::default())));
        let last = when("dear < 1", &["cheap", "dear"], judge("last", Obedient(Description::default())));
        let judges = vec![judge("cheap", Obedient(Description::default())), dear, last];
        let formula = Formula::parse("cheap + dear + last", &["cheap", "dear", "last"]).unwrap();
        let reward = PluginReward::start(judges, formula, NonZeroUsize::MIN).unwrap();
        let scores = score_all(&reward, ["1", "0.5", "abstain"].map(submission));
        let seen: Vec<_> = scores
            .iter()
            .map(|score| {
                (score.reward, score.outcomes.iter().map(|(_, outcome)| outcome.status()).collect::<Vec<_>>())
            })
            .collect();
        use gavel_verify::Status::{Abstained, Skipped, Verdict};
        assert_eq!(
            seen,
            [
                // A skipped verifier is worth 0, which asks the one below it.
                (Some(2.0), vec![Verdict, Skipped, Verdict]),
                (Some(1.5), vec![Verdict, Verdict, Verdict]),
                (None, vec![Abstained, Skipped, Abstained]),
            ]
        );
    }

    #[test]
    fn a_condition_without_value_is_a_failure_of_its_verifier() {
        let dear = when("cheap.absent < 1", &["cheap"], judge("dear", Obedient(Description::default())));
        let judges = vec![judge("cheap", Obedient(Description::default())), dear];
        let formula = Formula::parse("max(cheap, dear)", &["cheap", "dear"]).unwrap();
        let reward = PluginReward::start(judges, formula, NonZeroUsize::MIN).unwrap();
        let score = &score_all(&reward, [submission("1")])[0];
        assert_eq!(score.reward, None);
        assert!(matches!(score.outcomes[1].1.result, Err(Failure::InternalError(_))));
    }

    #[test]
    fn a_score_can_be_awaited() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let score = runtime.block_on(obedient().score(submission("0.5")));
        assert_eq!(score.reward, Some(0.5));
    }
}
