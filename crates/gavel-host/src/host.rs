//! The way from a file to a plugin.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use gavel_files::sha256;
use gavel_verify::{Description, Failure};
use wasmtime::component::Component;
use wasmtime::{Engine, Module, ResourcesRequired};

use crate::address_space::AddressSpace;
use crate::cache::Caches;
use crate::command::{self, CommandCode};
use crate::compiled::Compiled;
use crate::component::{self as component_format, ComponentCode, shown};
use crate::interpreter::{EXECUTION, InterpreterCode, LoadedInterpreter, WeakInterpreter};
use crate::lane::{Lane, Lanes, PerLane, Tenants, reserved};
use crate::plugin::{Code, Loaded, initial_memory};
use crate::ticker::{Ticker, Watch};
use crate::verifier::on_judging_stack;
use crate::{HostError, HostWarning, Interpreter, Interrupt, Limits, LoadError, Plugin, ProgramLimits, scan};

/// How long a file may be compiled, as far as this process runs meanwhile. Python takes half a minute on two processors.
const COMPILE_TIME: Duration = Duration::from_secs(300);

/// How often whoever waits for a compilation looks up.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Metrics that a plugin may declare.
const METRICS: usize = 1_000;

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled plugins are kept between runs. `None` compiles each plugin whenever it is loaded.
    ///
    /// Whoever can write here can run code in this process: a folder that others than the user and root can write to is
    /// not used, which [`Host::warnings`] says. It is created for the user alone if it is not there. Processes may share
    /// it. One that this user cannot write to, such as one of root's in a container's image, is only read.
    pub cache_dir: Option<PathBuf>,
    /// Where compiled plugins are kept that are not in `cache_dir`, where that cannot be used or not be written to.
    pub cache_fallback_dir: Option<PathBuf>,
    /// The most bytes that the compiled plugins in one cache folder take together. When one is added, those that were not
    /// used for the longest time make room; one that is larger is not kept.
    pub cache_size: u64,
    /// How many threads judge at the same time; more wait for their turn. A host has as many engines as the machine runs
    /// threads (16 at most), each with room for its share of these, and as many again once it has loaded an interpreter,
    /// for the programs that plugins run. An instance reserves 8 GiB of address space, not memory; where this process may not
    /// have so much (`ulimit -v`), a warning says so, and a memory has what it needs and moves where it outgrows that.
    pub slots: u32,
    /// Ends loading and judging, once it is set.
    pub interrupt: Interrupt,
    /// How a guest's traps are noticed.
    pub traps: Traps,
    /// For the authors of plugins, and never to judge with: what a plugin writes to its standard streams is kept with the
    /// outcome (64 KiB of it, [`Outcome::output`](gavel_verify::Outcome::output)), and backtraces are long.
    pub for_authors: bool,
}

impl Default for HostConfig {
    /// No cache (2 GiB where one is set), 64 slots, and nobody to interrupt.
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_fallback_dir: None,
            cache_size: 2 << 30,
            slots: 64,
            interrupt: Interrupt::new(),
            traps: Traps::default(),
            for_authors: false,
        }
    }
}

/// How a guest's traps are noticed: access out of bounds, a division by zero, a stack that is too deep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Traps {
    /// By signals of the operating system, whose handlers the first host installs. The fastest, for who owns the process:
    /// a handler that somebody else installs afterwards would take a trap for a crash.
    #[default]
    Signals,
    /// By checks in the compiled code: 2 to 10 % slower and no handler, for who is a guest in another's process, as a Python
    /// package is. As every access is checked anyway, an instance reserves 2 GiB instead of 8, and a memory can have 1 GiB,
    /// whatever its limits say.
    Checks,
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
    caches: Caches,
    warnings: Vec<HostWarning>,
    interrupt: Interrupt,
    traps: Traps,
    space: AddressSpace,
    for_authors: bool,
}

