//! Why a host cannot start, and why a plugin cannot be loaded.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use gavel_verify::Failure;

use crate::ticker::Watch;

/// Characters of a name from a plugin's file that an error or a list shows.
pub(crate) const SHOWN: usize = 200;

/// Why a host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine refused its configuration, or the memory for its instances could not be reserved.
    #[error("cannot start the WebAssembly engine: {reason}")]
    Engine {
        /// The engine's words.
        reason: String,
    },
    /// The thread that keeps time could not be started.
    #[error("cannot start the thread that enforces deadlines")]
    Ticker(#[source] io::Error),
}

/// What a host does without, and why. It judges all the same.
#[derive(Debug, thiserror::Error)]
pub enum HostWarning {
    /// A cache folder cannot be made or read.
    #[error("compiled plugins are not kept in {}: {source}", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A cache folder is not the user's alone, so the native code in it may be anybody's.
    #[error(
        "compiled plugins are not kept in {}, which {problem}: whoever can write there could run code as you. Choose \
         another with `--cache-dir` or GAVEL_CACHE_DIR; if you trust what is in it, make it yours alone (`chmod 700`)",
        path.display()
    )]
    SharedCache {
        /// The folder.
        path: PathBuf,
        /// Who else can write there, as the end of a sentence.
        problem: String,
    },
}

/// Why a plugin cannot be loaded, or not with these options and limits. `plugin` is its path or name.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read plugin {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file does not start as WebAssembly does.
    #[error("{plugin} is not WebAssembly: it does not start with `\\0asm`")]
    NotWasm {
        /// The plugin.
        plugin: String,
    },
    /// The file starts as WebAssembly does, but is cut short or damaged.
    #[error("{plugin} is not valid WebAssembly: {reason}")]
    Malformed {
        /// The plugin.
        plugin: String,
        /// What is wrong, with the offset in the file.
        reason: String,
    },
    /// The file is not a plugin's: to compile it would take more time or memory than any plugin needs.
    #[error("{plugin} has {found} {what}, more than the {limit} that gavel compiles")]
    TooComplex {
        /// The plugin.
        plugin: String,
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How much there is, or how much had been found when it was too much.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// Compiling has been given up.
    #[error("{plugin} was still being compiled after {limit:?}, so it is given up")]
    CompileTime {
        /// The plugin.
        plugin: String,
        /// The time that it had.
        limit: Duration,
    },
    /// Somebody has set the host's [`Interrupt`](crate::Interrupt).
    #[error("{plugin} was not loaded: interrupted")]
    Interrupted {
        /// The plugin.
        plugin: String,
    },
    /// This machine cannot load it: it has no memory, address space or thread left, or gavel itself has a bug.
    #[error("this machine cannot load {plugin}: {reason}")]
    HostFailed {
        /// The plugin.
        plugin: String,
        /// Why.
        reason: String,
    },
    /// The file is valid, but the engine cannot compile it: it uses what gavel does not offer (64-bit memories,
    /// threads), or more parts than an instance may have.
    #[error("cannot compile {plugin}: {reason}")]
    Compile {
        /// The plugin.
        plugin: String,
        /// The engine's words.
        reason: String,
    },
    /// The plugin does not implement the contract.
    #[error("{plugin} is not a gavel plugin: wanted {wanted}, found {found}")]
    Contract {
        /// The plugin.
        plugin: String,
        /// What gavel needs.
        wanted: String,
        /// What the file has instead.
        found: String,
    },
    /// The plugin imports something that gavel does not know.
    #[error("{plugin} imports `{import}`, which gavel does not offer")]
    UnknownImport {
        /// The plugin.
        plugin: String,
        /// The import's full name.
        import: String,
    },
    /// The plugin runs programs for other plugins, and judges nothing itself.
    #[error("{plugin} is an interpreter, not a verifier: a plugin runs programs with it")]
    Interpreter {
        /// The interpreter.
        plugin: String,
    },
    /// The part of the host that runs programs cannot start.
    #[error("cannot make room for {plugin}")]
    NoRoom {
        /// The interpreter.
        plugin: String,
        /// Why.
        source: HostError,
    },
    /// The plugin imports something that gavel offers only where it is granted.
    #[error("{plugin} imports `{import}`, which it has not been granted")]
    NotGranted {
        /// The plugin.
        plugin: String,
        /// The import's full name.
        import: String,
    },
    /// The plugin needs more than it may have before it even runs.
    #[error("{plugin} needs {wanted} {what}, more than the {limit} that it may have")]
    TooLarge {
        /// The plugin.
        plugin: String,
        /// What there is too much of: `bytes of memory`, `table elements`, ..
        what: &'static str,
        /// How much it needs.
        wanted: u64,
        /// How much it may have.
        limit: u64,
    },
    /// The plugin cannot say what it is.
    #[error("{plugin} cannot describe itself")]
    Describe {
        /// The plugin.
        plugin: String,
        /// What became of the call.
        source: Failure,
    },
    /// The options are no JSON object, or the plugin says that they are wrong.
    #[error("{plugin} does not accept its options: {reason}")]
    InvalidOptions {
        /// The plugin.
        plugin: String,
        /// The plugin's words.
        reason: String,
    },
}

impl LoadError {
    /// Why a plugin that was called while it was loaded has no answer.
    pub(crate) fn describing(plugin: &str, failure: Failure, watch: &Watch) -> Self {
        let plugin = plugin.to_owned();
        match failure {
            _ if watch.interrupted() => Self::Interrupted { plugin },
            Failure::HostFailed(reason) => Self::HostFailed { plugin, reason },
            source => Self::Describe { plugin, source },
        }
    }

    /// The machine has no room for an instance.
    pub(crate) fn host_failed(plugin: &str, error: &wasmtime::Error) -> Self {
        Self::HostFailed { plugin: plugin.to_owned(), reason: format!("{error:#}") }
    }

    /// Why `bytes` could not be compiled: because they are not valid WebAssembly, or because the engine cannot.
    pub(crate) fn compile(plugin: &str, bytes: &[u8], error: &wasmtime::Error) -> Self {
        let plugin = plugin.to_owned();
        match wasmparser::Validator::new().validate_all(bytes) {
            Err(error) => Self::Malformed { plugin, reason: error.to_string() },
            Ok(_) => Self::Compile { plugin, reason: format!("{error:#}") },
        }
    }
}
