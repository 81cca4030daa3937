//! Plugins that are components: the contract of `sdk/wit`, called through the component model.
//!
//! The records here mirror `sdk/wit/types.wit`; wasmtime compares them with the plugin's own types whenever a
//! function is looked up.

use std::char::DecodeUtf16Error;
use std::str::Utf8Error;

use gavel_verify::{Description, Failure, Submission, Verdict};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, InstancePre, Lift, Linker, Lower,
    TypedFunc, WasmList, WasmStr,
};
use wasmtime::{Engine, Store};

use crate::clock::{Clock, shadow_timers};
use crate::failure::{classify, is_about_the_call, is_the_guests};
use crate::guest::{Guest, Wasi, closed_world, limited_store, seed};
use crate::interpreter::EXECUTION;
use crate::program::Programs;
use crate::verifier::{Judged, Stop};
use crate::{Interpreters, Limits, LoadError};

/// The export that makes a component a plugin.
const VERIFIER: &str = "gavel:verifier/verifier@0.1.0";

/// The interface that a code verifier imports, in whichever version.
const INTERPRETER: &str = "gavel:verifier/interpreter";

/// The packages of WASI 0.2 that a plugin may import. They are all there, and grant nothing.
const WASI: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// What every component may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest<Wasi>>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    shadow_timers(&mut linker)?;
    Ok(linker)
}

/// A component that implements the contract, ready to be instantiated.
pub(crate) struct ComponentCode {
    instance: InstancePre<Guest<Wasi>>,
    describe: ComponentExportIndex,
    verify: ComponentExportIndex,
}

impl ComponentCode {
    /// Checks that a component has what gavel needs and needs what gavel has.
    pub(crate) fn link(
        component: &Component,
        linker: &Linker<Guest<Wasi>>,
        plugin: &str,
    ) -> Result<Self, LoadError> {
        check_imports(component, plugin, true)?;
        let interface = component.get_export_index(None, VERIFIER);
        let function =
            |name| interface.as_ref().and_then(|interface| component.get_export_index(Some(interface), name));
        let (Some(describe), Some(verify)) = (function("describe"), function("verify")) else {
            if component.get_export_index(None, EXECUTION).is_some() {
                return Err(LoadError::Interpreter { plugin: plugin.to_owned() });
            }
            return Err(LoadError::Contract {
                plugin: plugin.to_owned(),
                wanted: format!("the export `{VERIFIER}`"),
                found: listed(&exports(component)),
            });
        };
        let instance = linker.instantiate_pre(component).map_err(|error| wrong_imports(plugin, &error))?;
        Ok(Self { instance, describe, verify })
    }

    pub(crate) fn component(&self) -> &Component {
        self.instance.component()
    }

    /// What the plugin says of itself. Also proves that its functions have the contract's types.
    pub(crate) fn describe(&self, limits: &Limits, plugin: &str) -> Result<Description, LoadError> {
        let failed = |store: &Store<Guest<Wasi>>, error: &wasmtime::Error| LoadError::Describe {
            plugin: plugin.to_owned(),
            source: classify(error, &store.data().growth, limits),
        };
        let mut store = self.store(limits, 0, None).map_err(|error| LoadError::Compile {
            plugin: plugin.to_owned(),
            reason: format!("{error:#}"),
        })?;
        let instance = self.instance.instantiate(&mut store).map_err(|error| failed(&store, &error))?;
        // Looking a function up fails only where its type is another.
        let wrong_type = |error: wasmtime::Error| LoadError::Contract {
            plugin: plugin.to_owned(),
            wanted: format!("functions with the types of `{VERIFIER}`"),
            found: format!("{error:#}"),
        };
        instance
            .get_typed_func::<VerifyParams<'_>, (Answer<WireVerdict, WireError>,)>(&mut store, &self.verify)
            .map_err(wrong_type)?;
        let describe: TypedFunc<(), (WireDescription,)> =
            instance.get_typed_func(&mut store, self.describe).map_err(wrong_type)?;
        let (description,) = describe.call(&mut store, ()).map_err(|error| failed(&store, &error))?;
        Ok(description.into())
    }

