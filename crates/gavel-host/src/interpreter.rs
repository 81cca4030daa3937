//! Interpreters: components that run one untrusted program each time, for verifiers that are granted them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use wasmtime::component::{Component, ComponentExportIndex, ComponentType, InstancePre, Lift, TypedFunc};
use wasmtime::{ResourcesRequired, Store, Trap};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;

use crate::component::{check_imports, exports, listed, shown, wrong_imports};
use crate::failure::{
    HostFailed, Interrupted, classify, fuel_is_known, is_about_the_call, is_the_guests, message, told,
};
use crate::guest::{COMPONENT_CALL, Growth, Guest, Wasi, World, limited_store};
use crate::lane::{Lane, PerLane};
use crate::pipe::Capped;
use crate::plugin::check_size;
use crate::program::{Ending, Program, ProgramOutcome, Programs, Spent};
use crate::ticker::Watch;
use crate::{Host, Limits, LoadError, ProgramLimits};

/// The export that makes a component an interpreter.
pub(crate) const EXECUTION: &str = "gavel:verifier/execution@0.1.0";

/// What an interpreter runs, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    /// As a plugin asks for it, such as `python`.
    pub name: String,
    /// Version of the language's implementation, such as `3.14.0`.
    pub version: String,
    /// One sentence on what programs find there and what they do not.
    pub summary: String,
}

/// An interpreter component, compiled and checked. Cheap to clone; keeps its host alive.
#[derive(Clone)]
pub struct Interpreter(Arc<LoadedInterpreter>);

/// An interpreter that others may have let go.
pub(crate) struct WeakInterpreter(Weak<LoadedInterpreter>);

impl WeakInterpreter {
    pub(crate) fn upgrade(&self) -> Option<Interpreter> {
        self.0.upgrade().map(Interpreter)
    }
}

/// What loading an interpreter finds out.
pub(crate) struct LoadedInterpreter {
    pub(crate) host: Host,
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) language: Language,
    /// What an instance takes before it runs; unknown for some composed components.
    pub(crate) required: Option<ResourcesRequired>,
    pub(crate) code: PerLane<InterpreterCode>,
}

impl Interpreter {
    pub(crate) fn new(loaded: LoadedInterpreter) -> Self {
        Self(Arc::new(loaded))
    }

    pub(crate) fn downgrade(&self) -> WeakInterpreter {
        WeakInterpreter(Arc::downgrade(&self.0))
    }

    /// The path or name that it was loaded by.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// sha256 of the file, in hex.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The full names of what it imports.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// The full names of what it exports.
    pub fn exports(&self) -> &[String] {
        &self.0.exports
    }

    /// What it runs.
    pub fn language(&self) -> &Language {
        &self.0.language
    }

    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    /// Whether an instance fits into what a program may have.
    pub(crate) fn check_size(&self, limits: &ProgramLimits) -> Result<(), LoadError> {
        let tables = Limits::default().table_elements;
        check_size(self.name(), self.0.required.as_ref(), limits.memory, tables)
    }

    /// Runs a program in an instance of its own; also gives the instructions that it spent. The error is gavel's.
    ///
    /// Whoever calls this holds a slot for a plugin already. That makes no deadlock: slots of interpreters are apart
    /// from those of plugins, and who holds one never waits for anything.
    pub(crate) fn run(
        &self,
        program: Program,
        limits: &ProgramLimits,
        seed: u64,
        watch: &Watch,
    ) -> wasmtime::Result<(ProgramOutcome, Spent)> {
        let failed = |error: wasmtime::Error| error.context(HostFailed::new("a program could not be run"));
        let lanes = self.0.host.interpreter_lanes();
        let lanes = lanes.map_err(|error| failed(wasmtime::format_err!("{error}")))?;
        let (code, slots) = self.0.code.here(lanes, |lane| self.code_in(lane));
        let _slot = slots.take();
        match code.run(program, limits, seed, watch) {
            // Told anew: what the error carries of the program's store would be taken for the verifier's.
            Err(error) if error.is::<Interrupted>() => Err(Interrupted.into()),
            Err(error) => Err(failed(wasmtime::format_err!("{}", message(&error)))),
            ran => ran,
        }
    }

