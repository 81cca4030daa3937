//! Why a plugin was not put into a folder of the plugin path, or not taken away.

use std::io;
use std::path::PathBuf;

use gavel_verify::visible_name;

use crate::error::PluginError;
use crate::lock::Locked;
use gavel_files::short_digest;

/// Why a plugin was not added or taken away. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A folder cannot have this name everywhere.
    #[error("`{}` cannot be the name of a plugin: letters, digits, `-` and `_` can", visible_name(name, 200))]
    Name {
        /// The name.
        name: String,
    },
    /// Another plugin of the name was added.
    #[error(
        "`{name}` {} (sha256:{}) is in {} already; --force replaces it by {} (sha256:{}){}",
        visible_name(&before.version, 200),
        short_digest(&before.digest),
        folder.display(),
        visible_name(version, 200),
        short_digest(digest),
        if before.digest == *digest { ", which has another gavel.toml" } else { "" }
    )]
    Another {
        /// The plugin.
        name: String,
        /// The folder of the plugin path.
        folder: PathBuf,
        /// What is there.
        before: Box<Locked>,
        /// The version of what would be added.
        version: String,
        /// And its digest.
        digest: String,
    },
    /// Something that was not added has the name.
    #[error(
        "{} is there, and `gavel plugin add` has not put it there; choose another folder with --plugin-path{}",
        place.display(),
        if *force_helps { ", or replace the plugin in it with --force" } else { ", or move it away" }
    )]
    Occupied {
        /// What is there.
        place: PathBuf,
        /// Whether it may be written over by force.
        force_helps: bool,
    },
    /// A file was changed after it was added.
    #[error("{} was changed since it was added; {advice}", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// The folder is somebody's sources.
    #[error(
        "{} says how a plugin is built, or is being written, so these are somebody's sources; choose another folder \
         with --plugin-path",
        manifest.display()
    )]
    Sources {
        /// The manifest.
        manifest: PathBuf,
    },
    /// A link would lead out of the folder.
    #[error("{} is a link, and nothing is written or removed through one; remove the link first", link.display())]
    Link {
        /// The link.
        link: PathBuf,
    },
    /// No plugin of this name has been added.
    #[error("`{}` is not in {}", visible_name(name, 200), lock.display())]
    Unknown {
        /// The name.
        name: String,
        /// The lock.
        lock: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", file.display())]
    Unwritable {
        /// The file or folder.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file cannot be removed.
    #[error("cannot remove {}", file.display())]
    Unremovable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The lock is broken, or cannot be written.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}
