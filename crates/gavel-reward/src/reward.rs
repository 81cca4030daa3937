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
use gavel_host::{Format, Host, HostConfig, Interpreter, Interpreters, Limits, LoadError, Plugin, STACK};
use gavel_verify::{Failure, NoReward, Outcome, Reply, Reward, Score, Submission, Unanswered, Verifier};
use tokio::sync::oneshot;

use crate::error::RewardError;
use crate::expression::{Condition, Formula, Inputs, Prices, Seen};
use crate::file::{FORMULA, RewardFile, VerifierEntry, expression_error};
use crate::files::Files;
use crate::lookup::{FoundPlugin, find};
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
    /// Where they are kept instead, where that cannot be used or written to; see [`HostConfig::cache_fallback_dir`].
    pub cache_fallback_dir: Option<PathBuf>,
    /// The most bytes that they take there; see [`HostConfig::cache_size`].
    pub cache_size: u64,
    /// Whether what plugins write is kept for their authors; see [`HostConfig::for_authors`].
    pub for_authors: bool,
}

impl Default for LoadOptions {
    /// As many workers as the machine runs threads at once, no plugin path, no cache, nothing for authors.
    fn default() -> Self {
        let jobs = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let HostConfig { cache_dir, cache_size, .. } = HostConfig::default();
        Self {
            jobs,
            plugin_path: Vec::new(),
            cache_dir,
            cache_fallback_dir: None,
            cache_size,
            for_authors: false,
        }
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
    let host = Host::new(HostConfig {
        cache_dir: options.cache_dir.clone(),
        cache_fallback_dir: options.cache_fallback_dir.clone(),
        cache_size: options.cache_size,
        slots: slots(file, options),
        for_authors: options.for_authors,
        ..HostConfig::default()
    })?;
    host.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(host)
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
    let places = 0..file.verifiers.len();
    let judges =
        places.map(|place| load_verifier(host, &file, place, options, files)).collect::<Result<_, _>>()?;
    PluginReward::start(judges, file.formula, options.jobs)
}

/// Checks what the formula and the conditions read from the verifier at `index` against what its plugin declares. A
/// command that declares nothing is not held to it: it may never have been described.
fn check_metrics(file: &RewardFile, index: usize, plugin: &Plugin) -> Result<(), RewardError> {
    let declared = &plugin.description().metrics;
    if plugin.format() == Format::WasiCommand && declared.is_empty() {
        return Ok(());
    }
    let check = |inputs: &Inputs, place: &Place, field: &str| {
        inputs
            .check_metrics(index, &file.verifiers[index].name, declared)
            .map_err(|problem| expression_error(place.clone(), field, problem))
    };
    check(file.formula.inputs(), &file.formula_place, FORMULA)?;
    for entry in &file.verifiers {
        if let Some(when) = &entry.when {
            check(when.inputs(), &entry.places.when, &format!("verifiers.{}.when", entry.name))?;
        }
    }
    Ok(())
}

/// Loads the verifier at `index`.
fn load_verifier(
    host: &Host,
    file: &RewardFile,
    index: usize,
    options: &LoadOptions,
    files: &Files,
) -> Result<Judge, RewardError> {
    let entry = &file.verifiers[index];
    let beside = file.path.parent().unwrap_or(Path::new(""));
    let field = |name: &str| format!("verifiers.{}.{name}", entry.name);
    let not_found = |error| {
        let (place, field) = (entry.places.plugin.clone(), field("plugin"));
        match error {
            RewardError::Load(source) => RewardError::Plugin { place, field, source: Box::new(source) },
            error => RewardError::Lookup { place, field, source: Box::new(error) },
        }
    };
    let mut found = find(&entry.plugin, beside, &options.plugin_path, files).map_err(not_found)?;
    if let Some(manifest) = &mut found.manifest {
        manifest.choose_interpreter(&entry.options);
    }
    // What is not what a lock says is neither compiled nor asked what it is.
    let wasm = found.read_noting(files).map_err(not_found)?;
    let plugin = host.load(&wasm, &found.shown()).map_err(|source| not_found(source.into()))?;
    check_metrics(file, index, &plugin)?;
    let mut folders = vec![beside.to_owned()];
    folders.extend(options.plugin_path.iter().cloned());
    let plugin = found.grant_noting(plugin, host, &entry.grant, &folders, files).map_err(|error| {
        let (place, name) = match error {
            RewardError::NotAsked { .. } => (&entry.places.plugin, "plugin"),
            _ => (&entry.places.grant, "grant"),
        };
        RewardError::Lookup { place: place.clone(), field: field(name), source: Box::new(error) }
    })?;
    let limits = limits(entry, &found);
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
        prices: Prices { on_failure: entry.on_failure, on_limit: entry.on_limit },
        input: limits.input,
        when: entry.when.clone(),
        verifier: Arc::new(verifier),
    })
}

