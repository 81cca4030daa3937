//! Training as it happens: a line for each step, on stderr.

use gavel_train::metrics::Metrics;
use gavel_train::train::Progress;
use gavel_verify::visible;

use gavel_cli::terminal::Terminal;

/// Writes what happens.
pub(super) struct Live<'a> {
    terminal: &'a Terminal,
    /// Seconds of the steps seen, for what is left.
    seconds: f64,
    steps_seen: u64,
    accuracy_before: Option<f64>,
}

impl<'a> Live<'a> {
    pub(super) fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, seconds: 0.0, steps_seen: 0, accuracy_before: None }
    }

    pub(super) fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Started { step, steps, parameters, device } => self.terminal.note(format_args!(
                "{:.1} M parameters on {device:?}, steps {} to {steps}",
                *parameters as f64 / 1e6,
                step + 1
            )),
            Progress::AlreadyFinished { step, path } => self.terminal.note(format_args!(
                "the run in {} has made all its {step} steps; a larger max_steps goes on with it",
                path.display()
            )),
            Progress::Stepped(report) => self.step(report.step, report.steps, report.metrics),
            Progress::WithoutReward { step, in_a_row, why } => self.terminal.note(format_args!(
                "warning: no completion of step {step} has a reward, {in_a_row} in a row: {}",
                visible(why)
            )),
            Progress::Evaluated { step, evaluation } => {
                let accuracy = evaluation.accuracy();
                let before = *self.accuracy_before.get_or_insert(accuracy);
                self.terminal.note(format_args!(
                    "held out, after step {step}: accuracy {:.1} % ({:+.1} points), {:.0} tokens, {} tasks",
                    100.0 * accuracy,
                    100.0 * (accuracy - before),
                    evaluation.mean_length,
                    evaluation.tasks
                ));
            }
            Progress::Refreshed { refreshed, .. } => self.terminal.refreshed(refreshed),
            Progress::Evaluating { .. } | Progress::Saved { .. } => {}
        }
    }

    fn step(&mut self, step: u64, steps: u64, metrics: &Metrics) {
        let get = |name: &str| metrics.get(name).unwrap_or(f64::NAN);
        self.seconds += get("step_time");
        self.steps_seen += 1;
        let left = self.seconds / self.steps_seen as f64 * (steps - step) as f64;
        let reward = get("reward");
        self.terminal.note(format_args!(
            "step {step:>4}/{steps}  {} reward {reward:.3}  length {:>5.1}  entropy {:.3}  {:.1} s, {:.0}:{:02.0} left",
            bar(reward),
            get("completions/mean_length"),
            get("entropy"),
            get("step_time"),
            (left / 60.0).floor(),
            (left % 60.0).floor(),
        ));
    }
}

/// A bar of 20 cells; 1 is full.
fn bar(share: f64) -> String {
    let filled = (share.clamp(0.0, 1.0) * 20.0).round() as usize;
    format!("{}{}", "█".repeat(filled), "░".repeat(20 - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_always_twenty_cells() {
        for share in [f64::NAN, -1.0, 0.0, 0.5, 1.0, 7.0] {
            assert_eq!(bar(share).chars().count(), 20, "{share}");
        }
        assert_eq!(bar(0.5).matches('█').count(), 10);
    }
}
