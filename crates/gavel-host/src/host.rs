//! The way from a file to a plugin.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Engine, Module, ResourcesRequired};

use crate::cache::Cache;
use crate::command::{self, CommandCode};
use crate::compiled::Compiled;
use crate::component::{self as component_format, ComponentCode};
use crate::interpreter::{EXECUTION, InterpreterCode, LoadedInterpreter, WeakInterpreter};
use crate::lane::{Lane, Lanes, PerLane, Tenants};
use crate::plugin::{Code, Loaded, PAGE};
use crate::ticker::Ticker;
use crate::{HostError, Interpreter, Limits, LoadError, Plugin};

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled plugins are kept between runs. `None` compiles each plugin whenever it is loaded.
    ///
    /// Whoever can write here can run code in this process: it must belong to the user alone, or the host does not
    /// start. It is created with that permission if it is not there. Processes may share it.
    pub cache_dir: Option<PathBuf>,
    /// The most bytes that the compiled plugins in `cache_dir` take together. When one is added, those that were not
    /// used for the longest time make room; one that is larger is not kept.
    pub cache_size: u64,
    /// How many submissions may be judged at the same time by one engine; more wait for their turn. A host has as
    /// many engines as the machine runs threads (16 at most), and as many again once it has loaded an interpreter,
    /// whose slots are for the programs that plugins run. Each slot reserves address space (a few GiB), not memory.
    pub slots: u32,
}

impl Default for HostConfig {
    /// No cache (2 GiB where one is set), 64 slots.
    fn default() -> Self {
        Self { cache_dir: None, cache_size: 2 << 30, slots: 64 }
    }
}

/// Loads plugins. Cheap to clone; every clone is the same host.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    lanes: Lanes,
    /// Started when the first interpreter is loaded.
    interpreters: OnceLock<Lanes>,
    /// By digest: verifiers that use the same interpreter share its code and its warm memories.
    loaded_interpreters: Mutex<HashMap<String, WeakInterpreter>>,
    slots: u32,
    ticker: Arc<Ticker>,
    cache: Option<Cache>,
}

