//! What settings and flags name by `hf://`: fetched from the hub, or found in its cache, and its commit written down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gavel_hub::{Hub, HubError, HubName, SCHEME};
use gavel_train::hub_names_of_run;
use gavel_train::settings::Settings;
use gavel_train::task::TaskFiles;

use super::blame;
use gavel_cli::exit::{InputFault, Stop};
use gavel_cli::settings;
use gavel_cli::terminal::{Terminal, shown};

/// Names on the hub by the setting that has them, with commits.
type Pinned = BTreeMap<String, Vec<String>>;

/// Makes files of the names in `settings`, and notes their commits there. A run that goes on has those that it began with.
pub(super) fn fetch(settings: &mut Settings, resumes: bool, terminal: &Terminal) -> Result<(), Stop> {
    let began_with =
        if resumes { hub_names_of_run(&settings.output_dir).map_err(blame)? } else { Pinned::new() };
    let mut fetching = Fetching { terminal, began_with, pinned: Pinned::new(), hub: None };
    settings.model = fetching.model(&settings.model)?;
    settings.tasks = fetching.tasks("tasks", &settings.tasks)?;
    if let Some(files) = &settings.eval_tasks {
        settings.eval_tasks = Some(fetching.tasks("eval_tasks", files)?);
    }
    settings.set_hub_names(fetching.pinned);
    Ok(())
}

/// The folder of a model that a flag names.
pub(super) fn model(written: &Path, terminal: &Terminal) -> Result<PathBuf, Stop> {
    Fetching::new(terminal).model(written)
}

/// The task files that flags name.
pub(super) fn tasks(written: &TaskFiles, terminal: &Terminal) -> Result<TaskFiles, Stop> {
    Fetching::new(terminal).tasks("tasks", written)
}

/// The hub, once it is needed, and what was fetched.
struct Fetching<'a> {
    terminal: &'a Terminal,
    began_with: Pinned,
    pinned: Pinned,
    hub: Option<Hub>,
}

impl<'a> Fetching<'a> {
    fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, began_with: Pinned::new(), pinned: Pinned::new(), hub: None }
    }

    fn model(&mut self, written: &Path) -> Result<PathBuf, Stop> {
        let Some(name) = self.name("model", written)? else { return Ok(written.to_owned()) };
        let fetched = self.hub()?.model(&name).map_err(blame_hub)?;
        self.note("model", &fetched.name);
        Ok(fetched.folder)
    }

    fn tasks(&mut self, setting: &'static str, written: &TaskFiles) -> Result<TaskFiles, Stop> {
        let mut files = Vec::new();
        for entry in written.names() {
            match self.name(setting, entry)? {
                None => files.push(entry.clone()),
                Some(name) => {
                    let fetched = self.hub()?.rows(&name).map_err(blame_hub)?;
                    self.note(setting, &fetched.name);
                    files.extend(fetched.files);
                }
            }
        }
        Ok(TaskFiles::new(files))
    }

    /// The name on the hub that is written, at the commit that the run began with where it goes on.
    fn name(&self, setting: &str, written: &Path) -> Result<Option<HubName>, Stop> {
        let Some(text) = written.to_str().filter(|text| text.starts_with(SCHEME)) else { return Ok(None) };
        let name: HubName = text.parse::<HubName>().input_fault()?;
        let of_run = self.began_with.get(setting).into_iter().flatten();
        let mut of_run = of_run.filter_map(|known| known.parse::<HubName>().ok());
        let same = |known: &HubName| HubName { revision: name.revision.clone(), ..known.clone() } == name;
        Ok(Some(of_run.find(same).unwrap_or(name)))
    }

    fn hub(&mut self) -> Result<&Hub, Stop> {
        if self.hub.is_none() {
            let options = settings::hub_options(self.terminal.is_quiet())?;
            self.hub = Some(Hub::new(options).map_err(anyhow::Error::from)?);
        }
        Ok(self.hub.as_ref().expect("it has just been made"))
    }

    /// Says which commit a name is at, and keeps that.
    fn note(&mut self, setting: &str, name: &HubName) {
        self.terminal.note(format_args!("{setting:<7} {}", shown(&name.to_string())));
        self.pinned.entry(setting.to_owned()).or_default().push(name.to_string());
    }
}

fn blame_hub(error: HubError) -> Stop {
    if error.is_of_machine() { Stop::Unexpected(error.into()) } else { Stop::Input(error.into()) }
}
