//! A loaded plugin file: what it is, and how it becomes a verifier.

use std::fmt;
use std::sync::Arc;

use gavel_verify::Description;
use serde_json::{Map, Value};
use wasmtime::ResourcesRequired;

use crate::command::CommandCode;
use crate::component::{ComponentCode, is_interpreter};
use crate::lane::{Lane, PerLane};
use crate::slots::Slots;
use crate::{Host, Interpreter, Interpreters, Limits, LoadError, WasmVerifier};

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// The two kinds of file that gavel takes. The host tells them apart by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A component that exports `gavel:verifier/verifier`, or `gavel:verifier/group-verifier`.
    Component,
    /// A core module with `_start` (WASI preview 1): one JSON submission on stdin, one JSON verdict on stdout.
    WasiCommand,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "component",
            Self::WasiCommand => "WASI command",
        })
    }
}

/// A plugin, compiled and checked. Cheap to clone; keeps its host alive.
#[derive(Clone)]
pub struct Plugin {
    loaded: Arc<Loaded>,
    /// `None` where nothing was granted, which is not the same as none.
    interpreters: Option<Interpreters>,
}

/// What loading a file finds out.
pub(crate) struct Loaded {
    pub(crate) host: Host,
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) description: Description,
    /// Whether it judges the completions of a prompt together.
    pub(crate) judges_groups: bool,
    /// What an instance takes before it runs; unknown for some composed components.
    pub(crate) required: Option<ResourcesRequired>,
    pub(crate) code: PerLane<Code>,
}

/// Compiled code of either format.
pub(crate) enum Code {
    Component(ComponentCode),
    Command(CommandCode),
}

impl Plugin {
    pub(crate) fn new(loaded: Loaded) -> Self {
        Self { loaded: Arc::new(loaded), interpreters: None }
    }

    /// The same plugin, allowed to run programs with these interpreters.
    #[must_use]
    pub fn grant(self, interpreters: Interpreters) -> Self {
        Self { interpreters: Some(interpreters), ..self }
    }

    /// What it was granted; `None` where nothing was.
    pub fn interpreters(&self) -> Option<&Interpreters> {
        self.interpreters.as_ref()
    }

    /// Whether it runs programs: then it becomes a verifier only with a [grant](Self::grant).
    pub fn runs_programs(&self) -> bool {
        self.imports().iter().any(|import| is_interpreter(import))
    }

    /// The path or name that it was loaded by.
    pub fn name(&self) -> &str {
        &self.loaded.name
    }

    /// sha256 of the file, in hex.
    pub fn digest(&self) -> &str {
        &self.loaded.digest
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.loaded.size
    }

    /// Which kind of file it is.
    pub fn format(&self) -> Format {
        match self.loaded.code.first() {
            Code::Component(_) => Format::Component,
            Code::Command(_) => Format::WasiCommand,
        }
    }

    /// The full names of what it imports.
    pub fn imports(&self) -> &[String] {
        &self.loaded.imports
    }

    /// The full names of what it exports.
    pub fn exports(&self) -> &[String] {
        &self.loaded.exports
    }

    /// Whether it judges the completions of a prompt together.
    pub fn judges_groups(&self) -> bool {
        self.loaded.judges_groups
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.loaded.description
    }

    /// A verifier with these options (a JSON object as text; empty text means `{}`) and limits.
    ///
    /// Judges one empty submission, since a plugin checks its options first. That is done within limits of gavel's own,
    /// where `limits` are not lower still.
    ///
    /// # Errors
    /// [`LoadError::NotGranted`] when the plugin runs programs and was granted no interpreters,
    /// [`LoadError::InvalidOptions`] when the options are no JSON object or not what the plugin takes, and
    /// [`LoadError::TooLarge`] when the plugin, or an interpreter, needs more from the start than `limits` allow.
    pub fn verifier(&self, options: &str, limits: &Limits) -> Result<WasmVerifier, LoadError> {
        let options = if options.trim().is_empty() { "{}" } else { options };
        serde_json::from_str::<Map<String, Value>>(options).map_err(|error| LoadError::InvalidOptions {
            plugin: self.name().to_owned(),
            reason: format!("options are not a JSON object: {error}"),
        })?;
        if self.interpreters.is_none()
            && let Some(import) = self.imports().iter().find(|import| is_interpreter(import))
        {
            return Err(LoadError::NotGranted { plugin: self.name().to_owned(), import: import.clone() });
        }
        check_size(self.name(), self.loaded.required.as_ref(), limits.memory, limits.table_elements)?;
        for interpreter in self.interpreters.iter().flat_map(Interpreters::iter) {
            interpreter.check_size(&limits.programs)?;
        }
        WasmVerifier::probe(self.clone(), options.to_owned(), limits.clone())
    }

    /// The code to run on the calling thread, and the room for its instances.
    pub(crate) fn here(&self) -> (&Code, &Slots) {
        self.loaded.code.here(self.loaded.host.lanes(), |lane| self.code_in(lane))
    }

    /// Starts the calling thread's lane and loads the code into it, that of the interpreters too.
    pub(crate) fn prepare(&self) {
        self.here();
        self.interpreters.iter().flat_map(Interpreters::iter).for_each(Interpreter::prepare);
    }

    fn code_in(&self, lane: &Lane) -> Result<Code, LoadError> {
        let Loaded { host, name, digest, code, .. } = &*self.loaded;
        match code.first() {
            Code::Component(code) => {
                let component = host.again(code.component(), digest, lane, name)?;
                ComponentCode::link(&component, lane, name).map(Code::Component)
            }
            Code::Command(code) => {
                let module = host.again(code.module(), digest, lane, name)?;
                CommandCode::link(&module, lane, name).map(Code::Command)
            }
        }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.loaded.host
    }

    /// What it may spend on its options.
    pub(crate) fn loading_limits(&self) -> Limits {
        crate::host::limits_of_loading(initial_memory(self.loaded.required.as_ref()))
    }

    /// Whether the description binds the plugin: a command that was never described may say anything.
    pub(crate) fn declares_metrics(&self) -> bool {
        self.format() == Format::Component || !self.description().metrics.is_empty()
    }
}

/// Bytes of memory that an instance takes before it runs, as far as is known.
pub(crate) fn initial_memory(required: Option<&ResourcesRequired>) -> u64 {
    let pages = required.and_then(|required| required.max_initial_memory_size).unwrap_or(0);
    pages.saturating_mul(PAGE)
}

/// Whether an instance fits into what it may have before it even runs.
pub(crate) fn check_size(
    plugin: &str,
    required: Option<&ResourcesRequired>,
    memory: u64,
    table_elements: usize,
) -> Result<(), LoadError> {
    let Some(required) = required else { return Ok(()) };
    let wanted_memory = initial_memory(Some(required));
    let wanted_elements = required.max_initial_table_size.unwrap_or(0);
    for (what, wanted, limit) in [
        ("bytes of memory", wanted_memory, memory),
        ("table elements", wanted_elements, table_elements as u64),
    ] {
        if wanted > limit {
            return Err(LoadError::TooLarge { plugin: plugin.to_owned(), what, wanted, limit });
        }
    }
    Ok(())
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name())
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}
