//! Samples completions and has each one scored as soon as it ends, while others are still being sampled.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use gavel_model::{Completion, Finish, Model, NeverStop, Sampling, Stop, StopStrings, Tokenizer};
use gavel_verify::{NoReward, Reward, Score, Submission};
use serde_json::Value;

use crate::TrainError;
use crate::task::Task;

/// A task whose prompt is encoded.
#[derive(Debug, Clone)]
pub(crate) struct EncodedTask {
    pub(crate) task: Task,
    pub(crate) prompt: Vec<i64>,
}

/// Encodes the prompts of all tasks, so that one that a model with `vocabulary` ids cannot continue is found before
/// anything is sampled.
pub(crate) fn encode(
    tasks: Vec<Task>,
    tokenizer: &Tokenizer,
    vocabulary: i64,
) -> Result<Vec<EncodedTask>, TrainError> {
    tasks.into_iter().map(|task| encode_one(task, tokenizer, vocabulary)).collect()
}

fn encode_one(task: Task, tokenizer: &Tokenizer, vocabulary: i64) -> Result<EncodedTask, TrainError> {
    let (path, line) = (task.path.to_path_buf(), task.line);
    let encoded = match &task.question {
        Some(_) => tokenizer.encode_chat(&task.prompt),
        None => tokenizer.encode(&task.prompt),
    };
    let prompt = match encoded {
        Ok(prompt) => prompt,
        Err(source) => return Err(TrainError::Prompt { path, line, source }),
    };
    if prompt.is_empty() {
        return Err(TrainError::EmptyPrompt { path, line });
    }
    match prompt.iter().find(|id| !(0..vocabulary).contains(*id)) {
        Some(&id) => Err(TrainError::UnknownToken { path, line, id, vocabulary }),
        None => Ok(EncodedTask { task, prompt }),
    }
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
    /// The reward, a finite number, or why there is none.
    pub(crate) fn reward(&self) -> Result<f64, NoReward> {
        finite_reward(&self.score)
    }
}

/// The reward of a score, a finite number, or why there is none.
pub(crate) fn finite_reward(score: &Score) -> Result<f64, NoReward> {
    match score.reward.clone()? {
        reward if reward.is_finite() => Ok(reward),
        value => Err(NoReward::NotFinite { value }),
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

/// What samples completions and has them scored.
pub(crate) struct Sampler<'a> {
    pub(crate) model: &'a Model,
    pub(crate) tokenizer: &'a Tokenizer,
    /// What ends a completion besides end tokens; see [`stop`].
    pub(crate) stop: &'a dyn Stop,
    pub(crate) reward: &'a dyn Reward,
    /// At most this many sequences are in memory at a time.
    pub(crate) max_num_seqs: usize,
}

impl Sampler<'_> {
    /// Samples one completion for each task; for a group, a task comes several times. The scores of one part are
    /// worked on while the next is sampled.
    pub(crate) fn rollout(&self, tasks: &[&EncodedTask], sampling: &Sampling) -> Result<Rollout, TrainError> {
        let start = Instant::now();
        let (sender, scores) = mpsc::channel();
        let mut texts = vec![String::new(); tasks.len()];
        let mut completions = Vec::with_capacity(tasks.len());
        for tasks in tasks.chunks(self.max_num_seqs) {
            let first = completions.len();
            let stream = sampling.first_stream + first as u64;
            let sampling = Sampling { first_stream: stream, ..sampling.clone() };
            let texts = &mut texts[first..];
            completions.extend(self.part(tasks, &sampling, |index, completion, text| {
                self.submit(first + index, submission(&tasks[index].task, completion, &text), &sender);
                texts[index] = text;
            })?);
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

    /// Samples as many sequences as are in memory at a time; `finished` gets each completion with its text when it ends.
    fn part(
        &self,
        tasks: &[&EncodedTask],
        sampling: &Sampling,
        mut finished: impl FnMut(usize, &Completion, String),
    ) -> Result<Vec<Completion>, TrainError> {
        let prompts: Vec<&[i64]> = tasks.iter().map(|task| task.prompt.as_slice()).collect();
        let mut undecodable = None;
        let completions =
            self.model.generate(&prompts, sampling, self.stop, |index, completion| {
                match self.tokenizer.decode(&completion.tokens) {
                    Ok(text) => finished(index, completion, text),
                    Err(error) => undecodable = Some(error),
                }
            })?;
        match undecodable {
            Some(error) => Err(error.into()),
            None => Ok(completions),
        }
    }

    fn submit(&self, index: usize, submission: Submission, sender: &Sender<(usize, Score)>) {
        let sender = sender.clone();
        // A failed send means that the rollout was given up, and nobody wants the score any more.
        self.reward.submit(submission, Box::new(move |score| drop(sender.send((index, score)))));
    }
}

/// What ends a completion that contains one of `strings`. Takes time proportional to the vocabulary: make it once.
pub(crate) fn stop<'a>(
    strings: &[String],
    tokenizer: &'a Tokenizer,
) -> Result<Box<dyn Stop + 'a>, TrainError> {
    if strings.is_empty() {
        return Ok(Box::new(NeverStop));
    }
    Ok(Box::new(StopStrings::new(tokenizer, strings)?))
}

/// The ids that end a completion: those of the model's configurations, and the tokenizer's.
pub fn end_tokens(model: &Model, tokenizer: &Tokenizer) -> Vec<i64> {
    let mut tokens = model.end_tokens();
    tokens.extend(tokenizer.eos_token_id().filter(|id| !tokens.contains(id)));
    tokens
}

fn submission(task: &Task, completion: &Completion, text: &str) -> Submission {
    let mut metadata = task.metadata.clone();
    metadata.insert("completion_tokens".to_owned(), completion.tokens.len().into());
    metadata.insert("truncated".to_owned(), (completion.finish == Finish::Length).into());
    Submission {
        prompt: task.question.clone().unwrap_or_else(|| task.prompt.clone()),
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