/// The limits of a verifier: what the reward file says, then what its plugin may say, then gavel's own.
fn limits(entry: &VerifierEntry, found: &FoundPlugin) -> Limits {
    let (granted, wishes) = found.granted_limits();
    let unanswered = wishes.iter().filter(|wish| !entry.limits.says(wish.field));
    let wanted: Vec<_> = unanswered.map(|wish| format!("{} = {}", wish.field, wish.wanted)).collect();
    if !wanted.is_empty() {
        tracing::warn!(
            "{}: the plugin of `{}` wants more than gavel grants by itself: {} to its table to grant it, or say \
             less there",
            entry.places.plugin,
            entry.name,
            format_args!("add `limits = {{ {} }}`", wanted.join(", ")),
        );
    }
    entry.limits.or(granted).resolve()
}

/// A verifier with its place in the reward.
struct Judge {
    name: String,
    /// Of the plugin, and of each interpreter that it may use.
    digests: Vec<(String, String)>,
    prices: Prices,
    /// The most bytes of a submission and the options together.
    input: usize,
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
    largest_input: usize,
    shared: Arc<Shared>,
}

/// What every pending submission needs on its way.
struct Shared {
    queues: Vec<Sender<Arc<Pending>>>,
    formula: Formula,
    names: Vec<String>,
    prices: Vec<Prices>,
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
    /// By verifier: the one for want of whose verdict nobody knows whether to ask it.
    wants: Vec<Option<String>>,
    /// Taken by the last one to answer.
    reply: Option<Reply>,
}

impl PluginReward {
    /// The names of the verifiers, in the order of the reward file.
    pub fn verifiers(&self) -> &[String] {
        &self.shared.names
    }

    /// The most bytes of a submission, its options among them, that any of the verifiers takes.
    pub fn largest_input(&self) -> usize {
        self.largest_input
    }

    /// Scores one submission. Needs no particular async runtime.
    ///
    /// # Errors
    /// When the score was lost, which is a bug in gavel.
    pub async fn score(&self, submission: Submission) -> Result<Score, Unanswered> {
        let (sender, score) = oneshot::channel();
        // Who no longer waits for the score does not get it.
        self.submit(submission, Box::new(move |score| drop(sender.send(score))));
        score.await.map_err(|_| Unanswered { count: 1 })
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
            prices: judges.iter().map(|judge| judge.prices).collect(),
            when: judges.iter().map(|judge| judge.when.clone()).collect(),
            warned: AtomicBool::new(false),
        });
        let largest_input = judges.iter().map(|judge| judge.input).max().unwrap_or(0);
        let digests = judges.into_iter().flat_map(|judge| judge.digests).collect();
        Ok(Self { digests, largest_input, shared })
    }
}

