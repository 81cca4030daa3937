//! Plugins before they are loaded: where they lie, what they say of themselves, what may be granted to them, and what was
//! added to a folder and locked. Nothing here runs or compiles one.
//!
//! [`FoundPlugin::called`] finds what a reward file names; [`add`], [`remove`] and [`entries`] keep a folder of plugins.
//! Whoever reads passes a [`WatchedFiles`], which remembers where was looked: it tells later whether anything has changed.
//!
//! ```
//! use gavel_plugins::{FoundPlugin, Origin, WatchedFiles};
//!
//! let found = FoundPlugin::called("math", "".as_ref(), &[], &WatchedFiles::default())?;
//! assert!(matches!(found.origin, Origin::FirstParty(_)));
//! # Ok::<(), gavel_plugins::PluginError>(())
//! ```

pub mod toml_file;

mod adversarial;
mod capability;
mod error;
mod first_party;
mod limits;
mod lock;
mod lookup;
mod manifest;
mod store;
mod watched;

pub use adversarial::Allowance;
pub use capability::{Capability, UnknownCapability};
pub use error::{PluginError, with_causes};
pub use first_party::FirstParty;
pub use limits::{LimitSettings, ProgramLimitSettings, Wish};
pub use lock::{LOCK, Lock, LockError, Locked, is_plugin_name};
pub use lookup::{FoundPlugin, Origin};
pub use manifest::{BuildSettings, InterpreterChoice, MANIFEST, Manifest, PluginKind};
pub use store::{Added, Candidate, Entry, State, StoreError, add, entries, remove};
pub use watched::WatchedFiles;
