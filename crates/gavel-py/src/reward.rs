//! Workspaces and rewards, as Python's objects hold them.

use std::collections::HashMap;
use std::error::Error;
use std::iter;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use gavel_host::Traps;
use gavel_reward::{LimitSettings, Native, PluginReward, Secrets, WorkspaceOptions};
use gavel_verify::{Reward as _, Submission};
use gavel_wire::{Columns, GroupKey, Part, Preset, Row};
use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::function::Function;
use crate::gate::is_closed;
use crate::judging::{self, Pending, Told};

pyo3::create_exception!(gavel_rl, RewardError, PyException, "A reward that cannot be loaded.");

/// The exception for an error, which says its causes too.
fn raised(error: &dyn Error) -> PyErr {
    let causes = iter::successors(Some(error), |&error| error.source());
    RewardError::new_err(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

/// One set of worker threads, and what is loaded into it.
#[pyclass(frozen, module = "gavel_rl._native")]
#[derive(Debug)]
pub(crate) struct Workspace(gavel_reward::Workspace);

#[pymethods]
impl Workspace {
    #[new]
    fn new(
        py: Python<'_>,
        jobs: Option<usize>,
        cache_dir: Option<PathBuf>,
        plugin_path: Vec<PathBuf>,
        secret: Py<PyAny>,
    ) -> PyResult<Self> {
        // Only asked while a reward is loaded, which Python waits for.
        let look_up = move |name: &str| {
            Python::attach(|py| secret.call1(py, (name,)).ok()?.extract::<Option<String>>(py).ok()?)
        };
        let mut options = WorkspaceOptions {
            cache_dir,
            plugin_path,
            // The process is Python's, and others install handlers for signals in it: faulthandler, pytest, Ray, torch.
            traps: Traps::Checks,
            secrets: Secrets::new(look_up),
            ..WorkspaceOptions::default()
        };
        if let Some(jobs) = jobs {
            options.workers =
                NonZeroUsize::new(jobs).ok_or_else(|| PyValueError::new_err("`jobs` must be at least 1"))?;
        }
        let started = py.detach(|| gavel_reward::Workspace::start(&options));
        started.map(Self).map_err(|error| raised(&error))
    }

    #[getter]
    fn jobs(&self) -> usize {
        self.0.workers().get()
    }

    /// The reward of a file; of `text` where it is given, and then the file is only what errors call it. `functions` are
    /// the verifiers that are Python's, by their names.
    fn load(
        &self,
        py: Python<'_>,
        path: PathBuf,
        text: Option<&str>,
        functions: HashMap<String, Py<PyAny>>,
    ) -> PyResult<Reward> {
        let native = |(name, judge): (String, _)| {
            let function = Native::new(Function::new(&name, judge));
            (name, function)
        };
        let natives: HashMap<_, _> = functions.into_iter().map(native).collect();
        let loaded = py.detach(|| match text {
            Some(text) => self.0.load_text_with(&path, text, &natives),
            None => self.0.load_with(&path, &natives),
        });
        loaded.map(Reward).map_err(|error| raised(&error))
    }
}

/// A loaded reward. It knows nothing of forks: whoever holds it does.
#[pyclass(frozen, module = "gavel_rl._native")]
#[derive(Debug)]
pub(crate) struct Reward(PluginReward);

#[pymethods]
impl Reward {
    /// The columns that prompt, completion and reference are looked for in first.
    #[pyo3(signature = (preset=None))]
    fn columns(&self, preset: Option<&str>) -> PyResult<Vec<String>> {
        let columns = self.columns_or(preset)?;
        Ok(Part::ALL.iter().map(|&part| columns.of(part).first().to_owned()).collect())
    }

    /// Judges rows while they come, and waits for all of them. A row is a JSON object; or prompt, completion and reference
    /// as they are, of which `encode` makes one where they are no three texts.
    #[pyo3(signature = (rows, encode, preset=None))]
    fn score(
        &self,
        py: Python<'_>,
        rows: &Bound<'_, PyAny>,
        encode: &Bound<'_, PyAny>,
        preset: Option<&str>,
    ) -> PyResult<Vec<Told>> {
        judging::wait(py, &self.0, self.submissions(rows, encode, preset)?)
    }

    /// Judges rows, and has `loop` call `settle(scores)` once all are judged.
    #[pyo3(signature = (rows, encode, preset, event_loop, settle))]
    fn start(
        &self,
        rows: &Bound<'_, PyAny>,
        encode: &Bound<'_, PyAny>,
        preset: Option<&str>,
        event_loop: Py<PyAny>,
        settle: Py<PyAny>,
    ) -> PyResult<Pending> {
        judging::start(&self.0, self.submissions(rows, encode, preset)?, event_loop, settle)
    }

    /// Whether the reward of a completion depends on the others of its prompt.
    #[getter]
    fn needs_groups(&self) -> bool {
        self.0.needs_groups()
    }

    /// The same reward within lower limits: a JSON object with the fields of a table of limits.
    fn within_limits(&self, limits: &str) -> PyResult<Self> {
        let wrong = |error: String| PyValueError::new_err(error);
        let limits = serde_json::from_str(limits).map_err(|error| wrong(error.to_string()))?;
        let limits = LimitSettings::of_json(&limits).map_err(wrong)?;
        self.0.within_limits(&limits).map(Self).map_err(|error| wrong(error.to_string()))
    }

    #[getter]
    fn verifiers(&self) -> Vec<String> {
        self.0.verifiers().map(str::to_owned).collect()
    }

    #[getter]
    fn digests(&self) -> Vec<(String, String)> {
        self.0.digests()
    }
}

impl Reward {
    /// Those of the reward file where it names any, else those of the preset.
    fn columns_or(&self, preset: Option<&str>) -> PyResult<Columns> {
        let of_reward = self.0.columns();
        let Some(name) = preset.filter(|_| *of_reward == Columns::default()) else {
            return Ok(of_reward.clone());
        };
        let preset = Preset::named(name).ok_or_else(|| {
            let known = Preset::ALL.map(Preset::name).join(", ");
            PyValueError::new_err(format!("there is no preset `{name}` of columns; there are {known}"))
        })?;
        Ok(Columns::of_preset(preset))
    }

    /// Reads rows as they come.
    fn submissions<'py>(
        &self,
        rows: &Bound<'py, PyAny>,
        encode: &Bound<'py, PyAny>,
        preset: Option<&str>,
    ) -> PyResult<impl Iterator<Item = PyResult<(GroupKey, Submission)>> + use<'py>> {
        if is_closed() {
            return Err(PyRuntimeError::new_err("the interpreter is ending: nothing is judged any more"));
        }
        let columns = self.columns_or(preset)?;
        let encode = encode.clone();
        // What nobody looks at is not made for each of them.
        let needs_groups = self.0.needs_groups();
        let no_key = || GroupKey::Column(String::new());
        Ok(rows.try_iter()?.enumerate().map(move |(index, row)| {
            let mut row = row?;
            if let Ok(parts) = row.cast::<PyTuple>() {
                if let Some(submission) = of_texts(parts) {
                    let key = if needs_groups { GroupKey::of_task(&submission) } else { no_key() };
                    return Ok((key, submission));
                }
                row = encode.call1((parts,))?;
            }
            let read = Row::parse(row.cast::<PyString>()?.to_cow()?.as_ref()).and_then(|row| {
                let submission = row.submission(&columns)?;
                let key = if needs_groups { GroupKey::of(&row, &columns, &submission) } else { no_key() };
                Ok((key, submission))
            });
            read.map_err(|error| PyValueError::new_err(format!("submission {index}: {error}")))
        }))
    }
}

/// The submission of a prompt, a completion and a reference, where they are texts and that is all there is: what
/// [`Row::submission`] makes of the same as JSON. `None` where one is something else, or no UTF-8.
fn of_texts(parts: &Bound<'_, PyTuple>) -> Option<Submission> {
    let text = |place: usize| -> Option<String> {
        Some(parts.get_item(place).ok()?.cast::<PyString>().ok()?.to_cow().ok()?.into_owned())
    };
    let reference = if parts.get_item(2).ok()?.is_none() { None } else { Some(text(2)?) };
    Some(Submission { prompt: text(0)?, completion: text(1)?, reference, metadata: "{}".to_owned() })
}
