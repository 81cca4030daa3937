//! Why ranks cannot work together, or no longer do.

/// A failure of a process group. After one that comes from other ranks, no operation of the group succeeds any more: what
/// is left is to end the process, and to start all ranks again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable that whatever starts ranks has to set.
    #[error("{variable} {problem}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Another rank did not come, or does not answer.
    #[error("no answer from another rank within {seconds} seconds: {what}")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
        /// What c10d says, or what to look at.
        what: String,
    },
    /// The connection to another rank has ended.
    #[error("another rank has ended: {0}")]
    Ended(String),
    /// Two ranks do not do the same, so that what they would exchange has no meaning.
    #[error("rank {rank} and rank {this} do not agree on {what}")]
    Differs {
        /// The first rank that differs from this one.
        rank: usize,
        /// This one.
        this: usize,
        /// What differs.
        what: String,
    },
    /// What was asked for cannot be done.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// Whether it may be the consequence of another rank's failure.
    pub fn is_of_another_rank(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Ended(_))
    }
}
