//! Why something on the hub cannot be had, and what to do about it.

use std::io;
use std::path::PathBuf;

use hf_hub::api::sync::ApiError;

use crate::{HubName, NameError};

/// Why something on the hub cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// A text is no name on the hub.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A data set is named where a model is wanted, or the other way round.
    #[error("{name} is a {found}, and a {wanted} is wanted")]
    Kind {
        /// What was named.
        name: HubName,
        /// What it is.
        found: &'static str,
        /// What is wanted.
        wanted: &'static str,
    },
    /// There is no such repository or revision.
    #[error("the hub has no {name}: are name and revision right?")]
    NotThere {
        /// What was named.
        name: HubName,
    },
    /// The hub does not show it to whoever asks; it says so too of a repository that is not there.
    #[error("the hub does not show {name}: is the name right? {}", if *with_token {
        "The token that was sent may not see it: where it is gated, accept the terms on its page first"
    } else {
        "Where it is private or gated, accept the terms on its page, and log in by `hf auth login` or HF_TOKEN"
    })]
    Refused {
        /// What was named.
        name: HubName,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The hub cannot be reached, or broke off.
    #[error(
        "cannot fetch {name} from {endpoint}; what has arrived stays, and the next try goes on from there"
    )]
    Unreachable {
        /// What was named.
        name: HubName,
        /// Where the hub was looked for.
        endpoint: String,
        /// What went wrong.
        #[source]
        source: Box<ApiError>,
    },
    /// Nothing may be fetched, and it is not in the cache.
    #[error("{name} is not in the cache {}{}, and HF_HUB_OFFLINE forbids to fetch it", cache.display(), of_file(file))]
    Offline {
        /// What was named.
        name: HubName,
        /// The cache.
        cache: PathBuf,
        /// The file of it that is missing, where others are there.
        file: Option<String>,
    },
    /// A repository has no weights in safetensors.
    #[error(
        "{name} has no weights in safetensors, which are what is read; some repositories have them in another revision"
    )]
    NoWeights {
        /// What was named.
        name: HubName,
    },
    /// No file of a data set is at a path.
    #[error("{name} is not there; its files of rows are: {files}")]
    NoFile {
        /// What was named.
        name: HubName,
        /// Those that there are.
        files: String,
    },
    /// A data set has several configurations and none is named, or has not the one that is.
    #[error("{name} has {}: {configs}", if name.config.is_some() {
        "no such configuration; there are"
    } else {
        "several configurations, say which by `?config=NAME`"
    })]
    Configs {
        /// What was named.
        name: HubName,
        /// Those that there are.
        configs: String,
    },
    /// A data set has no such split.
    #[error("{name} has no {}; there are: {splits}", if name.split.is_some() {
        "such split"
    } else {
        "split `train`: say which by `?split=NAME`"
    })]
    Splits {
        /// What was named.
        name: HubName,
        /// Those that there are.
        splits: String,
    },
    /// A repository names a file that would lie outside its folder.
    #[error(
        "{name} has a file called {file:?}, which is not fetched: it would not lie in the folder of the repository"
    )]
    Path {
        /// What was named.
        name: HubName,
        /// The file.
        file: String,
    },
    /// What was fetched is not what the hub says that it is.
    #[error("{file} of {name} has arrived broken, and is removed: try again")]
    Broken {
        /// What was named.
        name: HubName,
        /// The file.
        file: String,
    },
    /// The cache cannot be read or written.
    #[error("cannot use the cache {}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

fn of_file(file: &Option<String>) -> String {
    file.as_ref().map(|file| format!(" ({file} is missing)")).unwrap_or_default()
}

impl HubError {
    /// Whether the machine or the network is to blame, and not what was named.
    pub fn is_of_machine(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Broken { .. } | Self::Cache { .. })
    }
}
