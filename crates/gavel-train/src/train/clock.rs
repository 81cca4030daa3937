//! How long the phases of a step take.

use std::time::Instant;

use crate::metrics::Metrics;
use crate::rollout::Rollout;

/// The phases of a step, timed.
pub(super) struct Clock {
    started: Instant,
    lap_started: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Clock {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self { started: now, lap_started: now, laps: Vec::new() }
    }

    /// The time since the last lap belongs to `phase`, which may come several times.
    pub(super) fn lap(&mut self, phase: &'static str) {
        let seconds = self.lap_started.elapsed().as_secs_f64();
        match self.laps.iter_mut().find(|(known, _)| *known == phase) {
            Some((_, sum)) => *sum += seconds,
            None => self.laps.push((phase, seconds)),
        }
        self.lap_started = Instant::now();
    }

    pub(super) fn total(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// `time/…`: the wall-clock of each phase, and the time of the verifiers, which overlaps with sampling.
    pub(super) fn metrics(&self, rollout: &Rollout) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.add_mean("step_time", self.total());
        for &(phase, seconds) in &self.laps {
            // Of sampling, the rollout knows what was sampling and what was waiting for scores.
            let seconds = if phase == "sample" { rollout.sample_time.as_secs_f64() } else { seconds };
            metrics.add_mean(format!("time/{phase}"), seconds);
        }
        metrics.add_mean("time/score_wait", rollout.score_wait.as_secs_f64());
        metrics.add_mean("time/score", rollout.score_time().as_secs_f64());
        metrics
    }
}
