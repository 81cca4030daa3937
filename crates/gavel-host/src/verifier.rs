//! A plugin with options and limits: one fresh instance for every submission.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use gavel_verify::{Cancel, Description, Failure, Outcome, Submission, Verdict, Verifier};

use crate::asked::Asked;
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

/// What a guest said of each submission, in their order; or why it said nothing of any of them.
pub(crate) type Verdicts = Result<Vec<Result<Verdict, Stop>>, Stop>;

/// What became of a guest.
pub(crate) struct Judged {
    pub(crate) results: Verdicts,
    /// Instructions spent; `None` where that is not known.
    pub(crate) fuel: Option<u64>,
    /// What it wrote, where the host keeps that.
    pub(crate) output: Option<String>,
}

/// Why there is no verdict. Wrong options are kept apart, since they are an error when a plugin is loaded.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    InvalidOptions(String),
    Failed(Failure),
}

impl Judged {
    fn failed(failure: Failure) -> Self {
        Self { results: Err(Stop::Failed(failure)), fuel: None, output: None }
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

    /// What it said of the first submission.
    fn first(self) -> Result<Verdict, Stop> {
        self.results.and_then(|mut results| results.swap_remove(0))
    }
}

impl WasmVerifier {
    /// Asks the plugin for its opinion of the options, within limits of gavel's own.
    pub(crate) fn probe(plugin: Plugin, options: String, limits: Limits) -> Result<Self, LoadError> {
        let small = plugin.loading_limits().least(&limits);
        let inner = Inner { plugin, options, limits: small };
        let name = || inner.plugin.name().to_owned();
        let judged = on_judging_stack(inner.plugin.name(), || {
            inner.judge(Asked::one(&Submission::default()), &Cancel::new(), &inner.limits).0.first()
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
        self.0.outcomes(Asked::one(submission), cancel, &self.0.limits).swap_remove(0)
    }

    fn verify_within(&self, submission: &Submission, cancel: &Cancel, limits: &Limits) -> Outcome {
        let limits = self.0.limits.least(limits);
        self.0.outcomes(Asked::one(submission), cancel, &limits).swap_remove(0)
    }

    fn judges_groups(&self) -> bool {
        self.0.plugin.judges_groups()
    }

    fn verify_group(
        &self,
        submissions: &[&Submission],
        cancel: &Cancel,
        limits: Option<&Limits>,
    ) -> Vec<Outcome> {
        let own = &self.0.limits;
        let limits = limits.map_or_else(|| own.clone(), |limits| own.least(limits));
        if !self.judges_groups() {
            let judge = |submission: &&Submission| self.verify_within(submission, cancel, &limits);
            return submissions.iter().map(judge).collect();
        }
        let asked = Asked::group(submissions);
        asked.map_or_else(Vec::new, |asked| self.0.outcomes(asked, cancel, &limits))
    }
}

impl Inner {
    /// An outcome for each submission.
    fn outcomes(&self, asked: Asked<'_>, cancel: &Cancel, limits: &Limits) -> Vec<Outcome> {
        let (started, count) = (Instant::now(), asked.count());
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge(asked, cancel, limits)));
        let (judged, started) = judged.unwrap_or_else(|_| {
            tracing::error!("gavel panicked while judging; this is a bug");
            (Judged::failed(Failure::HostFailed("gavel panicked".to_owned())), started)
        });
        let Judged { results, fuel, mut output } = judged;
        // What one call cost is shared, so that the sum over all submissions is the whole; the first has what is left.
        let share = |place: usize| {
            let (each, left) = fuel.map(|fuel| (fuel / count as u64, fuel % count as u64))?;
            Some(if place == 0 { each + left } else { each })
        };
        let elapsed = started.elapsed() / u32::try_from(count).unwrap_or(u32::MAX);
        let results = results.unwrap_or_else(|stop| vec![Err(stop); count]);
        let outcome = |(place, result): (usize, Result<Verdict, Stop>)| {
            let result = result.map_err(|stop| match stop {
                Stop::Failed(failure) => failure,
                // Only a plugin that reads its options after the submission comes here.
                Stop::InvalidOptions(reason) => {
                    Failure::InternalError(format!("its options are wrong: {reason}"))
                }
            });
            Outcome { result, fuel: share(place), elapsed, output: output.take(), cached: false, call: None }
        };
        results.into_iter().enumerate().map(outcome).collect()
    }

    /// Also tells when it started, since waiting for a slot is no time of the plugin's.
    fn judge(&self, asked: Asked<'_>, cancel: &Cancel, limits: &Limits) -> (Judged, Instant) {
        let (code, slots) = self.plugin.here();
        let _slot = slots.take();
        let started = Instant::now();
        if self.plugin.host().watch().interrupted() || cancel.is_set() {
            return (Judged::interrupted(), started);
        }
        // Each of a group may be as large as one by itself.
        let size = self.options.len() + asked.largest();
        if size > limits.input {
            let limit = limits.input;
            return (Judged::refused(format!("the submission has {size} bytes, more than {limit}")), started);
        }
        let mut judged = match code {
            Code::Component(code) => {
                code.judge(asked, &self.options, limits, self.plugin.interpreters(), cancel)
            }
            Code::Command(code) => {
                let judges_groups = self.plugin.judges_groups();
                code.judge(asked, judges_groups, &self.options, limits, cancel)
            }
        };
        for result in judged.results.iter_mut().flatten() {
            if let Ok(verdict) = result
                && let Err(reason) = self.check(verdict)
            {
                *result = Err(Stop::Failed(Failure::Refused(reason)));
            }
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
