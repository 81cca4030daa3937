//! The episodes that are open between requests: a task each, and how often it has been answered. One process keeps them in
//! memory, several keep them in the folder that they share, since each request may reach another of them.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::shared::{Process, write_whole};

/// The most episodes that are open at once; the oldest makes room.
const MOST: usize = 65_536;

/// One episode: a task, and whether it has been answered.
#[derive(Clone, Serialize, Deserialize)]
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

/// The episodes that are open, by their names.
pub(crate) struct Episodes {
    kept: Kept,
    /// The names in the order of opening; some may be closed by now.
    order: Mutex<VecDeque<String>>,
    /// The most that are opened here, and not closed.
    most: usize,
    /// What the names begin with that are given here.
    prefix: String,
    given: AtomicU64,
}

enum Kept {
    InMemory(Mutex<HashMap<String, Episode>>),
    InFolder(PathBuf),
}

impl Episodes {
    /// Those of this process, or of all of them.
    pub(crate) fn new(process: Option<&Process>) -> Self {
        let (order, given) = (Mutex::default(), AtomicU64::new(0));
        match process {
            None => {
                let (kept, prefix) = (Kept::InMemory(Mutex::default()), "episode-".to_owned());
                Self { kept, order, most: MOST, prefix, given }
            }
            Some(process) => {
                let folder = process.folder.join("episodes");
                // Another process may have made it already; and where it cannot be made, no episode can be kept.
                drop(fs::create_dir(&folder));
                let prefix = format!("episode-{}-{}-", process.number, process.starts);
                Self { kept: Kept::InFolder(folder), order, most: MOST / process.count.max(1), prefix, given }
            }
        }
    }

    /// A new episode that is not kept here. Without a name it gets one that no other has.
    pub(crate) fn begin(&self, name: Option<String>, task: Map<String, Value>) -> Episode {
        let given = || format!("{}{}", self.prefix, self.given.fetch_add(1, Ordering::Relaxed) + 1);
        Episode { name: name.unwrap_or_else(given), task, steps: 0 }
    }

    /// Keeps an episode until it is closed, in place of one of the same name.
    pub(crate) fn keep(&self, episode: Episode) -> Result<(), ApiError> {
        let name = episode.name.clone();
        let is_new = self.kept.put(episode)?;
        let mut order = lock(&self.order);
        if is_new {
            order.push_back(name);
        }
        while order.len() > self.most {
            if let Some(oldest) = order.pop_front() {
                self.kept.remove(&oldest);
            }
        }
        Ok(())
    }

    /// The episode that is named; without a name, the only one.
    pub(crate) fn named(&self, name: Option<&str>) -> Result<Episode, ApiError> {
        let found = match name {
            Some(name) => self.kept.get(name),
            None => self.kept.only()?,
        };
        found.ok_or_else(|| ApiError::NoEpisode { episode: name.unwrap_or_default().to_owned() })
    }

    /// Counts a step, unless the episode has been closed meanwhile.
    pub(crate) fn step(&self, name: &str) -> Result<(), ApiError> {
        match self.kept.get(name) {
            Some(episode) => self.kept.put(Episode { steps: episode.steps + 1, ..episode }).map(drop),
            None => Ok(()),
        }
    }

    pub(crate) fn close(&self, name: &str) {
        self.kept.remove(name);
        lock(&self.order).retain(|other| other != name);
    }
}

impl Kept {
    /// Whether there was none of this name before.
    fn put(&self, episode: Episode) -> Result<bool, ApiError> {
        match self {
            Self::InMemory(episodes) => Ok(lock(episodes).insert(episode.name.clone(), episode).is_none()),
            Self::InFolder(folder) => {
                let file = file_of(folder, &episode.name);
                let is_new = !file.exists();
                let problem =
                    |error: String| ApiError::Internal(format!("an episode cannot be kept: {error}"));
                let content = serde_json::to_vec(&episode).map_err(|error| problem(error.to_string()))?;
                write_whole(&file, &content).map_err(|error| problem(error.to_string()))?;
                Ok(is_new)
            }
        }
    }

    fn get(&self, name: &str) -> Option<Episode> {
        match self {
            Self::InMemory(episodes) => lock(episodes).get(name).cloned(),
            Self::InFolder(folder) => read(&file_of(folder, name)).filter(|episode| episode.name == name),
        }
    }

    /// The one that is open, where there are not several.
    fn only(&self) -> Result<Option<Episode>, ApiError> {
        match self {
            Self::InMemory(episodes) => {
                let episodes = lock(episodes);
                if episodes.len() > 1 {
                    return Err(ApiError::EpisodeNotNamed);
                }
                Ok(episodes.values().next().cloned())
            }
            Self::InFolder(folder) => {
                let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
                let mut files = files.filter(|file| file.extension().is_some_and(|ends| ends == "json"));
                let found = files.next();
                if files.next().is_some() {
                    return Err(ApiError::EpisodeNotNamed);
                }
                Ok(found.and_then(|file| read(&file)))
            }
        }
    }

    fn remove(&self, name: &str) {
        match self {
            Self::InMemory(episodes) => drop(lock(episodes).remove(name)),
            // One that is not there is none the worse.
            Self::InFolder(folder) => drop(fs::remove_file(file_of(folder, name))),
        }
    }
}

/// Where an episode is kept. A name may be any text; the file says whose it is.
fn file_of(folder: &Path, name: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    folder.join(format!("{:016x}.json", hasher.finish()))
}

fn read(file: &Path) -> Option<Episode> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(number: usize, folder: &Path) -> Episodes {
        let (folder, up) = (folder.to_owned(), Duration::ZERO);
        Episodes::new(Some(&Process { folder, number, count: 2, starts: 1, up }))
    }

    fn task(prompt: &str) -> Map<String, Value> {
        Map::from_iter([("prompt".to_owned(), prompt.into())])
    }

    #[test]
    fn processes_keep_episodes_together() {
        let folder = std::env::temp_dir().join(format!("gavel-episodes-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (one, other) = (of(0, &folder), of(1, &folder));
        let episode = one.begin(None, task("a"));
        one.keep(episode.clone()).unwrap();
        other.step(&episode.name).unwrap();
        assert_eq!(one.named(None).unwrap().steps, 1);
        other.keep(other.begin(Some("a name/with a slash".to_owned()), task("b"))).unwrap();
        assert!(matches!(one.named(None), Err(ApiError::EpisodeNotNamed)));
        assert_eq!(one.named(Some("a name/with a slash")).unwrap().task, task("b"));
        other.close(&episode.name);
        assert!(matches!(one.named(Some(&episode.name)), Err(ApiError::NoEpisode { .. })));
        assert_ne!(one.begin(None, task("")).name, other.begin(None, task("")).name);
        fs::remove_dir_all(&folder).unwrap();
    }
}
