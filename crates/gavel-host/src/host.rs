//! One engine for all plugins, and the way from a file to a plugin.

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::{self, Component};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, Linker, Module, PoolingAllocationConfig,
    ResourcesRequired, WasmBacktraceDetails,
};
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::cache::Cache;
use crate::command::{self, CommandCode};
use crate::component::{self as component_format, ComponentCode};
use crate::guest::{Guest, Wasi};
use crate::plugin::{Code, Loaded, PAGE};
use crate::slots::Slots;
use crate::{HostError, Limits, LoadError, Plugin, ticker};

/// Bytes of native stack for a guest. Threads that judge need this and some more for the host.
const STACK: usize = 1 << 20;

/// Frames of a guest's backtrace that are recorded.
const FRAMES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Dirty bytes that an instance's memory and tables keep resident for their next use: reset by a copy, which is
/// cheaper than handing the pages back and faulting them in again.
const KEEP_RESIDENT: usize = 4 << 20;

/// Memories, tables and core instances that one component may have. Python's has 14 core instances.
const MEMORIES: u32 = 2;
const TABLES: u32 = 32;
const CORE_INSTANCES: u32 = 64;

/// The most entries of a table that any [`Limits`] can give.
const TABLE_ELEMENTS: usize = 1 << 20;

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled plugins are kept between runs. `None` compiles each plugin whenever it is loaded.
    ///
    /// Whoever can write here can run code in this process: it must belong to the user alone. It is created with
    /// that permission if it is not there.
    pub cache_dir: Option<PathBuf>,
    /// How many submissions may be judged at the same time; more wait for their turn. Each slot reserves address
    /// space (a few GiB), not memory.
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
    engine: Engine,
    components: component::Linker<Guest<Wasi>>,
    commands: Linker<Guest<WasiP1Ctx>>,
    cache: Option<Cache>,
    slots: Slots,
}

impl Host {
    /// Starts a host.
    ///
    /// # Errors
    /// When the engine, its time-keeping thread or the cache folder cannot be set up.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let engine_error = |error: wasmtime::Error| HostError::Engine { reason: format!("{error:#}") };
        let slots = config.slots.max(1);
        let engine = Engine::new(&engine_config(slots)).map_err(engine_error)?;
        ticker::start(&engine).map_err(HostError::Ticker)?;
        let cache = match config.cache_dir {
            Some(path) => match Cache::open(&path, &engine) {
                Ok(cache) => Some(cache),
                Err(source) => return Err(HostError::Cache { path, source }),
            },
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            components: component_format::linker(&engine).map_err(engine_error)?,
            commands: command::linker(&engine).map_err(engine_error)?,
            cache,
            slots: Slots::new(slots),
            engine,
        })))
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
        let (code, imports, exports, required, description) = if is_component(bytes, name)? {
            let component: Component = self.compile(bytes, &digest, name)?;
            let code = ComponentCode::link(&component, &self.0.components, name)?;
            let description = {
                let _slot = self.slots().take();
                code.describe(&describing(component.resources_required()), name)?
            };
            let (imports, exports) =
                (component_format::imports(&component), component_format::exports(&component));
            (Code::Component(code), imports, exports, component.resources_required(), description)
        } else {
            let module: Module = self.compile(bytes, &digest, name)?;
            let code = CommandCode::link(&module, &self.0.commands, name)?;
            let description = {
                let _slot = self.slots().take();
                code.describe(&describing(Some(module.resources_required())), name)
            };
            let (imports, exports) = (command::imports(&module), command::exports(&module));
            (Code::Command(code), imports, exports, Some(module.resources_required()), description)
        };
        let (host, name, size) = (self.clone(), name.to_owned(), bytes.len() as u64);
        Ok(Plugin::new(Loaded { host, name, digest, size, imports, exports, description, code, required }))
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.0.slots
    }

    fn compile<C: Compiled>(&self, bytes: &[u8], digest: &str, name: &str) -> Result<C, LoadError> {
        let Some(cache) = &self.0.cache else {
            return C::compile(&self.0.engine, bytes)
                .map_err(|error| LoadError::compile(name, bytes, &error));
        };
        if let Some(code) = cache.get(digest).and_then(|path| C::map(&self.0.engine, &path)) {
            return Ok(code);
        }
        let code =
            C::compile(&self.0.engine, bytes).map_err(|error| LoadError::compile(name, bytes, &error))?;
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

/// What the two formats have in common.
trait Compiled: Sized {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self>;
    fn serialize(&self) -> wasmtime::Result<Vec<u8>>;
    /// Maps code that the cache has found whole into memory. `None` when the engine does not want it after all.
    fn map(engine: &Engine, path: &Path) -> Option<Self>;
}

impl Compiled for Component {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        self.serialize()
    }

    #[expect(unsafe_code, reason = "compiled code can only be trusted, not checked")]
    fn map(engine: &Engine, path: &Path) -> Option<Self> {
        // SAFETY: the file is what `Component::serialize` gave: the cache folder is the user's alone, only `Cache`
        // writes into it, whole files at a time, and the checksum of this one is right.
        accepted(path, unsafe { Self::deserialize_file(engine, path) })
    }
}

impl Compiled for Module {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        self.serialize()
    }

    #[expect(unsafe_code, reason = "compiled code can only be trusted, not checked")]
    fn map(engine: &Engine, path: &Path) -> Option<Self> {
        // SAFETY: as for `Component`; the file is what `Module::serialize` gave.
        accepted(path, unsafe { Self::deserialize_file(engine, path) })
    }
}

fn accepted<C>(path: &Path, mapped: wasmtime::Result<C>) -> Option<C> {
    mapped
        .inspect_err(|error| tracing::warn!(path = %path.display(), "compiling a plugin again: {error:#}"))
        .ok()
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

fn engine_config(slots: u32) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_threads(false)
        .wasm_memory64(false)
        .concurrency_support(false)
        .memory_init_cow(true)
        // Snapshots of interpreters are large: Python's is 12 to 75 MB.
        .memory_guaranteed_dense_image_size(128 << 20)
        .max_wasm_stack(STACK)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(Some(FRAMES))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)));
    config
}

/// A pool in which `slots` instances always find room, however large.
fn pool(slots: u32) -> PoolingAllocationConfig {
    // Without the scan, "keep resident" means that all of it is written for every instance.
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    let keep = if scan { KEEP_RESIDENT } else { 0 };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(0)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(4 << 30)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(keep)
        .table_keep_resident(keep)
        .pagemap_scan(Enabled::Auto);
    pool
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
