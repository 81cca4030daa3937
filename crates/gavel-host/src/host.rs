//! The way from a file to a plugin.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Module, ResourcesRequired};

use crate::cache::Cache;
use crate::command::{self, CommandCode};
use crate::compiled::Compiled;
use crate::component::{self as component_format, ComponentCode};
use crate::lane::{Lane, Lanes};
use crate::plugin::{Code, Loaded, PAGE};
use crate::{HostError, Limits, LoadError, Plugin};

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled plugins are kept between runs. `None` compiles each plugin whenever it is loaded.
    ///
    /// Whoever can write here can run code in this process: it must belong to the user alone. It is created with
    /// that permission if it is not there.
    pub cache_dir: Option<PathBuf>,
    /// How many submissions may be judged at the same time by one engine; more wait for their turn. A host has as
    /// many engines as the machine runs threads (16 at most). Each slot reserves address space (a few GiB), not
    /// memory.
    pub slots: u32,
}

impl Default for HostConfig {
    /// No cache, 64 slots.
    fn default() -> Self {
        Self { cache_dir: None, slots: 64 }
    }
}

/// Loads plugins. Cheap to clone; every clone is the same host.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    lanes: Lanes,
    cache: Option<Cache>,
}

impl Host {
    /// Starts a host.
    ///
    /// # Errors
    /// When the engine, its time-keeping thread or the cache folder cannot be set up.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let lanes = Lanes::start(config.slots.max(1))?;
        let cache = match config.cache_dir {
            Some(path) => match Cache::open(&path, &lanes.first().engine) {
                Ok(cache) => Some(cache),
                Err(source) => return Err(HostError::Cache { path, source }),
            },
            None => None,
        };
        Ok(Self(Arc::new(Inner { lanes, cache })))
    }

    /// Reads, compiles (or takes from the cache) and checks a plugin.
    ///
    /// # Errors
    /// See [`LoadError`]; the plugin is named by its path.
    pub fn load_file(&self, path: &Path) -> Result<Plugin, LoadError> {
        let bytes = fs::read(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
        self.load(&bytes, &path.to_string_lossy())
    }

    /// As [`Host::load_file`], from bytes; `name` stands for the path in errors.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, bytes: &[u8], name: &str) -> Result<Plugin, LoadError> {
        let digest = hex(&Sha256::digest(bytes));
        let lane = self.0.lanes.first();
        let (code, imports, exports, required, description) = if is_component(bytes, name)? {
            let component: Component = self.compile(bytes, &digest, name)?;
            let code = ComponentCode::link(&component, &lane.components, name)?;
            let description = {
                let _slot = lane.slots.take();
                code.describe(&describing(component.resources_required()), name)?
            };
            let (imports, exports) =
                (component_format::imports(&component), component_format::exports(&component));
            (Code::Component(code), imports, exports, component.resources_required(), description)
        } else {
            let module: Module = self.compile(bytes, &digest, name)?;
            let code = CommandCode::link(&module, &lane.commands, name)?;
            let description = {
                let _slot = lane.slots.take();
                code.describe(&describing(Some(module.resources_required())), name)
            };
            let (imports, exports) = (command::imports(&module), command::exports(&module));
            (Code::Command(code), imports, exports, Some(module.resources_required()), description)
        };
        let (host, name, size) = (self.clone(), name.to_owned(), bytes.len() as u64);
        let others = (0..self.0.lanes.others()).map(|_| OnceLock::new()).collect();
        Ok(Plugin::new(Loaded {
            host,
            name,
            digest,
            size,
            imports,
            exports,
            description,
            required,
            code,
            others,
        }))
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.0.lanes
    }

    /// Code that is loaded in one lane, for another.
    pub(crate) fn again<C: Compiled>(&self, code: &C, digest: &str, lane: &Lane) -> wasmtime::Result<C> {
        let cached = self.0.cache.as_ref().and_then(|cache| cache.get(digest));
        match cached.and_then(|path| C::map(&lane.engine, &path)) {
            Some(code) => Ok(code),
            None => code.copy(&lane.engine),
        }
    }

    fn compile<C: Compiled>(&self, bytes: &[u8], digest: &str, name: &str) -> Result<C, LoadError> {
        let engine = &self.0.lanes.first().engine;
        let compile = || C::compile(engine, bytes).map_err(|error| LoadError::compile(name, bytes, &error));
        let Some(cache) = &self.0.cache else { return compile() };
        if let Some(code) = cache.get(digest).and_then(|path| C::map(engine, &path)) {
            return Ok(code);
        }
        let code = compile()?;
        let saved = code.serialize().map_err(std::io::Error::other).and_then(|code| cache.put(digest, &code));
        if let Err(error) = saved {
            tracing::warn!(plugin = name, "cannot keep the compiled plugin: {error}");
        }
        Ok(code)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("cache", &self.0.cache).finish_non_exhaustive()
    }
}

/// What a plugin may spend to say what it is. Whether it may start so large is for its verifiers' limits to say.
fn describing(required: Option<ResourcesRequired>) -> Limits {
    let limits = Limits::default();
    let initial = required.and_then(|required| required.max_initial_memory_size).unwrap_or(0);
    Limits { fuel: 200_000_000, memory: limits.memory.max(initial.saturating_mul(PAGE)), ..limits }
}

/// Tells a component from a core module by the first eight bytes.
fn is_component(bytes: &[u8], name: &str) -> Result<bool, LoadError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm { plugin: name.to_owned() });
    }
    match bytes.get(4..8) {
        Some([0x0d, 0, 1, 0]) => Ok(true),
        Some([1, 0, 0, 0]) => Ok(false),
        version => Err(LoadError::Malformed {
            plugin: name.to_owned(),
            reason: format!("unknown version {version:02x?} at offset 0x4"),
        }),
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