impl Reward for PluginReward {
    fn submit(&self, submission: Submission, reply: Reply) {
        let count = self.shared.names.len();
        let state = PendingState {
            decided: vec![false; count],
            outcomes: vec![None; count],
            wants: vec![None; count],
            reply: Some(reply),
        };
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
    /// answered, computes the reward and replies. Whatever panics on the way, the thread goes on and the reply comes.
    fn go_on(self: &Arc<Self>, answer: Option<(usize, Outcome)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last = answer.as_ref().map_or(0, |&(verifier, _)| verifier);
        if let Some((verifier, outcome)) = answer {
            state.outcomes[verifier] = Some(outcome);
        }
        let mut to_ask = Vec::new();
        if catch_unwind(AssertUnwindSafe(|| self.shared.decide(&mut state, &mut to_ask))).is_err() {
            tracing::error!("a condition panicked; this is a bug in gavel");
            state.give_up("gavel panicked in a condition");
        }
        if state.outcomes.iter().all(Option::is_some) {
            let outcomes = std::mem::take(&mut state.outcomes).into_iter().flatten();
            let (wants, reply) = (std::mem::take(&mut state.wants), state.reply.take());
            drop(state);
            self.reply(outcomes, &wants, last, reply);
        } else {
            drop(state);
            to_ask.into_iter().for_each(|verifier| self.ask(verifier));
        }
    }

    fn ask(self: &Arc<Self>, verifier: usize) {
        if let Err(unsent) = self.shared.queues[verifier].send(Arc::clone(self)) {
            // Workers never end while their queue is open, unless they were killed from outside.
            let failure = Failure::HostFailed("gavel's worker threads are gone".to_owned());
            unsent.0.go_on(Some((verifier, without_asking(failure))));
        }
    }

    /// Computes the score and hands it over. `last` is the verifier that answered last.
    fn reply(
        &self,
        outcomes: impl Iterator<Item = Outcome>,
        wants: &[Option<String>],
        last: usize,
        reply: Option<Reply>,
    ) {
        let outcomes: Vec<_> = self.shared.names.iter().cloned().zip(outcomes).collect();
        let reward = catch_unwind(AssertUnwindSafe(|| self.shared.reward(&outcomes, wants)));
        let reward = reward.unwrap_or_else(|_| {
            tracing::error!("the formula panicked; this is a bug in gavel");
            Err(NoReward::HostFailed { verifier: self.shared.names[last].clone() })
        });
        let score = Score { reward, outcomes };
        if let Some(reply) = reply
            && catch_unwind(AssertUnwindSafe(|| reply(score))).is_err()
        {
            tracing::error!("whoever asked for a score panicked when it came");
        }
    }
}

impl PendingState {
    /// Leaves alone those that nobody has decided to ask: this machine cannot judge them.
    fn give_up(&mut self, reason: &str) {
        for (decided, outcome) in self.decided.iter_mut().zip(&mut self.outcomes) {
            if !std::mem::replace(decided, true) {
                *outcome = Some(without_asking(Failure::HostFailed(reason.to_owned())));
            }
        }
    }
}

impl Shared {
    /// Decides, as far as the outcomes allow, which verifiers `to_ask`; notes those that are not asked as skipped.
    ///
    /// A condition looks only at verifiers above its own, so one round from the top decides all that can be.
    fn decide(&self, state: &mut PendingState, to_ask: &mut Vec<usize>) {
        for (verifier, when) in self.when.iter().enumerate() {
            if state.decided[verifier] {
                continue;
            }
            let see = |place: usize| {
                let (outcome, wants) = (state.outcomes[place].as_ref()?, state.wants[place].as_deref());
                Some(Seen { outcome, prices: self.prices[place], wants })
            };
            let Some(holds) = when.as_ref().map_or(Some(Ok(true)), |when| when.holds(see)) else { continue };
            state.decided[verifier] = true;
            state.outcomes[verifier] = match holds {
                Ok(true) => {
                    to_ask.push(verifier);
                    None
                }
                Ok(false) => Some(without_asking(Failure::Skipped)),
                // Nobody knows whether to ask it. Nothing is wrong with it, but it is not worth 0 either.
                Err(NoReward::Dropped { verifier: wanted }) => {
                    state.wants[verifier] = Some(wanted);
                    Some(without_asking(Failure::Skipped))
                }
                Err(problem) => {
                    let reason = format!("its condition has no value: {problem}");
                    Some(without_asking(match problem {
                        NoReward::HostFailed { .. } => Failure::HostFailed(reason),
                        _ => Failure::InternalError(reason),
                    }))
                }
            };
        }
    }

    fn reward(&self, outcomes: &[(String, Outcome)], wants: &[Option<String>]) -> Result<f64, NoReward> {
        let see = |place: usize| Seen {
            outcome: &outcomes[place].1,
            prices: self.prices[place],
            wants: wants[place].as_deref(),
        };
        let reward = self.formula.reward(see);
        if let Err(problem @ (NoReward::MissingMetric { .. } | NoReward::NotFinite { .. })) = &reward {
            self.warn(problem);
        }
        reward
    }

    /// A formula that fails on one submission may fail on a million: the first is enough for a person.
    fn warn(&self, problem: &NoReward) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("a submission has no reward: {problem}; no more such warnings");
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
    without_asking(Failure::HostFailed("gavel panicked while judging".to_owned()))
}

#[cfg(test)]
mod tests;