    /// Judges one submission in an instance of its own.
    pub(crate) fn judge(
        &self,
        submission: &Submission,
        options: &str,
        limits: &Limits,
        interpreters: Option<&Interpreters>,
    ) -> Judged {
        let (called, store) = match self.call(submission, options, limits, interpreters) {
            Ok(called) => called,
            Err(error) => return Judged::broken(&error),
        };
        let own = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let fuel = own.saturating_add(store.data().programs.fuel());
        let result = match called {
            Ok(answer) => accept(answer, limits),
            Err(error) if self.is_too_large(&error, submission, options, limits, interpreters) => {
                Err(too_large(limits))
            }
            Err(error) => Err(Stop::Failed(classify(&error, &store.data().growth, limits))),
        };
        Judged { result, fuel }
    }

    /// Whether an answer that could not be taken over was merely too large.
    ///
    /// The engine stops copying at the limit and reports it by an error that cannot be told from others. Plugins
    /// are deterministic, so the same question is asked once more and the answer looked at where it lies, without
    /// a copy: if that works, there was nothing wrong with it but its size.
    fn is_too_large(
        &self,
        error: &wasmtime::Error,
        submission: &Submission,
        options: &str,
        limits: &Limits,
        interpreters: Option<&Interpreters>,
    ) -> bool {
        let damaged = error.is::<Utf8Error>() || error.is::<DecodeUtf16Error>();
        if damaged || !is_about_the_call(error) {
            return false;
        }
        let uncapped = Limits { output: usize::MAX, ..limits.clone() };
        let again =
            self.call::<Answer<UncopiedVerdict, UncopiedError>>(submission, options, &uncapped, interpreters);
        matches!(again, Ok((Ok(_), _)))
    }

    /// Calls `verify` in a fresh instance. The outer error is gavel's, the inner one the guest's.
    fn call<A>(
        &self,
        submission: &Submission,
        options: &str,
        limits: &Limits,
        interpreters: Option<&Interpreters>,
    ) -> wasmtime::Result<(wasmtime::Result<A>, Store<Guest<Wasi>>)>
    where
        A: Lift + 'static,
        (A,): ComponentNamedList + Lift,
    {
        let mut store = self.store(limits, seed(submission, options), interpreters)?;
        let instance = match self.instance.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) if is_the_guests(&error, &store.data().growth) => return Ok((Err(error), store)),
            Err(error) => return Err(error),
        };
        let verify = instance.get_typed_func::<VerifyParams<'_>, (A,)>(&mut store, &self.verify)?;
        let answer = verify.call(&mut store, (WireSubmission::of(submission), options));
        Ok((answer.map(|(answer,)| answer), store))
    }

    fn store(
        &self,
        limits: &Limits,
        seed: u64,
        interpreters: Option<&Interpreters>,
    ) -> wasmtime::Result<Store<Guest<Wasi>>> {
        let clock = Clock::new();
        let wasi = Wasi::new(closed_world(&clock, seed).build());
        let programs = interpreters.map_or_else(Programs::none, |interpreters| {
            Programs::with(interpreters.clone(), limits.programs.clone(), seed)
        });
        limited_store(self.instance.engine(), limits, clock, wasi, programs)
    }
}

/// The full names of what a component imports.
pub(crate) fn imports(component: &Component) -> Vec<String> {
    component.component_type().imports(component.engine()).map(|(name, _)| name.to_owned()).collect()
}

/// The full names of what a component exports.
pub(crate) fn exports(component: &Component) -> Vec<String> {
    component.component_type().exports(component.engine()).map(|(name, _)| name.to_owned()).collect()
}

/// Checks that a component imports nothing but WASI, and where `programs` says so, the interface that runs programs.
pub(crate) fn check_imports(component: &Component, plugin: &str, programs: bool) -> Result<(), LoadError> {
    let engine = component.engine();
    for (name, import) in component.component_type().imports(engine) {
        let (plugin, import_name) = (plugin.to_owned(), name.to_owned());
        match import.ty {
            // An interface of types alone needs nobody to implement it.
            ComponentItem::ComponentInstance(instance)
                if instance
                    .exports(engine)
                    .all(|(_, export)| matches!(export.ty, ComponentItem::Type(_))) => {}
            ComponentItem::ComponentInstance(_) if is_wasi(name) => {}
            ComponentItem::ComponentInstance(_) if programs && is_interpreter(name) => {}
            _ => return Err(LoadError::UnknownImport { plugin, import: import_name }),
        }
    }
    Ok(())
}

fn is_wasi(import: &str) -> bool {
    let known = WASI.iter().any(|package| import.starts_with(package));
    known && import.split('@').nth(1).is_some_and(|version| version.starts_with("0.2."))
}