    /// Starts the calling thread's lane and loads the code into it. What fails here fails again, and is said, when a
    /// program is to be run.
    pub fn prepare(&self) {
        if let Ok(lanes) = self.0.host.interpreter_lanes() {
            self.0.code.here(lanes, |lane| self.code_in(lane));
        }
    }

    fn code_in(&self, lane: &Lane) -> Result<InterpreterCode, LoadError> {
        let LoadedInterpreter { host, name, digest, code, .. } = &*self.0;
        let component = host.again(code.first().instance.component(), digest, lane, name)?;
        InterpreterCode::link(&component, lane, name)
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("name", &self.name())
            .field("language", self.language())
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}

/// The interpreters that a plugin may run programs with, each by the name of its language. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Interpreters(Arc<BTreeMap<String, Interpreter>>);

impl Interpreters {
    /// The interpreter of a language.
    pub fn get(&self, language: &str) -> Option<&Interpreter> {
        self.0.get(language)
    }

    /// The names of the languages, in alphabetical order.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The interpreters, by their languages' names.
    pub fn iter(&self) -> impl Iterator<Item = &Interpreter> {
        self.0.values()
    }
}

impl FromIterator<Interpreter> for Interpreters {
    /// Of two interpreters of the same language, the last stays.
    fn from_iter<I: IntoIterator<Item = Interpreter>>(interpreters: I) -> Self {
        let named = |interpreter: Interpreter| (interpreter.language().name.clone(), interpreter);
        Self(Arc::new(interpreters.into_iter().map(named).collect()))
    }
}

/// A component that implements `execution`, ready to be instantiated.
pub(crate) struct InterpreterCode {
    instance: InstancePre<Guest<Wasi>>,
    describe: ComponentExportIndex,
    execute: ComponentExportIndex,
    watch: Watch,
}

impl InterpreterCode {
    /// Checks that a component is an interpreter and needs nothing but WASI.
    pub(crate) fn link(component: &Component, lane: &Lane, name: &str) -> Result<Self, LoadError> {
        // An interpreter that could run programs through another would make the depth of nesting its own choice.
        check_imports(component, name, false)?;
        let interface = component.get_export_index(None, EXECUTION);
        let function =
            |name| interface.as_ref().and_then(|interface| component.get_export_index(Some(interface), name));
        let (Some(describe), Some(execute)) = (function("describe"), function("execute")) else {
            return Err(LoadError::Contract {
                plugin: name.to_owned(),
                wanted: format!("the export `{EXECUTION}`"),
                found: listed(&exports(component)),
            });
        };
        let instance =
            lane.components.instantiate_pre(component).map_err(|error| wrong_imports(name, &error))?;
        Ok(Self { instance, describe, execute, watch: lane.watch.clone() })
    }

