//! What many rewards share: one host, one set of worker threads, one queue.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::thread;

use gavel_host::{Host, HostConfig, Interpreter, Traps};
use gavel_wire::Columns;

use crate::by_client::Client;
use crate::capability::load_interpreter;
use crate::error::RewardError;
use crate::expression::{Formula, Prices};
use crate::file::RewardFile;
use crate::load::{self, Functions};
use crate::native::{Native, NativeKind};
use crate::pool::{Full, Pool, Room};
use crate::reward::{Asks, NamedVerifier, PluginReward, Rules};
use crate::secrets::Secrets;
use crate::total::Total;
use crate::turns::Turns;
use crate::verdicts::{VerdictCounts, Verdicts};
use crate::waiting::{Poller, Waiting};
use gavel_plugins::WatchedFiles;

/// How a workspace is set up.
#[derive(Debug, Clone)]
pub struct WorkspaceOptions {
    /// Threads that judge.
    pub workers: NonZeroUsize,
    /// How much may wait for them where room is asked for; see [`PluginReward::try_submit_batch`].
    pub room: Room,
    /// Folders to look for plugins in, after the reward file's own.
    pub plugin_path: Vec<PathBuf>,
    /// Where compiled plugins are kept between runs; see [`HostConfig::cache_dir`].
    pub cache_dir: Option<PathBuf>,
    /// Where they are kept instead, where that cannot be used or written to; see [`HostConfig::cache_fallback_dir`].
    pub cache_fallback_dir: Option<PathBuf>,
    /// The most bytes that they take there; see [`HostConfig::cache_size`].
    pub cache_size: u64,
    /// How a guest's traps are noticed; see [`HostConfig::traps`].
    pub traps: Traps,
    /// Whether what plugins write is kept for their authors; see [`HostConfig::for_authors`].
    pub for_authors: bool,
    /// The most bytes of verdicts that are kept, to answer from where the same is asked again: the same completion of the
    /// same task, by the same plugins with the same options and limits. Zero, the default, keeps none. What plugins write for their
    /// authors is not kept either, so `for_authors` keeps none.
    pub verdict_cache: u64,
    /// Where the keys of judges' endpoints are found, by the names that reward files have for them.
    pub secrets: Secrets,
    /// Whether async verifiers, judges among them, judge by what was recorded and ask nobody; see
    /// [`PluginReward::submit_recorded`].
    pub replay: bool,
}

impl Default for WorkspaceOptions {
    /// As many workers as the machine runs threads at once, no plugin path, no cache, nothing for authors.
    fn default() -> Self {
        let workers = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let HostConfig { cache_dir, cache_size, .. } = HostConfig::default();
        Self {
            workers,
            room: Room::default(),
            plugin_path: Vec::new(),
            cache_dir,
            cache_fallback_dir: None,
            cache_size,
            traps: Traps::default(),
            for_authors: false,
            verdict_cache: 0,
            secrets: Secrets::default(),
            replay: false,
        }
    }
}

/// Loads rewards and judges for all of them with the same threads. Cheap to clone; every clone is the same workspace.
///
/// One for a process is enough, however many rewards it has: plugins share engines and warm memories in it, and a
/// thousand rewards have no more threads than one. Its threads end when it and every reward of it are dropped and what
/// was submitted is answered.
#[derive(Debug, Clone)]
pub struct Workspace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Host,
    /// Held by whoever waits for all threads at once: two of them would wait for each other.
    all_threads: Mutex<()>,
    pool: Pool,
    plugin_path: Vec<PathBuf>,
    verdicts: Option<Arc<Verdicts>>,
    /// Polls async verifiers, once there is one.
    poller: Mutex<Option<Poller>>,
    secrets: Secrets,
    replays: bool,
}

