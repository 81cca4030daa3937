//! A loaded plugin file: what it is, and how it becomes a verifier.

use std::fmt;
use std::sync::{Arc, OnceLock};

use gavel_verify::Description;
use serde_json::{Map, Value};
use wasmtime::ResourcesRequired;

use crate::command::CommandCode;
use crate::component::ComponentCode;
use crate::lane::Lane;
use crate::slots::Slots;
use crate::{Host, Limits, LoadError, WasmVerifier};

/// Bytes of a page of linear memory.
pub(crate) const PAGE: u64 = 64 << 10;

/// The two kinds of file that gavel takes. The host tells them apart by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A component that exports `gavel:verifier/verifier`.
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
pub struct Plugin(Arc<Loaded>);

/// What loading a file finds out.
pub(crate) struct Loaded {
    pub(crate) host: Host,
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) description: Description,
    /// What an instance takes before it runs; unknown for some composed components.
    pub(crate) required: Option<ResourcesRequired>,
    /// The code in the host's first lane.
    pub(crate) code: Code,
    /// The code in the other lanes, once they need it; `None` where it could not be had.
    pub(crate) others: Box<[OnceLock<Option<Code>>]>,
}

/// Compiled code of either format.
pub(crate) enum Code {
    Component(ComponentCode),
    Command(CommandCode),
}

impl Plugin {
    pub(crate) fn new(loaded: Loaded) -> Self {
        Self(Arc::new(loaded))
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

    /// Which kind of file it is.
    pub fn format(&self) -> Format {
        match self.0.code {
            Code::Component(_) => Format::Component,
            Code::Command(_) => Format::WasiCommand,
        }
    }

    /// The full names of what it imports.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// The full names of what it exports.
    pub fn exports(&self) -> &[String] {
        &self.0.exports
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// A verifier with these options (a JSON object as text; empty text means `{}`) and limits.
    ///
    /// Judges one empty submission, since a plugin checks its options first.
    ///
    /// # Errors
    /// [`LoadError::InvalidOptions`] when the options are no JSON object or not what the plugin takes, and
    /// [`LoadError::TooLarge`] when the plugin needs more from the start than `limits` allow.
    pub fn verifier(&self, options: &str, limits: &Limits) -> Result<WasmVerifier, LoadError> {
        let options = if options.trim().is_empty() { "{}" } else { options };
        serde_json::from_str::<Map<String, Value>>(options).map_err(|error| LoadError::InvalidOptions {
            plugin: self.name().to_owned(),
            reason: format!("options are not a JSON object: {error}"),
        })?;
        self.check_size(limits)?;
        WasmVerifier::probe(self.clone(), options.to_owned(), limits.clone())
    }

    fn check_size(&self, limits: &Limits) -> Result<(), LoadError> {
        let Some(required) = &self.0.required else { return Ok(()) };
        let memory = required.max_initial_memory_size.unwrap_or(0).saturating_mul(PAGE);
        let table = required.max_initial_table_size.unwrap_or(0);
        for (what, wanted, limit) in [
            ("bytes of memory", memory, limits.memory),
            ("table elements", table, limits.table_elements as u64),
        ] {
            if wanted > limit {
                return Err(LoadError::TooLarge { plugin: self.name().to_owned(), what, wanted, limit });
            }
        }
        Ok(())
    }

    /// The code to run on the calling thread, and the room for its instances.
    pub(crate) fn here(&self) -> (&Code, &Slots) {
        let lanes = self.0.host.lanes();
        if let Some((index, lane)) = lanes.other_of_this_thread()
            && let Some(code) = self.0.others[index].get_or_init(|| self.code_in(lane))
        {
            return (code, &lane.slots);
        }
        (&self.0.code, &lanes.first().slots)
    }

    fn code_in(&self, lane: &Lane) -> Option<Code> {
        let Loaded { host, name, digest, code, .. } = &*self.0;
        let loaded = match code {
            Code::Component(code) => host.again(code.component(), digest, lane).map(|component| {
                ComponentCode::link(&component, &lane.components, name).map(Code::Component)
            }),
            Code::Command(code) => host
                .again(code.module(), digest, lane)
                .map(|module| CommandCode::link(&module, &lane.commands, name).map(Code::Command)),
        };
        match loaded {
            Ok(Ok(code)) => Some(code),
            Ok(Err(error)) => unlikely(name, &error),
            Err(error) => unlikely(name, &error),
        }
    }

    /// Whether the description binds the plugin: a command that was never described may say anything.
    pub(crate) fn declares_metrics(&self) -> bool {
        self.format() == Format::Component || !self.description().metrics.is_empty()
    }
}

/// What has loaded once loads again, unless the machine is out of something.
fn unlikely<T>(plugin: &str, error: &dyn fmt::Display) -> Option<T> {
    tracing::warn!(plugin, "cannot load a plugin into another engine, sharing the first: {error:#}");
    None
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name())
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}
