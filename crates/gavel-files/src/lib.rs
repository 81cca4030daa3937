//! Files that people and strangers name: read in bounds, tried and written whole, locked, told apart by digest; and what a misspelt name was
//! probably meant to be.
//!
//! ```
//! use gavel_files::{bounded, closest, sha256, whole_file};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("reward.toml");
//! whole_file::write(&file, b"[reward]")?;
//! assert_eq!(bounded::read_text(&file, bounded::LARGEST_TEXT)?, "[reward]");
//! assert_eq!(sha256("abc")[..8], *"ba7816bf");
//! assert_eq!(closest("reword", ["reward", "route"]), Some("reward"));
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod bounded;
pub mod whole_file;
pub mod writable;

mod digest;
mod lock;
mod spelling;

pub use digest::{sha256, sha256_of_file, short as short_digest};
pub use lock::{Lock, LockError};
pub use spelling::{closest, did_you_mean};
