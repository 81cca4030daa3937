//! How much address space this process may have, and what of it the memories of instances reserve.

/// How the memories of instances lie in the address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressSpace {
    /// Each has all that it may come to reserved ahead, which takes no memory and is the fastest.
    Ample,
    /// Each has what it needs, and moves where it outgrows that. Every access is checked by instructions.
    Scarce,
}

impl AddressSpace {
    /// What there is for `threads` that judge at the same time, whose memories would reserve so many bytes together.
    pub(crate) fn of_this_process(threads: u32, reserved: u64) -> Self {
        match limit() {
            Some(limit) if limit < reserved => {
                tracing::warn!(
                    "this process may have {} of address space (`ulimit -v`), and {threads} threads would reserve {}: \
                     memories are mapped as they grow, which is slower; raise the limit, or judge with fewer threads",
                    gibibytes(limit),
                    gibibytes(reserved),
                );
                Self::Scarce
            }
            _ => Self::Ample,
        }
    }
}

fn gibibytes(bytes: u64) -> String {
    format!("{} GiB", bytes.div_ceil(1 << 30))
}

/// The most bytes of address space that this process may have; `None` where nobody limits it.
#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}
