//! Verifiers that are no plugins: written in Rust, or in the language of the program that has gavel as a library.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use gavel_verify::{AsyncVerifier, Verifier};

/// A verifier that is no plugin, and what holds for it.
///
/// ```
/// use gavel_reward::Native;
/// use gavel_verify::{AsyncVerifier, Description, Judging, Outcome, Submission, Verdict};
/// use std::time::Duration;
///
/// struct Remote(Description);
///
/// impl AsyncVerifier for Remote {
///     fn description(&self) -> &Description {
///         &self.0
///     }
///
///     fn verify<'a>(&'a self, _: &'a Submission) -> Judging<'a> {
///         Box::pin(async { Outcome::verdict(Verdict::new(1.0), Duration::ZERO) })
///     }
/// }
///
/// let eight = std::num::NonZeroUsize::new(8).unwrap();
/// let remote = Native::of_async(Remote(Description::named("remote")))
///     .max_concurrency(eight)
///     .timeout(Duration::from_secs(5));
/// ```
#[derive(Clone)]
pub struct Native {
    pub(crate) kind: NativeKind,
    pub(crate) max_concurrency: Option<NonZeroUsize>,
    pub(crate) timeout: Duration,
}

#[derive(Clone)]
pub(crate) enum NativeKind {
    /// Judges on the thread that asks it.
    Here(Arc<dyn Verifier>),
    /// Waits, and holds no thread meanwhile.
    Async(Arc<dyn AsyncVerifier>),
}

impl Native {
    /// How long an async verifier takes for a submission, unless it is said.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// How many submissions an async verifier judges at once, unless it is said.
    pub const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(64).unwrap();

    /// A verifier that judges on one of the workspace's threads, within limits of its own.
    pub fn new(verifier: impl Verifier + 'static) -> Self {
        Self::of_kind(NativeKind::Here(Arc::new(verifier)))
    }

    /// A verifier that waits for somebody else and holds no thread meanwhile: at most [`Native::CONCURRENCY`] submissions at
    /// once, and [`Native::TIMEOUT`] for each.
    pub fn of_async(verifier: impl AsyncVerifier + 'static) -> Self {
        Self::of_kind(NativeKind::Async(Arc::new(verifier)))
    }

    fn of_kind(kind: NativeKind) -> Self {
        Self { kind, max_concurrency: None, timeout: Self::TIMEOUT }
    }

    /// How many submissions it judges at the same time. In a reward file, `max_concurrency` says it instead.
    #[must_use]
    pub fn max_concurrency(self, most: NonZeroUsize) -> Self {
        Self { max_concurrency: Some(most), ..self }
    }

    /// How long an async verifier may take for a submission, by the clock: waiting costs no processor time. The outcome is
    /// [`Failure::Deadline`](gavel_verify::Failure::Deadline) then. One that judges on a thread keeps to limits of its own.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

impl From<Arc<dyn Verifier>> for Native {
    fn from(verifier: Arc<dyn Verifier>) -> Self {
        Self::of_kind(NativeKind::Here(verifier))
    }
}

impl From<Arc<dyn AsyncVerifier>> for Native {
    fn from(verifier: Arc<dyn AsyncVerifier>) -> Self {
        Self::of_kind(NativeKind::Async(verifier))
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_async = matches!(self.kind, NativeKind::Async(_));
        f.debug_struct("Native").field("is_async", &is_async).finish_non_exhaustive()
    }
}