impl Workspace {
    /// Starts the host and the threads.
    ///
    /// # Errors
    /// When the machine refuses either.
    pub fn start(options: &WorkspaceOptions) -> Result<Self, RewardError> {
        let WorkspaceOptions { workers, room, plugin_path, .. } = options;
        let host = Host::new(HostConfig {
            cache_dir: options.cache_dir.clone(),
            cache_fallback_dir: options.cache_fallback_dir.clone(),
            cache_size: options.cache_size,
            slots: u32::try_from(workers.get()).unwrap_or(u32::MAX),
            traps: options.traps,
            for_authors: options.for_authors,
            ..HostConfig::default()
        })?;
        host.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        let pool = Pool::start(*workers, *room)?;
        Ok(Self(Arc::new(Inner {
            host,
            all_threads: Mutex::default(),
            pool,
            plugin_path: plugin_path.clone(),
            verdicts: Verdicts::with_room(if options.for_authors { 0 } else { options.verdict_cache })
                .map(Arc::new),
            poller: Mutex::default(),
            secrets: options.secrets.clone(),
            replays: options.replay,
        })))
    }

    /// Reads a reward file, loads its plugins, and makes them ready to score.
    ///
    /// # Errors
    /// See [`RewardError`]: one error, that names file, line and field.
    pub fn load(&self, path: &Path) -> Result<PluginReward, RewardError> {
        self.load_with(path, &Functions::new())
    }

    /// As [`Workspace::load`], of a file some of whose verifiers are functions (`function = true`): these.
    ///
    /// # Errors
    /// As [`Workspace::load`]; and when a function is missing, or is none of the file's verifiers.
    pub fn load_with(&self, path: &Path, functions: &Functions) -> Result<PluginReward, RewardError> {
        let files = WatchedFiles::default();
        self.load_file(RewardFile::read(path, &files)?, functions, &files)
    }

    /// As [`Workspace::load`], of a text that lies in no file. `path` is what errors call it; plugins are looked for from
    /// its folder.
    ///
    /// # Errors
    /// As [`Workspace::load`].
    pub fn load_text(&self, path: &Path, text: &str) -> Result<PluginReward, RewardError> {
        self.load_text_with(path, text, &Functions::new())
    }

    /// As [`Workspace::load_text`] and [`Workspace::load_with`].
    ///
    /// # Errors
    /// As [`Workspace::load_with`].
    pub fn load_text_with(
        &self,
        path: &Path,
        text: &str,
        functions: &Functions,
    ) -> Result<PluginReward, RewardError> {
        self.load_file(RewardFile::parse(path, text)?, functions, &WatchedFiles::default())
    }

    /// `files` learns what was read and looked for.
    pub(crate) fn load_file(
        &self,
        file: RewardFile,
        functions: &Functions,
        files: &WatchedFiles,
    ) -> Result<PluginReward, RewardError> {
        let rules = load::load(self, file, functions, files)?;
        Ok(PluginReward::new(self.clone(), rules))
    }

