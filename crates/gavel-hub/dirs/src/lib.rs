//! What `hf-hub` asks of the crate `dirs`: where the user's home folder is.

use std::path::PathBuf;

/// The user's home folder, where there is one.
pub fn home_dir() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}