    /// What the interpreter says of itself. Also proves that its functions have the contract's types.
    pub(crate) fn describe(&self, limits: &Limits, name: &str) -> Result<Language, LoadError> {
        let failed = |store: &Store<Guest<Wasi>>, error: &wasmtime::Error| {
            LoadError::describing(name, classify(error, &store.data().growth, limits), &self.watch)
        };
        let world = World::of(0);
        let wasi = Wasi::new(world.wasi().build());
        let store = self.store(&self.watch, limits, world, wasi);
        let mut store = store.map_err(|error| LoadError::host_failed(name, &error))?;
        let instance = match self.instance.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) if is_the_guests(&error, &store.data().growth) => return Err(failed(&store, &error)),
            Err(error) => return Err(LoadError::host_failed(name, &error)),
        };
        // Looking a function up fails only where its type is another.
        let wrong_type = |error: wasmtime::Error| LoadError::Contract {
            plugin: name.to_owned(),
            wanted: format!("functions with the types of `{EXECUTION}`"),
            found: format!("{error:#}"),
        };
        instance.get_typed_func::<(&str,), (WireEnd,)>(&mut store, &self.execute).map_err(wrong_type)?;
        let describe: TypedFunc<(), (WireLanguage,)> =
            instance.get_typed_func(&mut store, self.describe).map_err(wrong_type)?;
        let (WireLanguage { name, version, summary },) =
            describe.call(&mut store, ()).map_err(|error| failed(&store, &error))?;
        Ok(Language { name: shown(&name), version: shown(&version), summary })
    }

    fn store(
        &self,
        watch: &Watch,
        limits: &Limits,
        world: World,
        wasi: Wasi,
    ) -> wasmtime::Result<Store<Guest<Wasi>>> {
        let engine = self.instance.engine();
        limited_store(engine, watch, limits, COMPONENT_CALL, world, wasi, Programs::none())
    }

    /// Runs a program in a fresh instance; also gives the instructions that it spent. The error is gavel's.
    fn run(
        &self,
        program: Program,
        limits: &ProgramLimits,
        seed: u64,
        watch: &Watch,
    ) -> wasmtime::Result<(ProgramOutcome, Spent)> {
        let limits = Limits {
            fuel: program.fuel.min(limits.fuel),
            memory: program.memory.min(limits.memory),
            timeout: limits.timeout,
            output: limits.output,
            ..Limits::default()
        };
        let (stdout, stderr) = (Capped::new(limits.output), Capped::new(limits.output));
        let world = World::of(seed);
        let wasi = world
            .wasi()
            .stdin(MemoryInputPipe::new(program.stdin))
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .build();
        let mut store = self.store(watch, &limits, world, Wasi::new(wasi))?;
        let ended = match self.instance.instantiate(&mut store) {
            Ok(instance) => instance
                .get_typed_func::<(&str,), (WireEnd,)>(&mut store, &self.execute)?
                .call(&mut store, (&program.source,))
                .map(|(end,)| end),
            Err(error) if is_the_guests(&error, &store.data().growth) => Err(error),
            Err(error) => return Err(error),
        };
        let ended = match ended {
            Err(error) if error.is::<HostFailed>() || error.is::<Interrupted>() => return Err(error),
            ended => ended,
        };
        let fuel = Spent {
            fuel: limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
            known: ended.as_ref().err().is_none_or(fuel_is_known),
        };
        let ((stdout, too_large), (stderr, too_large_too)) = (stdout.contents(), stderr.contents());
        let ending = match ended {
            _ if too_large || too_large_too => Ending::OutputTooLarge,
            Ok(WireEnd::Exited(code)) => Ending::Exited(code),
            Ok(WireEnd::Raised) => Ending::Raised,
            Err(error) => ending(&error, &store.data().growth),
        };
        Ok((ProgramOutcome { ending, stdout: stdout.into(), stderr: stderr.into() }, fuel))
    }
}

/// How a program ended whose interpreter did not come back.
fn ending(error: &wasmtime::Error, growth: &Growth) -> Ending {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        // Only the lowest byte of a code reaches a parent, as on POSIX systems.
        return Ending::Exited((code & 0xff) as u8);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Ending::OutOfFuel,
        Some(Trap::Interrupt) => Ending::Deadline,
        // An endless recursion may have been refused memory on its way, but that is not what ended it.
        Some(trap @ Trap::StackOverflow) => Ending::Trapped(told(*trap)),
        _ if growth.refused() => Ending::OutOfMemory,
        Some(trap) => Ending::Trapped(trap.to_string()),
        None if is_about_the_call(error) => {
            Ending::Trapped(format!("the interpreter breaks its contract: {error:#}"))
        }
        None => Ending::Trapped(message(error)),
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct WireLanguage {
    name: String,
    version: String,
    summary: String,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum WireEnd {
    #[component(name = "exited")]
    Exited(u8),
    #[component(name = "raised")]
    Raised,
}
