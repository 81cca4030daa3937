//! A function of Python's as a verifier: called on a thread that judges, under Python's lock.
//!
//! `python/gavel_rl/_functions.py` calls it, so that whatever it raises or returns comes here as a kind of outcome with what
//! belongs to it.

use std::cell::Cell;
use std::time::Instant;

use gavel_verify::{Description, Failure, Outcome, Status, Submission, Verdict, Verifier};
use pyo3::prelude::*;

use crate::gate::Passing;

thread_local! {
    /// Whether this thread is judging with a function right now.
    static JUDGING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one that judges, and within a function: it cannot wait for others to judge.
pub(crate) fn is_judging() -> bool {
    JUDGING.get()
}

pub(crate) struct Function {
    description: Description,
    judge: Py<PyAny>,
}

/// What `Judge.__call__` returns.
type Said = (String, f64, Option<String>, Vec<(String, f64)>);

impl Function {
    pub(crate) fn new(name: &str, judge: Py<PyAny>) -> Self {
        Self { description: Description::named(name), judge }
    }

    fn ask(&self, submission: &Submission) -> Result<Verdict, Failure> {
        // The interpreter stays until the function has returned: what a thread does in Python while that is taken down ends
        // the process.
        let Some(_passing) = Passing::try_new() else {
            return Err(Failure::HostFailed("the interpreter is ending".to_owned()));
        };
        let Submission { prompt, completion, reference, metadata } = submission;
        JUDGING.set(true);
        let said = Python::attach(|py| {
            let said = self.judge.call1(py, (prompt, completion, reference, metadata));
            said.and_then(|said| said.extract::<Said>(py)).map_err(|error| error.to_string())
        });
        JUDGING.set(false);
        let (status, reward, reason, metrics) = said.map_err(Failure::InternalError)?;
        let text = || reason.clone().unwrap_or_default();
        match Status::from_name(&status) {
            Some(Status::Verdict) => Ok(Verdict { reward, reason, metrics }),
            Some(Status::Abstained) => Err(Failure::Abstained(text())),
            Some(Status::InvalidTask) => Err(Failure::InvalidTask(text())),
            Some(Status::Refused) => Err(Failure::Refused(text())),
            Some(Status::HostFailed) => Err(Failure::HostFailed(text())),
            _ => Err(Failure::InternalError(text())),
        }
    }
}

impl Verifier for Function {
    fn description(&self) -> &Description {
        &self.description
    }

    fn verify(&self, submission: &Submission) -> Outcome {
        let asked = Instant::now();
        match self.ask(submission) {
            Ok(verdict) => Outcome::verdict(verdict, asked.elapsed()),
            Err(failure) => Outcome::failure(failure, asked.elapsed()),
        }
    }
}