impl Host {
    /// Starts a host.
    ///
    /// # Errors
    /// When the engine, its time-keeping thread or the cache folder cannot be set up.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let slots = config.slots.max(1);
        let ticker = Arc::new(Ticker::start().map_err(HostError::Ticker)?);
        let lanes = Lanes::start(Tenants::Plugins, slots, Arc::clone(&ticker))?;
        let open = |path: &PathBuf| Cache::open(path, config.cache_size, &lanes.first().engine);
        let cache = config.cache_dir.as_ref().map(open).transpose()?;
        Ok(Self(Arc::new(Inner {
            lanes,
            interpreters: OnceLock::new(),
            loaded_interpreters: Mutex::default(),
            slots,
            ticker,
            cache,
        })))
    }

    /// Reads, compiles (or takes from the cache) and checks a plugin.
    ///
    /// # Errors
    /// See [`LoadError`]; the plugin is named by its path.
    pub fn load_file(&self, path: &Path) -> Result<Plugin, LoadError> {
        self.load(&read(path)?, &path.to_string_lossy())
    }

    /// As [`Host::load_file`], from bytes; `name` stands for the path in errors.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, bytes: &[u8], name: &str) -> Result<Plugin, LoadError> {
        let digest = hex(&Sha256::digest(bytes));
        let lane = self.0.lanes.first();
        let (code, imports, exports, required, description) = if is_component(bytes, name)? {
            let component: Component = self.compile(&lane.engine, bytes, &digest, name)?;
            let code = ComponentCode::link(&component, &lane.components, name)?;
            let description = {
                let _slot = lane.slots.take();
                code.describe(&describing(component.resources_required().as_ref()), name)?
            };
            let (imports, exports) =
                (component_format::imports(&component), component_format::exports(&component));
            (Code::Component(code), imports, exports, component.resources_required(), description)
        } else {
            let module: Module = self.compile(&lane.engine, bytes, &digest, name)?;
            let code = CommandCode::link(&module, &lane.commands, name)?;
            let description = {
                let _slot = lane.slots.take();
                code.describe(&describing(Some(&module.resources_required())), name)
            };
            let (imports, exports) = (command::imports(&module), command::exports(&module));
            (Code::Command(code), imports, exports, Some(module.resources_required()), description)
        };
        Ok(Plugin::new(Loaded {
            host: self.clone(),
            name: name.to_owned(),
            digest,
            size: bytes.len() as u64,
            imports,
            exports,
            description,
            required,
            code: PerLane::new(code, &self.0.lanes),
        }))
    }

    /// Reads, compiles (or takes from the cache) and checks an interpreter: a component that runs programs for
    /// plugins.
    ///
    /// # Errors
    /// See [`LoadError`]; the interpreter is named by its path.
    pub fn load_interpreter_file(&self, path: &Path) -> Result<Interpreter, LoadError> {
        self.load_interpreter(&read(path)?, &path.to_string_lossy())
    }

    /// As [`Host::load_interpreter_file`], from bytes; `name` stands for the path in errors. The same bytes are loaded
    /// once, under the first name.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load_interpreter(&self, bytes: &[u8], name: &str) -> Result<Interpreter, LoadError> {
        if !is_component(bytes, name)? {
            return Err(LoadError::Contract {
                plugin: name.to_owned(),
                wanted: format!("a component with the export `{EXECUTION}`"),
                found: "a core module".to_owned(),
            });
        }
        let digest = hex(&Sha256::digest(bytes));
        // Held while compiling: who loads the same at the same time waits for it.
        let mut loaded = self.0.loaded_interpreters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interpreter) = loaded.get(&digest).and_then(WeakInterpreter::upgrade) {
            return Ok(interpreter);
        }
        let lanes = self
            .interpreter_lanes()
            .map_err(|source| LoadError::NoRoom { plugin: name.to_owned(), source })?;
        let lane = lanes.first();
        let component: Component = self.compile(&lane.engine, bytes, &digest, name)?;
        let code = InterpreterCode::link(&component, &lane.components, name)?;
        let required = component.resources_required();
        let language = {
            let _slot = lane.slots.take();
            code.describe(&describing(required.as_ref()), name)?
        };
        let interpreter = Interpreter::new(LoadedInterpreter {
            host: self.clone(),
            name: name.to_owned(),
            digest: digest.clone(),
            size: bytes.len() as u64,
            imports: component_format::imports(&component),
            exports: component_format::exports(&component),
            language,
            required,
            code: PerLane::new(code, lanes),
        });
        loaded.insert(digest, interpreter.downgrade());
        Ok(interpreter)
    }

    /// The lanes of plugins.
    pub(crate) fn lanes(&self) -> &Lanes {
        &self.0.lanes
    }

    /// The lanes of interpreters.
    pub(crate) fn interpreter_lanes(&self) -> Result<&Lanes, HostError> {
        let Inner { interpreters, slots, ticker, .. } = &*self.0;
        if let Some(lanes) = interpreters.get() {
            return Ok(lanes);
        }
        let lanes = Lanes::start(Tenants::Interpreters, *slots, Arc::clone(ticker))?;
        // Where two threads load their first interpreter at the same time, one of them has started in vain.
        Ok(interpreters.get_or_init(|| lanes))
    }

    /// Code that is loaded in one lane, for another.
    pub(crate) fn again<C: Compiled>(
        &self,
        code: &C,
        digest: &str,
        lane: &Lane,
        name: &str,
    ) -> Result<C, LoadError> {
        let cached = self.0.cache.as_ref().and_then(|cache| cache.get(digest));
        match cached.and_then(|path| C::map(&lane.engine, &path)) {
            Some(code) => Ok(code),
            None => code.copy(&lane.engine).map_err(|error| LoadError::Compile {
                plugin: name.to_owned(),
                reason: format!("{error:#}"),
            }),
        }
    }

    fn compile<C: Compiled>(
        &self,
        engine: &Engine,
        bytes: &[u8],
        digest: &str,
        name: &str,
    ) -> Result<C, LoadError> {
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

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })
}

/// What a plugin may spend to say what it is. Whether it may start so large is for its verifiers' limits to say.
fn describing(required: Option<&ResourcesRequired>) -> Limits {
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
