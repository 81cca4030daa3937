//! Ctrl-C and a polite `kill`: they end the process at once while there is nothing to save, later they raise a flag, and
//! the second one ends it at once again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::exit::ExitStatus;

/// Which of the two signals has come.
#[derive(Debug, Clone)]
pub struct Interrupts {
    /// The signal, or 0.
    signal: Arc<AtomicUsize>,
    /// Whether the next one ends the process.
    at_once: Arc<AtomicBool>,
}

impl Interrupts {
    /// Listens. Until [`Interrupts::hold`] is called a signal ends the process at once, with the exit code of an
    /// [`ExitStatus`].
    ///
    /// # Errors
    /// When the operating system does not let it.
    pub fn listen() -> anyhow::Result<Self> {
        let interrupts = Self { signal: Arc::default(), at_once: Arc::new(AtomicBool::new(true)) };
        let Self { signal, at_once } = &interrupts;
        for (number, code) in [(SIGINT, 130), (SIGTERM, 143)] {
            // In this order: a signal looks whether it is to end the process, and only then sees to it that the next does.
            signal_hook::flag::register_conditional_shutdown(number, code, Arc::clone(at_once))
                .and_then(|_| signal_hook::flag::register_usize(number, Arc::clone(signal), number as usize))
                .and_then(|_| signal_hook::flag::register(number, Arc::clone(at_once)))
                .context("cannot listen for Ctrl-C")?;
        }
        Ok(interrupts)
    }

    /// From now on the first signal only raises the flag: there is something to finish.
    pub fn hold(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// How to end, once a signal has come.
    pub fn status(&self) -> Option<ExitStatus> {
        match self.signal.load(Ordering::SeqCst) as i32 {
            0 => None,
            SIGTERM => Some(ExitStatus::Terminated),
            _ => Some(ExitStatus::Interrupted),
        }
    }
}
