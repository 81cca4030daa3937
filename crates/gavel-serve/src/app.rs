//! What all requests share: the rewards, what may be asked of them, and what has been counted.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gavel_reward::{PluginReward, ReloadingReward, Workspace};
use indexmap::IndexMap;
use tokio::sync::{Semaphore, watch};

use crate::episodes::Episodes;
use crate::error::ApiError;
use crate::payload::Asked;
use crate::programs::Programs;
use crate::shared::{Process, Report, Verdicts};
use crate::stats::Stats;
use crate::tasks::{Splits, Tasks, by_reward};

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The address to listen at; port 0 is whichever is free.
    pub listen: SocketAddr,
    /// What clients have to show, where they have to show anything.
    pub token: Option<String>,
    /// The most bytes of a request's body, or of a line of one that is a stream.
    pub max_body: usize,
    /// The most submissions of a request.
    pub max_submissions: usize,
    /// How long a request may take to arrive, and how long to be judged.
    pub timeout: Duration,
    /// How long what was accepted may take once the server is to stop.
    pub drain: Duration,
    /// The most connections at once; others wait.
    pub max_connections: usize,
    /// The most of them that are sessions over a WebSocket; others are turned away.
    pub max_sessions: usize,
    /// Which of several processes behind this address it is; `None` where it is the only one.
    pub process: Option<Process>,
    /// The tasks that episodes may be of, where their clients bring none.
    pub tasks: Vec<Tasks>,
}

impl Default for ServeOptions {
    /// Port 8080 of this machine alone, no token, 64 MiB, 16,384 submissions, three minutes, half a minute to stop, 4,096
    /// connections, of which 2,048 may be sessions.
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8080).into(),
            token: None,
            max_body: 64 << 20,
            max_submissions: 16_384,
            timeout: Duration::from_secs(180),
            drain: Duration::from_secs(30),
            max_connections: 4096,
            max_sessions: 2048,
            process: None,
            tasks: Vec::new(),
        }
    }
}

/// A reward and what requests call it.
#[derive(Debug)]
pub struct NamedReward {
    /// Letters, digits, `-` and `_`.
    pub name: String,
    /// The reward.
    pub reward: ReloadingReward,
}

pub(crate) struct App {
    pub(crate) options: ServeOptions,
    pub(crate) workspace: Workspace,
    pub(crate) rewards: IndexMap<String, Arc<ReloadingReward>>,
    /// The tasks of those that have some.
    pub(crate) tasks: HashMap<String, Splits>,
    pub(crate) programs: Programs,
    pub(crate) episodes: Episodes,
    pub(crate) stats: Stats,
    /// What the cache of verdicts had done before this process was started again.
    verdicts: Verdicts,
    /// Room for sessions.
    pub(crate) sessions: Arc<Semaphore>,
    /// Whether the server is to stop. Every connection and session listens to it, so that it has no listeners once all
    /// have ended.
    stopping: watch::Sender<bool>,
}

impl App {
    pub(crate) fn new(
        mut options: ServeOptions,
        workspace: Workspace,
        rewards: Vec<NamedReward>,
        programs: Programs,
    ) -> Self {
        let rewards: IndexMap<_, _> =
            rewards.into_iter().map(|NamedReward { name, reward }| (name, Arc::new(reward))).collect();
        let mut stats = Stats::new(rewards.keys().cloned());
        let mut verdicts = Verdicts::default();
        if let Some(process) = &options.process {
            let before = process.report_of(process.number).unwrap_or_default();
            stats.go_on(&before.counts, process.up);
            verdicts = before.verdicts;
        }
        let tasks = by_reward(std::mem::take(&mut options.tasks));
        let sessions = Arc::new(Semaphore::new(options.max_sessions));
        let (episodes, stopping) = (Episodes::new(options.process.as_ref()), watch::Sender::new(false));
        Self { options, workspace, rewards, tasks, programs, episodes, stats, verdicts, sessions, stopping }
    }

    /// The reward with this name; without one, the only one that there is.
    pub(crate) fn choose(&self, name: Option<&str>) -> Result<Chosen, ApiError> {
        let found = match name {
            Some(name) => self.rewards.get_full(name),
            None if self.rewards.len() > 1 => {
                return Err(ApiError::RewardNotNamed { known: self.names() });
            }
            None => self.rewards.get_index(0).map(|(name, reward)| (0, name, reward)),
        };
        let (index, _, reward) = found.ok_or_else(|| ApiError::UnknownReward {
            name: name.unwrap_or_default().to_owned(),
            known: self.names(),
        })?;
        Ok(Chosen { index, reward: reward.current(), time: self.options.timeout })
    }

    /// The reward that a request names, or its body does where the address does not, on the request's terms.
    pub(crate) fn choose_for(&self, asked: &Asked, in_body: Option<&str>) -> Result<Chosen, ApiError> {
        let chosen = self.choose(asked.reward().or(in_body))?;
        let time = asked.deadline.map_or(chosen.time, |deadline| deadline.min(chosen.time));
        let reward = match &asked.limits {
            Some(limits) => chosen.reward.within_limits(limits)?,
            None => chosen.reward,
        };
        Ok(Chosen { reward, time, ..chosen })
    }

    /// The tasks of the reward at this place, if it has some.
    pub(crate) fn tasks_of(&self, chosen: &Chosen) -> Option<&Splits> {
        self.tasks.get(self.rewards.get_index(chosen.index)?.0)
    }

    fn names(&self) -> Vec<String> {
        self.rewards.keys().cloned().collect()
    }

    /// What this process has counted, and how it stands.
    pub(crate) fn own_report(&self) -> Report {
        let (waiting, waiting_bytes) = self.workspace.waiting();
        Report {
            counts: self.stats.counts(),
            in_flight: self.stats.in_flight(),
            sessions: self.options.max_sessions.saturating_sub(self.sessions.available_permits()),
            waiting,
            waiting_bytes,
            workers: self.workspace.workers().get(),
            verdicts: Verdicts::of(&self.workspace, self.verdicts),
            processes: 1,
            starts: self.options.process.as_ref().map_or(1, |process| process.starts),
        }
    }

    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// What a connection or a session holds until it ends; see [`stopped`].
    pub(crate) fn listen_for_stop(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Waits until every connection and session has ended.
    pub(crate) async fn all_ended(&self) {
        self.stopping.closed().await;
    }
}

/// Returns once the server is to stop.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender lives as long as anybody who could wait here.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// The reward that a request asks for, as it is now.
pub(crate) struct Chosen {
    /// Its place among the rewards.
    pub(crate) index: usize,
    pub(crate) reward: PluginReward,
    /// How long the request may take to be judged.
    pub(crate) time: Duration,
}