impl Host {
    /// Starts a host.
    ///
    /// # Errors
    /// When the engine or its time-keeping thread cannot be set up.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let HostConfig { cache_dir, cache_fallback_dir, cache_size, slots, interrupt, traps, for_authors } =
            config;
        let slots = slots.max(1);
        let ticker = Arc::new(Ticker::start(interrupt.clone()).map_err(HostError::Ticker)?);
        let space = AddressSpace::of_this_process(slots, reserved(slots, traps));
        let lanes = Lanes::start(Tenants::Plugins, slots, Arc::clone(&ticker), traps, space, for_authors)?;
        let folders = cache_dir.iter().chain(&cache_fallback_dir).map(PathBuf::as_path);
        let (caches, warnings) = Caches::open(folders, cache_size, &lanes.first().engine);
        Ok(Self(Arc::new(Inner {
            lanes,
            interpreters: OnceLock::new(),
            loaded_interpreters: Mutex::default(),
            slots,
            ticker,
            caches,
            warnings,
            interrupt,
            traps,
            space,
            for_authors,
        })))
    }

    /// What this host does without, for a person: cache folders that cannot be used.
    pub fn warnings(&self) -> &[HostWarning] {
        &self.0.warnings
    }

    /// Ends loading and judging, now and from now on; see [`Interrupt`].
    pub fn interrupt(&self) {
        self.0.interrupt.set();
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
        let digest = sha256(bytes);
        let lane = self.0.lanes.first();
        let (code, imports, exports, required) = if is_component(bytes, name)? {
            let component: Component = self.compile(&lane.engine, bytes, &digest, name)?;
            let code = ComponentCode::link(&component, lane, name)?;
            let (imports, exports) =
                (component_format::imports(&component), component_format::exports(&component));
            (Code::Component(code), imports, exports, component.resources_required())
        } else {
            let module: Module = self.compile(&lane.engine, bytes, &digest, name)?;
            let code = CommandCode::link(&module, lane, name)?;
            let (imports, exports) = (command::imports(&module), command::exports(&module));
            (Code::Command(code), imports, exports, Some(module.resources_required()))
        };
        let limits = describing(required.as_ref());
        let (description, judges_groups) = on_judging_stack(name, || {
            let _slot = lane.slots.take();
            match &code {
                Code::Component(code) => {
                    code.describe(&limits, name).map(|description| (description, code.judges_groups()))
                }
                Code::Command(code) => code.describe(&limits, name),
            }
        })??;
        check_description(&description, name)?;
        Ok(Plugin::new(Loaded {
            host: self.clone(),
            name: name.to_owned(),
            digest,
            size: bytes.len() as u64,
            imports,
            exports,
            description,
            judges_groups,
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
        let digest = sha256(bytes);
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
        let code = InterpreterCode::link(&component, lane, name)?;
        let required = component.resources_required();
        let limits = describing(required.as_ref());
        let language = on_judging_stack(name, || {
            let _slot = lane.slots.take();
            code.describe(&limits, name)
        })??;
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

    pub(crate) fn watch(&self) -> &Watch {
        self.0.ticker.watch()
    }

    /// The lanes of plugins.
    pub(crate) fn lanes(&self) -> &Lanes {
        &self.0.lanes
    }

    /// The lanes of interpreters.
    pub(crate) fn interpreter_lanes(&self) -> Result<&Lanes, HostError> {
        let Inner { interpreters, slots, ticker, traps, space, for_authors, .. } = &*self.0;
        if let Some(lanes) = interpreters.get() {
            return Ok(lanes);
        }
        let ticker = Arc::clone(ticker);
        let lanes = Lanes::start(Tenants::Interpreters, *slots, ticker, *traps, *space, *for_authors)?;
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
        match self.0.caches.get(digest).and_then(|path| C::map(&lane.engine, &path)) {
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
        if let Some(code) = self.0.caches.get(digest).and_then(|path| C::map(engine, &path)) {
            return Ok(code);
        }
        let code: C = self.compile_aside(engine, bytes, name)?;
        if let Err(error) = self.0.caches.put(digest, || code.serialize()) {
            tracing::warn!(plugin = name, "cannot keep the compiled plugin: {error}");
        }
        Ok(code)
    }

    /// Compiles on a thread of its own, which can be given up: a compiler cannot be interrupted.
    fn compile_aside<C: Compiled>(&self, engine: &Engine, bytes: &[u8], name: &str) -> Result<C, LoadError> {
        let failed = |reason: String| LoadError::HostFailed { plugin: name.to_owned(), reason };
        // The engine compiles in parallel on the pool that it is called in. The pool of the whole process does not survive
        // a fork, and a child that compiled in it would wait for ever.
        let pool = rayon::ThreadPoolBuilder::new()
            .thread_name(|index| format!("gavel-compile-{index}"))
            .stack_size(COMPILER_STACK)
            .build()
            .map_err(|error| failed(format!("cannot start threads to compile: {error}")))?;
        let (sender, compiled) = mpsc::sync_channel(1);
        let (engine, copy, plugin) = (engine.clone(), bytes.to_vec(), name.to_owned());
        let compile = move || {
            let code = scan::scan(&copy, &plugin).and_then(|()| {
                let code = pool.install(|| C::compile(&engine, &copy));
                code.map_err(|error| LoadError::compile(&plugin, &copy, &error))
            });
            // Nobody waits for it any more where it was given up.
            drop(sender.send(code));
        };
        thread::Builder::new()
            .name("gavel-compile".to_owned())
            .stack_size(COMPILER_STACK)
            .spawn(compile)
            .map_err(|error| failed(format!("cannot start a thread: {error}")))?;
        // Waits are counted, not the time on a clock: a process that was stopped has not compiled meanwhile.
        for _ in 0..COMPILE_TIME.as_millis() / LOOK_UP.as_millis() {
            match compiled.recv_timeout(LOOK_UP) {
                Ok(code) => return code,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(failed("the compiler panicked".to_owned()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) if self.0.interrupt.is_set() => {
                    return Err(LoadError::Interrupted { plugin: name.to_owned() });
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
        Err(LoadError::CompileTime { plugin: name.to_owned(), limit: COMPILE_TIME })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("caches", &self.0.caches).finish_non_exhaustive()
    }
}

/// Reads a plugin's file: a regular one that starts as WebAssembly does, and no more of it than is compiled.
fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Io { path: path.to_owned(), source };
    let mut options = File::options();
    options.read(true);
    // Opening a pipe waits for whoever writes to it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits() as i32);
    let mut file = options.open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    let plugin = || path.to_string_lossy().into_owned();
    if bytes != MAGIC {
        return Err(LoadError::NotWasm { plugin: plugin() });
    }
    check_file_size(metadata.len(), &plugin())?;
    file.take(scan::FILE).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// What every file of WebAssembly starts with.
const MAGIC: &[u8] = b"\0asm";

/// Bytes of native stack for the thread that compiles.
const COMPILER_STACK: usize = 8 << 20;

fn check_file_size(size: u64, plugin: &str) -> Result<(), LoadError> {
    if size <= scan::FILE {
        return Ok(());
    }
    Err(LoadError::TooComplex { plugin: plugin.to_owned(), what: "bytes", found: size, limit: scan::FILE })
}

/// What a plugin may spend to say what it is.
fn describing(required: Option<&ResourcesRequired>) -> Limits {
    Limits { fuel: 200_000_000, ..limits_of_loading(initial_memory(required)) }
}

/// What a plugin may spend to say what it is and what it thinks of its options: gavel's own, whatever its manifest
/// says. `initial` is the memory that it takes before it runs; whether it may is for its verifiers' limits to say.
pub(crate) fn limits_of_loading(initial: u64) -> Limits {
    let defaults = Limits::default();
    Limits {
        memory: defaults.memory.max(initial),
        programs: ProgramLimits {
            fuel: defaults.fuel,
            timeout: defaults.timeout,
            runs: 10,
            total_fuel: defaults.fuel,
            total_timeout: defaults.timeout,
            ..defaults.programs
        },
        ..defaults
    }
}

/// Holds what a plugin says of itself against what the types of the contract cannot say.
fn check_description(description: &Description, plugin: &str) -> Result<(), LoadError> {
    let refused = |reason: String| {
        Err(LoadError::Describe { plugin: plugin.to_owned(), source: Failure::Refused(reason) })
    };
    let options = description.options.trim();
    if !options.is_empty()
        && let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(options)
    {
        return refused(format!("the schema of its options is no JSON object: {error}"));
    }
    if description.metrics.len() > METRICS {
        return refused(format!("it describes {} metrics, more than {METRICS}", description.metrics.len()));
    }
    let mut names = HashSet::new();
    match description.metrics.iter().find(|&name| !names.insert(name)) {
        Some(twice) => refused(format!("it describes the metric `{}` twice", shown(twice))),
        None => Ok(()),
    }
}

/// Tells a component from a core module by the first eight bytes.
fn is_component(bytes: &[u8], name: &str) -> Result<bool, LoadError> {
    if !bytes.starts_with(MAGIC) {
        return Err(LoadError::NotWasm { plugin: name.to_owned() });
    }
    check_file_size(bytes.len() as u64, name)?;
    match bytes.get(4..8) {
        Some([0x0d, 0, 1, 0]) => Ok(true),
        Some([1, 0, 0, 0]) => Ok(false),
        version => Err(LoadError::Malformed {
            plugin: name.to_owned(),
            reason: format!("unknown version {version:02x?} at offset 0x4"),
        }),
    }
}
