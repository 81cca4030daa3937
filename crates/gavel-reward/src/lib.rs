//! The reward file: many verifiers, one number.
//!
//! A [`Workspace`] has the threads that judge. [`Workspace::load`] reads a `reward.toml`, finds and loads the plugins that
//! it names, and gives a [`PluginReward`], which a trainer or the command line sees as a [`gavel_verify::Reward`].
//!
//! ```no_run
//! use gavel_reward::{Workspace, WorkspaceOptions};
//! use gavel_verify::{Submission, score_all};
//!
//! let workspace = Workspace::start(&WorkspaceOptions::default())?;
//! let reward = workspace.load("reward.toml".as_ref())?;
//! let submission = Submission { completion: "<answer>42</answer>".to_owned(), ..Submission::default() };
//! for score in score_all(&reward, [submission])? {
//!     println!("{:?}", score.reward);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`ReloadingReward`] is the same and can take up new plugins, options and formulas while it is in use.

pub mod bounded;
pub mod whole_file;

mod capability;
mod digest;
mod error;
mod expression;
mod file;
mod files;
mod first_party;
mod limits;
mod load;
mod lock;
mod lookup;
mod manifest;
mod pool;
mod reload;
mod reward;
mod route;
mod source;
mod store;
mod task;
mod turns;
mod workspace;

pub use capability::{Capability, UnknownCapability};
pub use digest::{sha256, short as short_digest};
pub use error::{FormulaError, RewardError};
pub use expression::{OnFailure, functions};
pub use file::{RewardFile, VerifierEntry};
pub use first_party::FirstParty;
pub use limits::{LimitSettings, ProgramLimitSettings, Wish};
pub use lock::{LOCK, Lock, LockError, Locked, is_plugin_name};
pub use lookup::{FoundPlugin, Origin};
pub use manifest::{BuildSettings, InterpreterChoice, MANIFEST, Manifest, PluginKind};
pub use pool::{Client, Full, Room};
pub use reload::ReloadingReward;
pub use reward::{PluginReward, Terms};
pub use source::{Place, closest};
pub use store::{Added, Candidate, Entry, State, StoreError, add, entries, remove};
pub use workspace::{Workspace, WorkspaceOptions};
