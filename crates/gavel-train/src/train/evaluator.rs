//! How a run evaluates its own policy, and records that.

use std::time::Instant;

use gavel_verify::Reward;

use super::progress::Progress;
use super::watcher::Watcher;
use crate::TrainError;
use crate::checkpoint::TrainerState;
use crate::eval::{EvalOptions, Evaluation, evaluate_encoded};
use crate::files::json_bytes;
use crate::records::at_step;
use crate::rollout::Sampler;
use crate::run_directory::{EVALUATIONS, Records, RunDirectory};
use crate::settings::Settings;
use crate::task::EncodedTask;

/// What a run evaluates itself by.
pub(super) struct Evaluator<'a> {
    tasks: &'a [EncodedTask],
    options: EvalOptions,
}

impl<'a> Evaluator<'a> {
    /// Refuses what would be found out at the first evaluation only.
    pub(super) fn new(
        settings: &Settings,
        tasks: &'a [EncodedTask],
        reward: &dyn Reward,
    ) -> Result<Self, TrainError> {
        let options = EvalOptions::of(settings);
        options.check(reward)?;
        Ok(Self { tasks, options })
    }

    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Whether the evaluation after the last step has not been made.
    pub(super) fn owes(&self, state: &TrainerState, steps: u64) -> bool {
        self.has_tasks() && state.step >= steps && state.evaluated != Some(state.step)
    }

    /// Evaluates the policy, and notes that in the state; `None` if whoever watches broke it off.
    pub(super) fn evaluate(
        &self,
        sampler: &mut Sampler<'_>,
        state: &mut TrainerState,
        watcher: &mut Watcher<'_>,
    ) -> Result<Option<Evaluation>, TrainError> {
        let started = Instant::now();
        let (step, of) = (state.step, self.tasks.len() * self.options.num_generations);
        let found = evaluate_encoded(sampler, self.tasks, &self.options, &mut |done| {
            watcher.tell(Progress::Evaluating { step, done, of });
            watcher.wants_an_end()
        })?;
        state.seconds += started.elapsed().as_secs_f64();
        if let Some(found) = &found {
            state.evaluated = Some(step);
            let summary = Some(found.summary());
            *(if step == 0 { &mut state.before } else { &mut state.after }) = summary;
        }
        Ok(found)
    }
}

/// Writes an evaluation down: its numbers, and what was sampled.
pub(super) fn record_evaluation(
    run: &RunDirectory,
    records: &mut Records,
    step: u64,
    evaluation: &Evaluation,
) -> Result<(), TrainError> {
    records.log(step, &evaluation.metrics())?;
    run.write(&format!("{EVALUATIONS}/eval_{step:05}.json"), &json_bytes(evaluation))?;
    let rows = evaluation.completions.iter().map(|completion| at_step(step, completion.to_json()));
    records.write_completions(EVALUATIONS, step, rows)
}
