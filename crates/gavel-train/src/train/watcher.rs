//! Whoever watches a run: is told what happens, and may have it end.

use std::ops::ControlFlow;

use super::progress::Progress;
use crate::TrainError;
use crate::ranks::Ranks;

/// What [`train`](super::train) calls as things happen.
pub(super) type Watch<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// Every rank has somebody who watches, and a run ends for all of them where one wants it to.
pub(super) struct Watcher<'a> {
    watch: &'a mut Watch<'a>,
    ranks: &'a Ranks,
    /// Whether an end is wanted here.
    here: bool,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(watch: &'a mut Watch<'a>, ranks: &'a Ranks) -> Self {
        Self { watch, ranks, here: false }
    }

    /// Says what happens.
    pub(super) fn tell(&mut self, progress: Progress<'_>) {
        self.here |= (self.watch)(progress).is_break();
    }

    /// Whether the run is to end before its time: the same on every rank. To be asked by all of them at the same place.
    pub(super) fn wants_an_end(&mut self) -> Result<bool, TrainError> {
        self.here = self.ranks.any(self.here)?;
        Ok(self.here)
    }
}