    /// A reward of verifiers that are written in Rust, or loaded by hand, with a formula over their names.
    ///
    /// # Errors
    /// When the formula is none, or names a verifier that is not there; or no thread can be started for one that is async.
    ///
    /// ```
    /// use gavel_reward::{Native, Workspace, WorkspaceOptions};
    /// use gavel_verify::{Description, Outcome, Submission, Verdict, Verifier, score_all};
    /// use std::time::Duration;
    ///
    /// struct Short(Description);
    ///
    /// impl Verifier for Short {
    ///     fn description(&self) -> &Description {
    ///         &self.0
    ///     }
    ///     fn verify(&self, submission: &Submission) -> Outcome {
    ///         let reward = if submission.completion.len() < 10 { 1.0 } else { 0.0 };
    ///         Outcome::verdict(Verdict::new(reward), Duration::ZERO)
    ///     }
    /// }
    ///
    /// let workspace = Workspace::start(&WorkspaceOptions::default())?;
    /// let short = Native::new(Short(Description::named("short")));
    /// let reward = workspace.reward_of([("short".to_owned(), short)], "2 * short")?;
    /// let submission = Submission { completion: "42".to_owned(), ..Submission::default() };
    /// assert_eq!(score_all(&reward, [submission])?[0].reward, Ok(2.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reward_of(
        &self,
        verifiers: impl IntoIterator<Item = (String, Native)>,
        formula: &str,
    ) -> Result<PluginReward, RewardError> {
        let named = |(name, native): (String, Native)| {
            Ok(NamedVerifier {
                digests: vec![(name.clone(), String::new())],
                version: None,
                prices: Prices::default(),
                input: usize::MAX,
                when: None,
                turns: Turns::new(native.max_concurrency),
                // Nobody knows on what the verdicts of a verifier in Rust depend.
                question: None,
                asks: self.asks(native)?,
                judge: None,
                name,
            })
        };
        let verifiers = verifiers.into_iter().map(named).collect::<Result<Vec<_>, RewardError>>()?;
        let names: Vec<&str> = verifiers.iter().map(|verifier| verifier.name.as_str()).collect();
        let formula = Formula::parse(formula, &names).map_err(RewardError::Expression)?;
        let total = Total::of_formula(formula);
        Ok(PluginReward::new(self.clone(), Rules::new(verifiers, total, None, Columns::default())))
    }

    /// How a verifier that is no plugin is asked here.
    pub(crate) fn asks(&self, native: Native) -> Result<Asks, RewardError> {
        Ok(match native.kind {
            NativeKind::Here(verifier) => Asks::Here(verifier),
            NativeKind::Async(verifier) => {
                let most = native.max_concurrency.unwrap_or(Native::CONCURRENCY);
                Asks::Async(Arc::new(Waiting::new(verifier, most, native.timeout, self.poller()?)))
            }
        })
    }

    /// The thread that async verifiers are polled on. Who has none of them has no such thread.
    fn poller(&self) -> Result<Poller, RewardError> {
        let mut poller = self.0.poller.lock().unwrap_or_else(PoisonError::into_inner);
        match &*poller {
            Some(poller) => Ok(poller.clone()),
            None => Ok(poller.insert(Poller::start()?).clone()),
        }
    }

    /// Whether async verifiers judge by what was recorded.
    pub(crate) fn replays(&self) -> bool {
        self.0.replays
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    pub(crate) fn plugin_path(&self) -> &[PathBuf] {
        &self.0.plugin_path
    }

    /// The threads that judge.
    pub fn workers(&self) -> NonZeroUsize {
        self.0.pool.workers()
    }

    /// Submissions that wait, for a thread or for an async verifier, and the bytes that they hold.
    pub fn waiting(&self) -> (usize, usize) {
        self.0.pool.waiting()
    }

    /// How often a verdict was known already, and what those take that are kept.
    pub fn verdict_counts(&self) -> VerdictCounts {
        self.0.verdicts.as_ref().map(|verdicts| verdicts.counts()).unwrap_or_default()
    }

    pub(crate) fn verdicts(&self) -> Option<&Arc<Verdicts>> {
        self.0.verdicts.as_ref()
    }

    /// Does `work` on one of the threads that judge: they have the stack that [`PluginReward::judge`] needs, and there are
    /// as many as may judge at once.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.0.pool.spawn(Client::default(), Box::new(work), 0);
    }

    /// As [`Workspace::spawn`], for one of several clients, where there is room for work that holds so many bytes.
    ///
    /// # Errors
    /// [`Full`] where there is none: the work is not taken.
    pub fn try_spawn(
        &self,
        client: Client,
        bytes: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), Full> {
        self.0.pool.try_spawn(client, vec![(Box::new(work), bytes)])
    }

    /// Loads the interpreter of a language from the plugin path, to run programs that nobody judges, and gets every thread
    /// ready for it. Whoever calls this grants it.
    ///
    /// # Errors
    /// When there is none, or it cannot be loaded.
    pub fn interpreter(&self, language: &str) -> Result<Interpreter, RewardError> {
        let interpreter =
            load_interpreter(language, &self.0.host, &self.0.plugin_path, &WatchedFiles::default())?;
        let ready = interpreter.clone();
        self.on_every_thread(move || ready.prepare());
        Ok(interpreter)
    }

    /// Does `work` on each of the threads, and waits for all of them. Only for a workspace that does nothing else yet:
    /// each waits for the last to come.
    pub(crate) fn on_every_thread(&self, work: impl Fn() + Send + Sync + 'static) {
        let _alone = self.0.all_threads.lock().unwrap_or_else(PoisonError::into_inner);
        let workers = self.workers().get();
        let (work, together) = (Arc::new(work), Arc::new(Barrier::new(workers + 1)));
        for _ in 0..workers {
            let (work, together) = (Arc::clone(&work), Arc::clone(&together));
            self.spawn(move || {
                work();
                together.wait();
            });
        }
        together.wait();
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }
}