/// Whether this import is the interface that runs programs, in a version that gavel knows.
pub(crate) fn is_interpreter(import: &str) -> bool {
    import.split_once('@').is_some_and(|(name, version)| name == INTERPRETER && version.starts_with("0.1."))
}

/// The error for imports with the right names and the wrong types.
pub(crate) fn wrong_imports(plugin: &str, error: &wasmtime::Error) -> LoadError {
    LoadError::Contract {
        plugin: plugin.to_owned(),
        wanted: "imports as gavel's contract and WASI 0.2 declare them".to_owned(),
        found: format!("{error:#}"),
    }
}

pub(crate) fn listed(names: &[String]) -> String {
    if names.is_empty() { "no exports".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

fn too_large(limits: &Limits) -> Stop {
    Stop::Failed(Failure::OutputTooLarge { limit: limits.output as u64 })
}

/// Turns a well-formed answer into a verdict, unless it is larger than allowed.
fn accept(answer: Answer<WireVerdict, WireError>, limits: &Limits) -> Result<Verdict, Stop> {
    let size = match &answer {
        Ok(verdict) => {
            let names = verdict.metrics.iter().map(|(name, _)| name.len() + size_of::<f64>());
            names.sum::<usize>() + verdict.reason.as_ref().map_or(0, String::len)
        }
        Err(error) => error.text().len(),
    };
    if size > limits.output {
        return Err(too_large(limits));
    }
    match answer {
        Ok(WireVerdict { reward, reason, metrics }) => Ok(Verdict { reward, reason, metrics }),
        Err(WireError::InvalidOptions(text)) => Err(Stop::InvalidOptions(text)),
        Err(WireError::InvalidTask(text)) => Err(Stop::Failed(Failure::InvalidTask(text))),
        Err(WireError::Abstain(text)) => Err(Stop::Failed(Failure::Abstained(text))),
        Err(WireError::InternalError(text)) => Err(Stop::Failed(Failure::InternalError(text))),
    }
}

/// What `verify` answers.
type Answer<V, E> = Result<V, E>;

/// What `verify` is called with: a submission, and the options as JSON.
type VerifyParams<'a> = (WireSubmission<'a>, &'a str);

#[derive(ComponentType, Lower)]
#[component(record)]
struct WireSubmission<'a> {
    prompt: &'a str,
    completion: &'a str,
    reference: Option<&'a str>,
    metadata: &'a str,
}

impl<'a> WireSubmission<'a> {
    fn of(submission: &'a Submission) -> Self {
        let metadata = submission.metadata.as_str();
        Self {
            prompt: &submission.prompt,
            completion: &submission.completion,
            reference: submission.reference.as_deref(),
            metadata: if metadata.is_empty() { "{}" } else { metadata },
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct WireVerdict {
    reward: f64,
    reason: Option<String>,
    metrics: Vec<(String, f64)>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum WireError {
    #[component(name = "invalid-options")]
    InvalidOptions(String),
    #[component(name = "invalid-task")]
    InvalidTask(String),
    #[component(name = "abstain")]
    Abstain(String),
    #[component(name = "internal-error")]
    InternalError(String),
}

impl WireError {
    fn text(&self) -> &str {
        let (Self::InvalidOptions(text)
        | Self::InvalidTask(text)
        | Self::Abstain(text)
        | Self::InternalError(text)) = self;
        text
    }
}

/// A verdict that stays in the guest's memory.
#[expect(dead_code, reason = "only whether it can be read is of interest")]
#[derive(ComponentType, Lift)]
#[component(record)]
struct UncopiedVerdict {
    reward: f64,
    reason: Option<WasmStr>,
    metrics: WasmList<(WasmStr, f64)>,
}

/// An error that stays in the guest's memory.
#[expect(dead_code, reason = "only whether it can be read is of interest")]
#[derive(ComponentType, Lift)]
#[component(variant)]
enum UncopiedError {
    #[component(name = "invalid-options")]
    InvalidOptions(WasmStr),
    #[component(name = "invalid-task")]
    InvalidTask(WasmStr),
    #[component(name = "abstain")]
    Abstain(WasmStr),
    #[component(name = "internal-error")]
    InternalError(WasmStr),
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct WireDescription {
    name: String,
    version: String,
    summary: String,
    options: String,
    metrics: Vec<String>,
}

impl From<WireDescription> for Description {
    fn from(wire: WireDescription) -> Self {
        let WireDescription { name, version, summary, options, metrics } = wire;
        Self { name, version, summary, options, metrics }
    }
}
