//! A plugin with options and limits: one fresh instance for every submission.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use gavel_verify::{Description, Failure, Outcome, Submission, Verdict, Verifier};

use crate::plugin::Code;
use crate::{Limits, LoadError, Plugin, STACK};

/// Judges submissions with one plugin, one set of options and one set of limits. Cheap to clone.
///
/// Judging runs on the calling thread, which needs [`STACK`](crate::STACK) bytes of stack and must not be an async
/// task's; it waits for a free slot of the host first. The default of `std::thread`, 2 MiB, is enough where the
/// plugin is granted no interpreters.
#[derive(Debug, Clone)]
pub struct WasmVerifier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plugin: Plugin,
    options: String,
    limits: Limits,
}

/// What became of a guest.
pub(crate) struct Judged {
    pub(crate) result: Result<Verdict, Stop>,
    pub(crate) fuel: u64,
}

/// Why there is no verdict. Wrong options are kept apart, since they are an error when a plugin is loaded.
pub(crate) enum Stop {
    InvalidOptions(String),
    Failed(Failure),
}

impl Judged {
    /// The guest was not run.
    pub(crate) fn refused(reason: String) -> Self {
        Self { result: Err(Stop::Failed(Failure::Refused(reason))), fuel: 0 }
    }

    /// gavel failed to run the guest: the machine is out of memory or address space.
    pub(crate) fn broken(error: &wasmtime::Error) -> Self {
        tracing::error!("cannot run a plugin: {error:#}");
        Self::refused(format!("the host could not run the plugin: {error:#}"))
    }
}

impl WasmVerifier {
    /// Asks the plugin for its opinion of the options.
    pub(crate) fn probe(plugin: Plugin, options: String, limits: Limits) -> Result<Self, LoadError> {
        let inner = Inner { plugin, options, limits };
        let judge = || inner.judge(&Submission::default()).0.result;
        // Whoever loads a plugin need not have the stack of a thread that judges.
        let result = if inner.plugin.interpreters().is_some() { on_judging_stack(judge) } else { judge() };
        match result {
            Err(Stop::InvalidOptions(reason)) => {
                Err(LoadError::InvalidOptions { plugin: inner.plugin.name().to_owned(), reason })
            }
            // What else a plugin thinks of an empty submission is its own affair.
            _ => Ok(Self(Arc::new(inner))),
        }
    }

    /// The plugin that judges.
    pub fn plugin(&self) -> &Plugin {
        &self.0.plugin
    }

    /// The options it judges with, a JSON object as text.
    pub fn options(&self) -> &str {
        &self.0.options
    }

    /// What one submission may cost.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

impl Verifier for WasmVerifier {
    fn description(&self) -> &Description {
        self.0.plugin.description()
    }

    fn verify(&self, submission: &Submission) -> Outcome {
        let (judged, started) = self.0.judge(submission);
        let result = judged.result.map_err(|stop| match stop {
            Stop::Failed(failure) => failure,
            // Only a plugin that reads its options after the submission comes here.
            Stop::InvalidOptions(reason) => {
                Failure::InternalError(format!("its options are wrong: {reason}"))
            }
        });
        Outcome { result, fuel: judged.fuel, elapsed: started.elapsed() }
    }
}

impl Inner {
    /// Also tells when it started, since waiting for a slot is no time of the plugin's.
    fn judge(&self, submission: &Submission) -> (Judged, Instant) {
        let (code, slots) = self.plugin.here();
        let _slot = slots.take();
        let started = Instant::now();
        let size = self.options.len() + size_of_texts(submission);
        if size > self.limits.input {
            let limit = self.limits.input;
            return (Judged::refused(format!("the submission has {size} bytes, more than {limit}")), started);
        }
        let mut judged = match code {
            Code::Component(code) => {
                code.judge(submission, &self.options, &self.limits, self.plugin.interpreters())
            }
            Code::Command(code) => code.judge(submission, &self.options, &self.limits),
        };
        if let Ok(verdict) = &judged.result
            && let Err(reason) = self.check(verdict)
        {
            judged.result = Err(Stop::Failed(Failure::Refused(reason)));
        }
        (judged, started)
    }

    /// Holds a verdict against what the types of the contract cannot say.
    fn check(&self, verdict: &Verdict) -> Result<(), String> {
        if !verdict.reward.is_finite() {
            return Err(format!("the reward is {}, not a finite number", verdict.reward));
        }
        let known = &self.plugin.description().metrics;
        for (name, value) in &verdict.metrics {
            if !value.is_finite() {
                return Err(format!("the metric `{name}` is {value}, not a finite number"));
            }
            if self.plugin.declares_metrics() && !known.contains(name) {
                return Err(format!("the metric `{name}` is not among those that the plugin describes"));
            }
        }
        Ok(())
    }
}

/// Runs `work` on a thread with enough stack or, where no thread can be had, on this one.
fn on_judging_stack<T: Send>(work: impl Fn() -> T + Send + Sync) -> T {
    let done = thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, &work);
        thread.ok()?.join().ok()
    });
    done.unwrap_or_else(work)
}

fn size_of_texts(submission: &Submission) -> usize {
    let Submission { prompt, completion, reference, metadata } = submission;
    prompt.len() + completion.len() + metadata.len() + reference.as_ref().map_or(0, String::len)
}
