//! Training as it happens: a line for each step, on stderr.

use std::path::Path;

use bytesize::ByteSize;
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
    /// Steps in a row, up to now, in which no group had rewards that differ.
    without_spread: u64,
    /// Whether the room that a checkpoint takes has been said.
    room_said: bool,
    /// Whether a run is to go on.
    resumes: bool,
    /// What to do where rewards are missing, since the tasks seem to call their references otherwise; said once.
    reference_advice: Option<String>,
}

/// So many steps in a row in which nothing could be learnt are said.
const WITHOUT_SPREAD: u64 = 3;

impl<'a> Live<'a> {
    pub(super) fn new(terminal: &'a Terminal, resumes: bool, reference_advice: Option<String>) -> Self {
        Self {
            terminal,
            seconds: 0.0,
            steps_seen: 0,
            accuracy_before: None,
            without_spread: 0,
            room_said: false,
            resumes,
            reference_advice,
        }
    }

    /// Says what is odd about a run that has ended.
    pub(super) fn end(&self) {
        if self.steps_seen > 0 && self.without_spread == self.steps_seen {
            let steps = match self.steps_seen {
                1 => "the only step".to_owned(),
                steps => format!("all {steps} steps"),
            };
            self.terminal.note(format_args!(
                "warning: in {steps}, no group had completions with different rewards, so nothing was learnt; {ADVICE}"
            ));
        }
    }

    pub(super) fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Planned { plan, of } => super::plan::say(plan, *of, self.terminal),
            Progress::Started { step, steps, parameters, adapter, device } => {
                if self.resumes && *step == 0 {
                    self.terminal.note("the run has no checkpoint yet, so it starts from the beginning");
                }
                let millions = |count: usize| count as f64 / 1e6;
                let adapter = adapter.map_or_else(String::new, |count| {
                    format!(", which stay, an adapter of {:.2} M", millions(count))
                });
                let left = if step < steps {
                    format!("steps {} to {steps}", step + 1)
                } else {
                    format!("no step left: {step} have been made, and the run has {steps}")
                };
                self.terminal.note(format_args!(
                    "{:.1} M parameters{adapter} on {device:?}, {left}",
                    millions(*parameters)
                ));
            }
            Progress::AlreadyFinished { step, path } => self.terminal.note(format_args!(
                "the run in {} has made all its {step} steps; a larger max_steps goes on with it",
                path.display()
            )),
            Progress::Stepped(report) => self.step(report.step, report.steps, report.metrics),
            Progress::WithoutReward { step, in_a_row, why } => {
                self.terminal.note(format_args!(
                    "warning: no completion of step {step} has a reward, {in_a_row} in a row: {}",
                    visible(why)
                ));
                self.advise_on_references();
            }
            Progress::SomeWithoutReward { step, count, of, why } => {
                self.terminal.note(format_args!(
                    "warning: {count} of {of} completions of step {step} have no reward, and are left out: {}; \
                     `reward/none/…` in metrics.jsonl counts such",
                    visible(why)
                ));
                self.advise_on_references();
            }
            Progress::WithoutVerdict { step, verifier, why } => {
                self.terminal.note(format_args!(
                    "warning: `{}` has no verdict on any completion of step {step}: {}",
                    visible(verifier),
                    visible(why)
                ));
                self.advise_on_references();
            }
            Progress::Warned { step, raised } => {
                self.terminal.note(format_args!("warning: step {step}: {}", visible(&raised.to_string())));
            }
            Progress::Evaluated { step, evaluation } => {
                let accuracy = evaluation.accuracy();
                let change = self.accuracy_before.map(|before| 100.0 * (accuracy - before));
                let change = change.map(|points| format!(" ({points:+.1} points)")).unwrap_or_default();
                self.accuracy_before.get_or_insert(accuracy);
                self.terminal.note(format_args!(
                    "held out, after step {step}: accuracy {:.1} %{change}, {:.0} tokens, {} tasks",
                    100.0 * accuracy,
                    evaluation.mean_length,
                    evaluation.tasks
                ));
            }
            Progress::Refreshed { refreshed, .. } => self.terminal.refreshed(refreshed),
            Progress::Saved { path, .. } => self.say_room(path),
            Progress::Evaluating { .. } => {}
        }
    }

    /// Says once which column may be the reference.
    fn advise_on_references(&mut self) {
        if let Some(advice) = self.reference_advice.take() {
            self.terminal.note(advice);
        }
    }

    /// Says once what a checkpoint takes, since there may be many.
    fn say_room(&mut self, checkpoint: &Path) {
        if !std::mem::replace(&mut self.room_said, true) {
            self.terminal.note(format_args!(
                "saved   {}: {} for each checkpoint; save_steps says how often, save_total_limit how many are kept",
                checkpoint.display(),
                ByteSize::b(size(checkpoint)).display().iec()
            ));
        }
    }

    fn step(&mut self, step: u64, steps: u64, metrics: &Metrics) {
        let get = |name: &str| metrics.get(name).unwrap_or(f64::NAN);
        let teaches = get("frac_reward_zero_std") < 1.0;
        self.without_spread = if teaches { 0 } else { self.without_spread + 1 };
        self.seconds += get("step_time");
        self.steps_seen += 1;
        let left = self.seconds / self.steps_seen as f64 * (steps - step) as f64;
        let reward = get("reward");
        // Where no group has spread there is none: it is measured on what is learnt from.
        let entropy = metrics.get("entropy").filter(|entropy| entropy.is_finite());
        let entropy = entropy.map_or_else(|| "–".to_owned(), |entropy| format!("{entropy:.3}"));
        self.terminal.note(format_args!(
            "step {step:>4}/{steps}  {} reward {reward:.3}  length {:>5.1}  entropy {}  {:.1} s, {:.0}:{:02.0} left",
            bar(reward),
            get("completions/mean_length"),
            entropy,
            get("step_time"),
            (left / 60.0).floor(),
            (left % 60.0).floor(),
        ));
        if self.without_spread == WITHOUT_SPREAD {
            self.terminal.note(format_args!(
                "warning: in the last {WITHOUT_SPREAD} steps, no group had completions with different rewards, so nothing \
                 was learnt; {ADVICE}"
            ));
        }
    }
}

/// What to look at where all completions of every group have one reward.
const ADVICE: &str = "look at `completions/` in the run: are the tasks too hard, all solved, or is the reward the same for \
                      every answer?";

/// Bytes of the files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
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
