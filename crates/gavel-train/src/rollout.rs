//! Samples completions and has each one scored as soon as it ends, while others are still being sampled.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use gavel_model::{Completion, Finish, Model, NeverStop, Sampling, Stop, StopStrings, Tokenizer};
use gavel_verify::{Reward, Score, Submission};
use serde_json::Value;

use crate::TrainError;
use crate::task::Task;

/// A task whose prompt is encoded.
#[derive(Debug, Clone)]
pub(crate) struct EncodedTask {
    pub(crate) task: Task,
    pub(crate) prompt: Vec<i64>,
}

/// Encodes the prompts of all tasks, so that one that cannot be encoded is found before anything is sampled.
pub(crate) fn encode(tasks: Vec<Task>, tokenizer: &Tokenizer) -> Result<Vec<EncodedTask>, TrainError> {
    let encode = |(index, task): (usize, Task)| match tokenizer.encode(&task.prompt) {
        Ok(prompt) => Ok(EncodedTask { task, prompt }),
        Err(source) => Err(TrainError::Prompt { index, source }),
    };
    tasks.into_iter().enumerate().map(encode).collect()
}

/// One completion with its score.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) text: String,
    pub(crate) tokens: Vec<i64>,
    /// The log-probability of each token when it was drawn.
    pub(crate) log_probs: Vec<f32>,
    pub(crate) truncated: bool,
    pub(crate) score: Score,
}

impl Sample {
    /// The reward; `None` if there is none, or none that a mean could be taken of.
    pub(crate) fn reward(&self) -> Option<f64> {
        self.score.reward.filter(|reward| reward.is_finite())
    }
}

/// Sampled and scored completions.
#[derive(Debug)]
pub(crate) struct Rollout {
    /// In the order of the prompts.
    pub(crate) samples: Vec<Sample>,
    /// How long sampling took; scoring goes on at the same time.
    pub(crate) sample_time: Duration,
    /// How long the last scores were waited for after sampling had ended.
    pub(crate) score_wait: Duration,
}

impl Rollout {
    /// The time that verifiers spent, all together: what scoring would take one after the other.
    pub(crate) fn score_time(&self) -> Duration {
        let outcomes = self.samples.iter().flat_map(|sample| &sample.score.outcomes);
        outcomes.map(|(_, outcome)| outcome.elapsed).sum()
    }
}

/// Who writes and who judges.
pub(crate) struct Sampler<'a> {
    pub(crate) model: &'a Model,
    pub(crate) tokenizer: &'a Tokenizer,
    /// Strings that end a completion.
    pub(crate) stop: &'a [String],
    pub(crate) reward: &'a dyn Reward,
}

impl Sampler<'_> {
    /// Samples one completion for each task; for a group, a task comes several times.
    pub(crate) fn rollout(&self, tasks: &[&EncodedTask], sampling: &Sampling) -> Result<Rollout, TrainError> {
        let start = Instant::now();
        let (sender, scores) = mpsc::channel();
        let prompts: Vec<&[i64]> = tasks.iter().map(|task| task.prompt.as_slice()).collect();
        let mut texts = vec![String::new(); tasks.len()];
        let mut undecodable = None;
        let completions =
            self.model.generate(&prompts, sampling, self.stop()?.as_ref(), |index, completion| match self
                .tokenizer
                .decode(&completion.tokens)
            {
                Ok(text) => {
                    self.submit(index, submission(&tasks[index].task, completion, &text), &sender);
                    texts[index] = text;
                }
                Err(error) => undecodable = Some(error),
            })?;
        if let Some(error) = undecodable {
            return Err(error.into());
        }
        drop(sender);
        let sample_time = start.elapsed();
        let scores = collect(&scores, tasks.len())?;
        let score_wait = start.elapsed() - sample_time;
        let samples = completions.into_iter().zip(texts).zip(scores);
        let samples = samples.map(|((completion, text), score)| Sample {
            text,
            truncated: completion.finish == Finish::Length,
            tokens: completion.tokens,
            log_probs: completion.log_probs,
            score,
        });
        Ok(Rollout { samples: samples.collect(), sample_time, score_wait })
    }

    fn stop(&self) -> Result<Box<dyn Stop + '_>, TrainError> {
        Ok(if self.stop.is_empty() {
            Box::new(NeverStop)
        } else {
            Box::new(StopStrings::new(self.tokenizer, self.stop)?)
        })
    }

    fn submit(&self, index: usize, submission: Submission, sender: &Sender<(usize, Score)>) {
        let sender = sender.clone();
        // A failed send means that the rollout was given up, and nobody wants the score any more.
        self.reward.submit(submission, Box::new(move |score| drop(sender.send((index, score)))));
    }
}

/// The ids that end a completion: those of the model's configuration, and the tokenizer's.
pub fn end_tokens(model: &Model, tokenizer: &Tokenizer) -> Vec<i64> {
    let mut tokens = model.config().eos_token_ids.clone();
    tokens.extend(tokenizer.eos_token_id().filter(|id| !tokens.contains(id)));
    tokens
}

fn submission(task: &Task, completion: &Completion, text: &str) -> Submission {
    let mut metadata = task.metadata.clone();
    metadata.insert("completion_tokens".to_owned(), completion.tokens.len().into());
    metadata.insert("truncated".to_owned(), (completion.finish == Finish::Length).into());
    Submission {
        prompt: task.prompt.clone(),
        completion: text.to_owned(),
        reference: task.reference.clone(),
        metadata: Value::Object(metadata).to_string(),
    }
}

/// Waits until every submission is answered.
fn collect(scores: &Receiver<(usize, Score)>, submitted: usize) -> Result<Vec<Score>, TrainError> {
    let mut collected: Vec<Option<Score>> = vec![None; submitted];
    for (index, score) in scores {
        collected[index] = Some(score);
    }
    let missing = collected.iter().filter(|score| score.is_none()).count();
    if missing > 0 {
        return Err(TrainError::Unanswered { missing, submitted });
    }
    Ok(collected.into_iter().flatten().collect())
}
