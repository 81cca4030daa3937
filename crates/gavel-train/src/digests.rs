//! What a run was made from, and from which step on what judged: `digests.json` and `digests.jsonl`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gavel_verify::Reward;
use gavel_wire::VersionForm;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::error::Action;
use crate::run_directory::RunDirectory;
use crate::settings::{Reload, Settings};
use crate::task::TaskFiles;

/// The file that says what judged which steps, a row for each change.
pub(crate) const JUDGES: &str = "digests.jsonl";

/// The reward file among the files of a run.
const REWARD: &str = "reward";

/// The tasks of training among the files of a run.
const TASKS: &str = "tasks";

/// The tasks of evaluation among the files of a run.
const EVAL_TASKS: &str = "eval_tasks";

/// What a run was last started with: sha256, hex.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Digests {
    gavel: String,
    verifiers: BTreeMap<String, String>,
    /// Of several task files, `tasks/1`, `tasks/2` and so on, in the order in which they were read.
    files: BTreeMap<String, String>,
    /// The paths of the task files of each setting that names several, in that order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    task_files: BTreeMap<String, Vec<PathBuf>>,
    /// Of each setting that named something on a hub, those names with their commits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    hub: BTreeMap<String, Vec<String>>,
    /// All that scores depend on besides the submissions; for the rows of `digests.jsonl`.
    #[serde(skip)]
    version: Option<VersionForm>,
}

impl Digests {
    pub(crate) fn of(settings: &Settings, reward: &dyn Reward) -> Result<Self, TrainError> {
        let mut files = BTreeMap::new();
        for path in gavel_model::model_files(&settings.model)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.insert(format!("model/{name}"), sha256(&path)?);
        }
        if let Some(path) = &settings.reward {
            files.insert(REWARD.to_owned(), sha256(path)?);
        }
        let mut task_files = BTreeMap::new();
        for (name, named) in [(TASKS, Some(&settings.tasks)), (EVAL_TASKS, settings.eval_tasks.as_ref())] {
            let paths = named.map_or(Ok(Vec::new()), TaskFiles::paths)?;
            files.extend(digests_of_tasks(name, &paths)?);
            if paths.len() > 1 {
                let paths = paths.iter().map(|path| path.to_path_buf()).collect();
                task_files.insert(name.to_owned(), paths);
            }
        }
        let verifiers = reward.digests().into_iter().collect();
        let version = reward.version().as_ref().map(VersionForm::from);
        let (gavel, hub) = (env!("CARGO_PKG_VERSION").to_owned(), settings.hub.clone());
        Ok(Self { gavel, verifiers, files, task_files, hub, version })
    }

    /// What the run named on a hub, by setting, with commits.
    pub(crate) fn hub(self) -> BTreeMap<String, Vec<String>> {
        self.hub
    }

    /// The version of gavel.
    pub(crate) fn gavel(&self) -> &str {
        &self.gavel
    }

    /// The digests of the tasks of evaluation.
    pub(crate) fn eval_tasks(&self) -> Vec<&str> {
        let mut digests: Vec<_> = self.files.iter().filter(|(name, _)| is_of(EVAL_TASKS, name)).collect();
        digests.sort_by_key(|(name, _)| number(name));
        digests.into_iter().map(|(_, digest)| digest.as_str()).collect()
    }

    /// What judges, from after `step` on.
    pub(crate) fn judges(&self, step: u64) -> Judges {
        let reward = self.files.get(REWARD).cloned();
        let (verifiers, version) = (self.verifiers.clone(), self.version.clone());
        Judges { step, verifiers, reward, changed: Vec::new(), version }
    }

    /// The same run with other judges.
    pub(crate) fn judged_by(mut self, judges: &Judges) -> Self {
        self.verifiers = judges.verifiers.clone();
        match &judges.reward {
            Some(digest) => self.files.insert(REWARD.to_owned(), digest.clone()),
            None => self.files.remove(REWARD),
        };
        self
    }

    /// The first verifier or file that is not what it was, of those that may not change: how a run is evaluated may.
    pub(crate) fn changed(&self, now: &Self, reload: Reload) -> Option<(String, bool)> {
        let is_fixed =
            |name: &&String| !is_of(EVAL_TASKS, name) && (reload == Reload::Never || *name != REWARD);
        let file = || differing(&self.files, &now.files).find(is_fixed);
        let verifier = differing(&self.verifiers, &now.verifiers).find(|_| reload == Reload::Never);
        let verifier = verifier.map(|name| (format!("verifier `{name}`"), true));
        verifier.or_else(|| file().map(|name| (format!("the file of `{name}`"), name == REWARD)))
    }
}

