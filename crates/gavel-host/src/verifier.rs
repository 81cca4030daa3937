//! A plugin with options and limits: one fresh instance for every submission.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use gavel_verify::{Cancel, Description, Failure, Outcome, Submission, Verdict, Verifier};

use crate::component::shown;
use crate::failure::Interrupted;
use crate::plugin::Code;
use crate::{Limits, LoadError, Plugin, STACK, options};

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
    /// Instructions spent; `None` where that is not known.
    pub(crate) fuel: Option<u64>,
    /// What it wrote, where the host keeps that.
    pub(crate) output: Option<String>,
}

/// Why there is no verdict. Wrong options are kept apart, since they are an error when a plugin is loaded.
pub(crate) enum Stop {
    InvalidOptions(String),
    Failed(Failure),
}

impl Judged {
    fn failed(failure: Failure) -> Self {
        Self { result: Err(Stop::Failed(failure)), fuel: None, output: None }
    }

    /// The guest was not run.
    pub(crate) fn refused(reason: String) -> Self {
        Self { fuel: Some(0), ..Self::failed(Failure::Refused(reason)) }
    }

    /// gavel failed to run the guest: the machine is out of memory or address space.
    pub(crate) fn broken(error: &wasmtime::Error) -> Self {
        tracing::error!("cannot run a plugin: {error:#}");
        Self::failed(Failure::HostFailed(format!("cannot run the plugin: {error:#}")))
    }

    fn interrupted() -> Self {
        Self::failed(Failure::HostFailed(Interrupted.to_string()))
    }
}

impl WasmVerifier {
    /// Asks the plugin for its opinion of the options, within limits of gavel's own.
    pub(crate) fn probe(plugin: Plugin, options: String, limits: Limits) -> Result<Self, LoadError> {
        let small = plugin.loading_limits().least(&limits);
        let inner = Inner { plugin, options, limits: small };
        let name = || inner.plugin.name().to_owned();
        let judged = on_judging_stack(inner.plugin.name(), || {
            inner.judge(&Submission::default(), &Cancel::new(), &inner.limits).0.result
        })?;
        match judged {
            Err(Stop::InvalidOptions(reason)) => {
                let reason = options::explained(reason, &inner.plugin.description().options);
                Err(LoadError::InvalidOptions { plugin: name(), reason })
            }
            Err(Stop::Failed(failure @ Failure::HostFailed(_))) => {
                let watch = inner.plugin.host().watch();
                Err(LoadError::describing(inner.plugin.name(), failure, watch))
            }
            // What else a plugin thinks of an empty submission is its own affair.
            _ => Ok(Self(Arc::new(Inner { limits, ..inner }))),
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
        self.verify_until(submission, &Cancel::new())
    }

    fn prepare(&self) {
        self.0.plugin.prepare();
    }

    fn verify_until(&self, submission: &Submission, cancel: &Cancel) -> Outcome {
        self.verify_with(submission, cancel, &self.0.limits)
    }

    fn verify_within(&self, submission: &Submission, cancel: &Cancel, limits: &Limits) -> Outcome {
        self.verify_with(submission, cancel, &self.0.limits.least(limits))
    }
}

impl WasmVerifier {
    fn verify_with(&self, submission: &Submission, cancel: &Cancel, limits: &Limits) -> Outcome {
        let started = Instant::now();
        let judged = catch_unwind(AssertUnwindSafe(|| self.0.judge(submission, cancel, limits)));
        let (judged, started) = judged.unwrap_or_else(|_| {
            tracing::error!("gavel panicked while judging; this is a bug");
            (Judged::failed(Failure::HostFailed("gavel panicked".to_owned())), started)
        });
        let result = judged.result.map_err(|stop| match stop {
            Stop::Failed(failure) => failure,
            // Only a plugin that reads its options after the submission comes here.
            Stop::InvalidOptions(reason) => {
                Failure::InternalError(format!("its options are wrong: {reason}"))
            }
        });
        Outcome {
            result,
            fuel: judged.fuel,
            elapsed: started.elapsed(),
            output: judged.output,
            cached: false,
            call: None,
        }
    }
}

impl Inner {
    /// Also tells when it started, since waiting for a slot is no time of the plugin's.
    fn judge(&self, submission: &Submission, cancel: &Cancel, limits: &Limits) -> (Judged, Instant) {
        let (code, slots) = self.plugin.here();
        let _slot = slots.take();
        let started = Instant::now();
        if self.plugin.host().watch().interrupted() || cancel.is_set() {
            return (Judged::interrupted(), started);
        }
        let size = self.options.len() + size_of_texts(submission);
        if size > limits.input {
            let limit = limits.input;
            return (Judged::refused(format!("the submission has {size} bytes, more than {limit}")), started);
        }
        let mut judged = match code {
            Code::Component(code) => {
                code.judge(submission, &self.options, limits, self.plugin.interpreters(), cancel)
            }
            Code::Command(code) => code.judge(submission, &self.options, limits, cancel),
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
        let mut said = HashSet::new();
        for (name, value) in &verdict.metrics {
            let shown = || shown(name);
            if !value.is_finite() {
                return Err(format!("the metric `{}` is {value}, not a finite number", shown()));
            }
            if self.plugin.declares_metrics() && !known.contains(name) {
                return Err(format!("the metric `{}` is not among those that the plugin describes", shown()));
            }
            if !said.insert(name) {
                return Err(format!("the metric `{}` stands there twice", shown()));
            }
        }
        // A formula that needs it would have no value, and so the completion no reward.
        match known.iter().find(|&name| !said.contains(name)) {
            Some(missing) => {
                Err(format!("the metric `{}`, which the plugin describes, is missing", shown(missing)))
            }
            None => Ok(()),
        }
    }
}

/// Runs `work` on a thread with enough stack: whoever loads a plugin need not have that of a thread that judges.
pub(crate) fn on_judging_stack<T: Send>(
    plugin: &str,
    work: impl FnOnce() -> T + Send,
) -> Result<T, LoadError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("gavel-load".to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, work).map_err(|error| LoadError::HostFailed {
            plugin: plugin.to_owned(),
            reason: format!("cannot start a thread: {error}"),
        })?;
        thread.join().map_err(|_| LoadError::HostFailed {
            plugin: plugin.to_owned(),
            reason: "gavel panicked; this is a bug".to_owned(),
        })
    })
}

fn size_of_texts(submission: &Submission) -> usize {
    let Submission { prompt, completion, reference, metadata } = submission;
    prompt.len() + completion.len() + metadata.len() + reference.as_ref().map_or(0, String::len)
}
