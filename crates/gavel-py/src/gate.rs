//! The way back into Python, for threads that it does not know or does not wait for when it ends.
//!
//! A thread that asks for Python's lock while the interpreter is being taken down is ended by force, and Rust aborts the
//! process for that. So everybody goes through this gate, and `atexit` closes it before anything is taken down. There is no
//! lock in it, which a fork could catch held.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

static CLOSED: AtomicBool = AtomicBool::new(false);
static PASSING: AtomicUsize = AtomicUsize::new(0);

/// Held by a thread that is on its way into Python: the interpreter stays until it is let go.
#[derive(Debug)]
pub(crate) struct Passing(());

impl Passing {
    /// `None` once the interpreter is ending.
    pub(crate) fn try_new() -> Option<Self> {
        PASSING.fetch_add(1, SeqCst);
        let passing = Self(());
        (!CLOSED.load(SeqCst)).then_some(passing)
    }

    /// As [`Passing::try_new`]; where the interpreter is ending, sleeps until the process is gone, as Python 3.14 has its
    /// own threads do.
    pub(crate) fn new() -> Self {
        Self::try_new().unwrap_or_else(|| {
            loop {
                thread::park();
            }
        })
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        PASSING.fetch_sub(1, SeqCst);
    }
}

/// Whether the interpreter is ending.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(SeqCst)
}

/// Lets nobody in any more, and waits for those who are inside.
#[pyfunction]
pub(crate) fn close(py: Python<'_>) {
    py.detach(|| {
        CLOSED.store(true, SeqCst);
        while PASSING.load(SeqCst) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// In the child of a fork: whoever was on the way is not here.
#[pyfunction]
pub(crate) fn forked() {
    PASSING.store(0, SeqCst);
}