/// The digests of task files, under the name of their setting, or that and their numbers where there are several.
fn digests_of_tasks(name: &str, paths: &[Arc<Path>]) -> Result<Vec<(String, String)>, TrainError> {
    let name_of =
        |index: usize| if paths.len() == 1 { name.to_owned() } else { format!("{name}/{}", index + 1) };
    paths.par_iter().enumerate().map(|(index, path)| Ok((name_of(index), sha256(path)?))).collect()
}

/// Whether a file is of this setting, alone or one of several.
fn is_of(setting: &str, file: &str) -> bool {
    file.strip_prefix(setting).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Which of several files it is.
fn number(file: &str) -> Option<usize> {
    file.rsplit_once('/')?.1.parse().ok()
}

/// What judged from a step on: a row of `digests.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Judges {
    /// Steps made before: 0 is from the start.
    pub(crate) step: u64,
    /// The digests of the plugins and interpreters, by verifier.
    pub(crate) verifiers: BTreeMap<String, String>,
    /// The digest of the reward file, where there is one.
    pub(crate) reward: Option<String>,
    /// What is not as in the row above: verifiers, and files of settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changed: Vec<String>,
    /// Everything that the scores depend on, so that they can be derived again; `None` of native verifiers, and where an
    /// older gavel wrote the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<VersionForm>,
}

impl Judges {
    /// What judges now, after `step`.
    pub(crate) fn now(settings: &Settings, reward: &dyn Reward, step: u64) -> Result<Self, TrainError> {
        let verifiers = reward.digests().into_iter().collect();
        let version = reward.version().as_ref().map(VersionForm::from);
        let reward = settings.reward.as_deref().map(sha256).transpose()?;
        Ok(Self { step, verifiers, reward, changed: Vec::new(), version })
    }

    /// What is not as it was `before`.
    fn differences(&self, before: &Self) -> Vec<String> {
        let verifiers = differing(&before.verifiers, &self.verifiers).cloned();
        let reward = (before.reward != self.reward).then(|| REWARD.to_owned());
        let mut names: Vec<String> = verifiers.chain(reward).collect();
        // What neither digest tells: another release, or limits that a manifest says.
        if let (true, Some(before), Some(now)) = (names.is_empty(), &before.version, &self.version) {
            names.extend(before.differences(now).into_iter().map(|difference| difference.what));
        }
        names
    }
}

/// What has judged a run so far.
#[derive(Debug, Default)]
pub(crate) struct JudgeLog(Vec<Judges>);

impl JudgeLog {
    /// Those that judged the steps up to a checkpoint's; none where there is no checkpoint.
    pub(crate) fn until(run: &RunDirectory, step: Option<u64>) -> Result<Self, TrainError> {
        let rows: Vec<Judges> = run.read_rows(JUDGES)?;
        Ok(Self(rows.into_iter().filter(|row| Some(row.step) < step).collect()))
    }

    /// The latest.
    pub(crate) fn last(&self) -> Option<&Judges> {
        self.0.last()
    }

    /// How often the judges have changed.
    pub(crate) fn changes(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// Adds who judges from now on, unless nothing is new; `changed` names what is, where more is known of it than the
    /// digests tell.
    pub(crate) fn record(
        &mut self,
        run: &RunDirectory,
        mut judges: Judges,
        changed: Vec<String>,
    ) -> Result<(), TrainError> {
        judges.changed = changed;
        if let Some(before) = self.last()
            && judges.changed.is_empty()
        {
            judges.changed = judges.differences(before);
            if judges.changed.is_empty() {
                return Ok(());
            }
        }
        self.0.push(judges);
        run.write_rows(JUDGES, &self.0)
    }
}

/// The names whose digests are not the same in both.
fn differing<'a>(
    before: &'a BTreeMap<String, String>,
    now: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = &'a String> {
    let added = now.keys().filter(|name| !before.contains_key(*name));
    before.keys().chain(added).filter(|name| before.get(*name) != now.get(*name))
}

fn sha256(path: &Path) -> Result<String, TrainError> {
    gavel_files::sha256_of_file(path).map_err(TrainError::file(Action::Read, path))
}
