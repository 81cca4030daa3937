//! The one JSON form of submissions, outcomes and scores: what `gavel score`, the server and the trainer's records read
//! and write.
//!
//! A [`Row`] is an object with the columns that a data set happens to have. [`Columns`] says which of them are the parts
//! of a submission, and chats become texts on the way; [`Groups`] which rows are completions of one prompt. A score is written by [`ScoreForm`], or added to its row by
//! [`Row::with_score`]; what judged is written by [`VersionForm`] and [`ScoreRecord`], and [`RecordedScore`] proves that a
//! score that is derived again is the one that was written.
//!
//! ```
//! use gavel_wire::{Columns, Preset, Row};
//!
//! let row = Row::parse(
//!     r#"{"prompt": [{"role": "user", "content": "1 + 1?"}], "completion": "2",
//!         "data_source": "sums", "reward_model": {"style": "rule", "ground_truth": "2"}}"#,
//! )?;
//! let submission = row.submission(&Columns::of_preset(Preset::Verl))?;
//! assert_eq!(submission.prompt, "1 + 1?");
//! assert_eq!(submission.reference.as_deref(), Some("2"));
//! # Ok::<(), gavel_wire::RowError>(())
//! ```

mod call;
mod characters;
mod chat;
mod columns;
pub mod compare;
mod group;
mod object;
mod outcome;
mod path;
mod record;
mod recorded;
mod row;
mod version;

pub use call::CallForm;
pub use chat::{Flattened, flatten, text_of};
pub use columns::{Columns, Names, Part, Preset};
pub use group::{GroupError, GroupKey, Groups, MOST_OF_A_GROUP, grouped};
pub use outcome::{BAD_LINE, NoRewardForm, OutcomeForm, ScoreForm, milliseconds};
pub use path::{follow, raw_within, value_within};
pub use record::{JudgedBy, ScoreRecord};
pub use recorded::{FieldDifference, NotScored, RecordedOutcome, RecordedScore};
pub use row::{Row, RowError};
pub use version::{RewardForm, VerifierForm, VersionDifference, VersionForm};
