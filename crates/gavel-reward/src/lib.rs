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

mod by_client;
mod capability;
mod columns;
mod error;
mod expression;
mod file;
mod judge;
mod load;
mod lowered;
mod native;
mod pool;
mod reload;
mod reward;
mod route;
mod seats;
mod secrets;
mod task;
mod total;
mod turns;
mod verdicts;
mod waiting;
mod workspace;

pub use by_client::Client;
pub use capability::{grant, load_plugin};
pub use error::{FormulaError, RewardError};
pub use expression::{OnFailure, functions};
pub use file::{RewardFile, VerifierEntry};
pub use gavel_judge::JudgeCounts;
pub use gavel_plugins::LimitSettings;
pub use judge::JudgeEntry;
pub use load::Functions;
pub use lowered::RaisedLimit;
pub use native::Native;
pub use pool::{Full, Room};
pub use reload::ReloadingReward;
pub use reward::{Calls, PluginReward, Terms};
pub use secrets::Secrets;
pub use verdicts::VerdictCounts;
pub use workspace::{Workspace, WorkspaceOptions};
