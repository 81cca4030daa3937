//! Judges a batch of rows for one call from Python, which waits for it, or is told when it is done.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gavel_reward::{PluginReward, Terms};
use gavel_verify::{Cancel, Group, Reply, Reward as _, Score, Submission};
use gavel_wire::{GroupKey, ScoreForm};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::function::is_judging;
use crate::gate::Passing;

/// How often a call that waits lets Python look at its signals.
const SIGNALS: Duration = Duration::from_millis(20);

/// A score as Python gets it: the reward, and all of it as it is written.
pub(crate) type Told = (Option<f64>, String);

/// Scores by the places of their submissions; `None` where one is still to come.
type Slots = Vec<Option<Told>>;

fn told(score: &Score) -> Told {
    let form = ScoreForm { score, timing: true };
    // Every part of a score can be written as JSON.
    (score.reward.as_ref().ok().copied(), serde_json::to_string(&form).unwrap_or_default())
}

/// All scores, or what to raise where one was lost.
fn all(slots: Slots) -> PyResult<Vec<Told>> {
    let told: Option<Vec<Told>> = slots.into_iter().collect();
    told.ok_or_else(|| PyRuntimeError::new_err("a score was lost, which is a bug in gavel"))
}

/// The scores of a batch. Whoever lets go of it last hands them on: by then each reply was called, or lost.
struct Gathered<F: FnOnce(Slots)> {
    slots: Mutex<Slots>,
    done: Mutex<Option<F>>,
}

impl<F: FnOnce(Slots)> Gathered<F> {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: FnOnce(Slots)> Drop for Gathered<F> {
    fn drop(&mut self) {
        let slots = std::mem::take(self.slots.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(done) = self.done.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            done(slots);
        }
    }
}

/// Submissions that are handed in together: they are judged while the next ones are still being read.
const TOGETHER: usize = 32;

/// Hands submissions in as they come, and returns when all are; `done` gets all scores, on the thread that is done last.
/// Where one is none, the others end, and `done` gets what there is. Where the reward compares completions, those with one
/// key are a group, wherever they stand in the batch.
fn submit(
    reward: &PluginReward,
    submissions: impl Iterator<Item = PyResult<(GroupKey, Submission)>>,
    cancel: &Cancel,
    done: impl FnOnce(Slots) + Send + 'static,
) -> PyResult<()> {
    let gathered = Arc::new(Gathered { slots: Mutex::default(), done: Mutex::new(Some(done)) });
    let terms = Terms { cancel: cancel.clone(), ..Terms::default() };
    let mut together = Vec::with_capacity(TOGETHER);
    let mut groups: HashMap<GroupKey, (usize, Box<dyn Group>)> = HashMap::new();
    for (place, submission) in submissions.enumerate() {
        let (key, submission) = submission.inspect_err(|_| cancel.set())?;
        gathered.slots().push(None);
        let answered = Arc::clone(&gathered);
        let reply: Reply = Box::new(move |score: Score| {
            let told = told(&score);
            answered.slots()[place] = Some(told);
        });
        if reward.needs_groups() {
            let (count, group) = groups.entry(key).or_insert_with(|| (0, reward.group_on(&terms)));
            group.submit(*count, submission, reply);
            *count += 1;
            continue;
        }
        together.push((submission, reply));
        if together.len() == TOGETHER {
            reward.submit_batch(together.drain(..), &terms);
        }
    }
    reward.submit_batch(together, &terms);
    Ok(())
}

/// Judges the batch and waits for it, without Python's lock. On Python's main thread a signal is heard meanwhile, and an
/// exception that its handler raises, such as `KeyboardInterrupt`, ends the judging.
pub(crate) fn wait(
    py: Python<'_>,
    reward: &PluginReward,
    submissions: impl Iterator<Item = PyResult<(GroupKey, Submission)>>,
) -> PyResult<Vec<Told>> {
    if is_judging() {
        // All threads could be waiting like this one.
        let message = "a verifier cannot wait for other verifiers: name both in one reward";
        return Err(PyRuntimeError::new_err(message));
    }
    // Python runs handlers on its main thread alone, and the others had better not ask for its lock in between.
    let threading = py.import("threading")?;
    let main: u64 = threading.call_method0("main_thread")?.getattr("ident")?.extract()?;
    let on_main = main == threading.call_method0("get_ident")?.extract::<u64>()?;
    let cancel = Cancel::new();
    let (sender, scores) = mpsc::sync_channel(1);
    // Who was interrupted does not want them any more.
    submit(reward, submissions, &cancel, move |slots| drop(sender.send(slots)))?;
    let (slots, _passing) = py.detach(move || {
        let slots = wait_detached(&scores, &cancel, on_main);
        (slots, Passing::new())
    });
    all(slots?)
}

fn wait_detached(scores: &Receiver<Slots>, cancel: &Cancel, on_main: bool) -> PyResult<Slots> {
    let mut looked = Instant::now();
    loop {
        match scores.recv_timeout(SIGNALS) {
            Ok(slots) => return Ok(slots),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("a batch was lost, which is a bug in gavel"));
            }
        }
        if on_main && looked.elapsed() >= SIGNALS {
            looked = Instant::now();
            Python::attach(|py| py.check_signals()).inspect_err(|_| cancel.set())?;
        }
    }
}

/// A batch that is being judged for an asyncio future.
#[pyclass(frozen, module = "gavel_rl._native")]
#[derive(Debug)]
pub(crate) struct Pending(Cancel);

#[pymethods]
impl Pending {
    /// Ends what is left of the work.
    fn cancel(&self) {
        self.0.set();
    }
}

/// Judges the batch, and has `loop` call `settle(scores)` when it is done.
pub(crate) fn start(
    reward: &PluginReward,
    submissions: impl Iterator<Item = PyResult<(GroupKey, Submission)>>,
    event_loop: Py<PyAny>,
    settle: Py<PyAny>,
) -> PyResult<Pending> {
    let cancel = Cancel::new();
    let done = move |slots: Slots| {
        let Some(_passing) = Passing::try_new() else {
            // Nothing of Python's can be let go of any more.
            std::mem::forget((event_loop, settle));
            return;
        };
        Python::attach(|py| {
            let scores = all(slots).unwrap_or_default();
            // Where the loop is closed, nobody waits any more.
            drop(event_loop.call_method1(py, "call_soon_threadsafe", (&settle, scores)));
            drop((event_loop, settle));
        });
    };
    submit(reward, submissions, &cancel, done)?;
    Ok(Pending(cancel))
}
