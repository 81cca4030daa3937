//! How a run begins or goes on: what is looked at before anything is loaded, and what is written once everything is.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tch::Device;

use gavel_verify::Reward;

use crate::TrainError;
use crate::checkpoint::Checkpoint;
use crate::digests::{Digests, JudgeLog};
use crate::error::Action;
use crate::files::{json_bytes, read_json};
use crate::ranks::Ranks;
use crate::run_directory::RunDirectory;
use crate::settings::{Change, Settings, changes};
use crate::train::Start;

/// The file that says when a run was resumed, and with what other settings.
const RESUMES: &str = "resumes.jsonl";

const SETTINGS: &str = "settings.toml";
const DIGESTS: &str = "digests.json";

/// What the run in a directory named on a hub, by setting, with the commits that it had; nothing where there is no run.
///
/// # Errors
/// When its record is none.
pub fn hub_names_of_run(directory: &Path) -> Result<BTreeMap<String, Vec<String>>, TrainError> {
    let digests = read_json::<Digests>(&directory.join(DIGESTS))?;
    Ok(digests.map(Digests::hub).unwrap_or_default())
}

/// A run that can begin or go on. Nothing is written yet: a start that is refused leaves no trace.
pub(crate) struct Beginning {
    /// What is on disk already.
    pub(crate) existing: Option<RunDirectory>,
    /// Where to go on from.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// What has judged up to there.
    judges: JudgeLog,
    digests: Digests,
    /// The settings as they are recorded.
    settings: Settings,
    /// What is not as it was when the run was last started.
    changed: Vec<Change>,
}

/// A row of `resumes.jsonl`.
#[derive(Serialize)]
struct Resume<'a> {
    /// Steps made before.
    step: u64,
    /// The version of gavel.
    gavel: &'a str,
    /// The settings that are not as they were.
    changed: &'a [Change],
}

impl Beginning {
    /// Compares what a run would begin or go on with to what is on disk, which from then on this process alone may change, if it
    /// is the one that keeps the records.
    pub(crate) fn inspect(
        settings: &Settings,
        reward: &dyn Reward,
        (start, keeps_records): (Start, bool),
        device: Device,
    ) -> Result<Self, TrainError> {
        let digests = Digests::of(settings, reward)?;
        let settings = settings.resolved(device);
        let mut beginning = Self {
            existing: None,
            checkpoint: None,
            judges: JudgeLog::default(),
            digests,
            settings,
            changed: Vec::new(),
        };
        match start {
            Start::New => RunDirectory::require_vacant(&beginning.settings.output_dir)?,
            Start::Resume => beginning.find_run(keeps_records)?,
        }
        Ok(beginning)
    }

    fn find_run(&mut self, keeps_records: bool) -> Result<(), TrainError> {
        let mut run = RunDirectory::open(&self.settings.output_dir)?;
        if keeps_records {
            run.lock()?;
        }
        self.checkpoint = run.checkpoints()?.pop();
        self.judges = JudgeLog::until(&run, self.checkpoint.as_ref().map(|checkpoint| checkpoint.step))?;
        self.compare_settings(&run)?;
        self.compare_files(&run)?;
        self.existing = Some(run);
        Ok(())
    }

    /// The same error, with what to do where it is that a file of the checkpoint cannot be read.
    pub(crate) fn explained(&self, error: TrainError) -> TrainError {
        let (Some(run), Some(checkpoint)) = (&self.existing, &self.checkpoint) else { return error };
        let path = &checkpoint.path;
        let is_of_checkpoint = match &error {
            TrainError::File { action: Action::Read, path: file, .. }
            | TrainError::Tensors { action: Action::Read, path: file, .. }
            | TrainError::Json { path: file, .. } => file.starts_with(path),
            TrainError::Model(error) => {
                !error.is_write() && error.to_string().contains(&*path.to_string_lossy())
            }
            _ => false,
        };
        if !is_of_checkpoint {
            return error;
        }
        let earlier = run.checkpoints().unwrap_or_default();
        let before = earlier.iter().rev().map(|earlier| earlier.step).find(|step| *step < checkpoint.step);
        TrainError::Damaged { path: path.clone(), before, source: Box::new(error) }
    }

    fn compare_settings(&mut self, run: &RunDirectory) -> Result<(), TrainError> {
        let path = run.path().join(SETTINGS);
        let text = std::fs::read_to_string(&path).map_err(TrainError::file(Action::Read, &path))?;
        let before: Settings = toml::from_str(&text)
            .map_err(|source| TrainError::RunSettings { path, source: Box::new(source) })?;
        self.changed = changes(&before, &self.settings);
        match self.changed.iter().find(|change| !change.allowed) {
            Some(Change { field, before, now, .. }) => Err(TrainError::SettingChanged {
                field: field.clone(),
                before: before.clone(),
                now: now.clone(),
                path: run.path().to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn compare_files(&mut self, run: &RunDirectory) -> Result<(), TrainError> {
        let Some(mut before) = run.read_json::<Digests>(DIGESTS)? else { return Ok(()) };
        if let Some(judges) = self.judges.last() {
            before = before.judged_by(judges);
        }
        if let Some((what, reloads)) = before.changed(&self.digests, self.settings.reload) {
            return Err(TrainError::Changed { what, reloads, path: run.path().to_owned() });
        }
        let (then, now) = (before.eval_tasks(), self.digests.eval_tasks());
        if then != now {
            let shown = |digests: &[&str]| match digests {
                [] => "unset".to_owned(),
                digests => digests.join(", "),
            };
            self.changed.push(Change {
                field: "the file of `eval_tasks`".to_owned(),
                before: shown(&then),
                now: shown(&now),
                allowed: true,
            });
        }
        Ok(())
    }

    /// Makes the run directory, or says in it that the run goes on, and with what; once all ranks are about to go on from the
    /// same place with the same, so that none still looks at what is there.
    pub(crate) fn begin(self, ranks: &Ranks) -> Result<(RunDirectory, JudgeLog), TrainError> {
        ranks.agree("the settings, the files that they name and the checkpoint", || self.digest())?;
        let step = self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.step);
        let run = match self.existing {
            _ if !ranks.keeps_records() => RunDirectory::kept_elsewhere(&self.settings.output_dir),
            None => RunDirectory::create(&self.settings.output_dir)?,
            Some(run) => {
                let resume = Resume { step, gavel: self.digests.gavel(), changed: &self.changed };
                let mut rows: Vec<serde_json::Value> = run.read_rows(RESUMES)?;
                rows.push(serde_json::to_value(resume).expect("texts and numbers"));
                run.write_rows(RESUMES, &rows)?;
                run
            }
        };
        run.write(SETTINGS, self.settings.to_toml().as_bytes())?;
        run.write(DIGESTS, &json_bytes(&self.digests))?;
        let mut judges = self.judges;
        judges.record(&run, self.digests.judges(step), Vec::new())?;
        Ok((run, judges))
    }

    /// A number that follows from all that a run depends on. Where things lie may differ between machines: files are told by
    /// what they hold.
    fn digest(&self) -> u64 {
        let nowhere = PathBuf::new;
        let settings = Settings {
            model: nowhere(),
            tasks: nowhere().into(),
            eval_tasks: None,
            reward: None,
            output_dir: nowhere(),
            ..self.settings.clone()
        };
        let mut hasher = DefaultHasher::new();
        let step = self.checkpoint.as_ref().map(|checkpoint| checkpoint.step);
        (settings.to_toml(), json_bytes(&self.digests), step).hash(&mut hasher);
        hasher.finish()
    }
}
