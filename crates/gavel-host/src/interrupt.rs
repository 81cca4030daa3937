//! A way to end loading and judging from another thread, for whoever is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends what a host is doing. Clones are the same switch, and once it is set it stays set.
///
/// Loading and compiling end with [`LoadError::Interrupted`](crate::LoadError::Interrupted), judging with
/// [`Failure::HostFailed`](gavel_verify::Failure::HostFailed), both within some ten milliseconds. Setting it is an
/// atomic store, which a signal handler may do.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A switch that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends loading and judging on every host that has this switch.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has been set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
