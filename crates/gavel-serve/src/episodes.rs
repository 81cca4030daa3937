//! The episodes that are open between requests: a task each, and how often it has been answered.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// The most episodes that are open at once; the oldest makes room.
const MOST: usize = 65_536;

/// The episodes that are open, by their names.
#[derive(Default)]
pub(crate) struct Episodes {
    open: Mutex<Open>,
    opened: AtomicU64,
}

#[derive(Default)]
struct Open {
    episodes: HashMap<String, Episode>,
    /// The names in the order of opening; some may be closed by now.
    order: VecDeque<String>,
}

/// One episode: a task, and whether it has been answered.
#[derive(Clone)]
pub(crate) struct Episode {
    pub(crate) name: String,
    pub(crate) task: Map<String, Value>,
    pub(crate) steps: u64,
}

impl Episode {
    /// Where it stands, as `/state` says it.
    pub(crate) fn state(&self) -> Value {
        json!({"episode_id": self.name, "step_count": self.steps, "done": self.steps > 0})
    }
}

impl Episodes {
    /// A new episode that is not kept here. Without a name it gets one that no other has.
    pub(crate) fn begin(&self, name: Option<String>, task: Map<String, Value>) -> Episode {
        let name =
            name.unwrap_or_else(|| format!("episode-{}", self.opened.fetch_add(1, Ordering::Relaxed) + 1));
        Episode { name, task, steps: 0 }
    }

    /// Keeps an episode until it is closed, in place of one of the same name.
    pub(crate) fn keep(&self, episode: Episode) {
        let mut open = self.lock();
        let name = episode.name.clone();
        match open.episodes.entry(name.clone()) {
            Entry::Occupied(mut entry) => drop(entry.insert(episode)),
            Entry::Vacant(entry) => {
                entry.insert(episode);
                open.order.push_back(name);
            }
        }
        while open.order.len() > MOST {
            if let Some(oldest) = open.order.pop_front() {
                open.episodes.remove(&oldest);
            }
        }
    }

    /// The episode that is named; without a name, the only one.
    pub(crate) fn named(&self, name: Option<&str>) -> Result<Episode, ApiError> {
        let open = self.lock();
        let found = match name {
            Some(name) => open.episodes.get(name),
            None if open.episodes.len() > 1 => return Err(ApiError::EpisodeNotNamed),
            None => open.episodes.values().next(),
        };
        found.cloned().ok_or_else(|| ApiError::NoEpisode { episode: name.unwrap_or_default().to_owned() })
    }

    pub(crate) fn step(&self, name: &str) {
        if let Some(episode) = self.lock().episodes.get_mut(name) {
            episode.steps += 1;
        }
    }

    pub(crate) fn close(&self, name: &str) {
        let mut open = self.lock();
        open.episodes.remove(name);
        open.order.retain(|other| other != name);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
