//! Samples completions and has each one scored as soon as it ends, while others are still being sampled.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use gavel_model::{
    Completion, Engine, Finish, Finished, Model, NeverStop, Request, Room, Sampling, Stop, StopStrings,
    Tokenizer,
};
use gavel_verify::{Group, NoReward, Reward, Score};

use crate::TrainError;
use crate::ranks::{Ranks, SampleForm};
use crate::task::EncodedTask;

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

/// Completions that were sampled, and that the reward has: this rank's share of those that all have sampled.
#[derive(Debug)]
pub(crate) struct Sampled<'a> {
    ranks: &'a Ranks,
    /// With their texts, in the order of the tasks.
    completions: Vec<(Completion, String)>,
    /// Where their scores arrive.
    scores: Receiver<(usize, Score)>,
    /// How long sampling took; zero if that was in an earlier process.
    sample_time: Duration,
}

impl Sampled<'_> {
    /// Those of this rank.
    pub(crate) fn completions(&self) -> impl Iterator<Item = &Completion> {
        self.completions.iter().map(|(completion, _)| completion)
    }

    /// Waits for the scores, and gathers what all ranks have sampled.
    pub(crate) fn scored(self) -> Result<Rollout, TrainError> {
        let start = Instant::now();
        let scores = collect(&self.scores, self.completions.len())?;
        let score_wait = start.elapsed();
        let ranks = self.ranks;
        let samples = self.completions.into_iter().zip(scores).map(|((completion, text), score)| Sample {
            text,
            truncated: completion.finish == Finish::Length,
            tokens: completion.tokens,
            log_probs: completion.log_probs,
            score,
        });
        Rollout { samples: samples.collect(), sample_time: self.sample_time, score_wait }.of_all(ranks)
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
    /// What all ranks have sampled, and how long the slowest took.
    fn of_all(self, ranks: &Ranks) -> Result<Self, TrainError> {
        if ranks.size() == 1 {
            return Ok(self);
        }
        let forms: Vec<SampleForm> = self.samples.into_iter().map(SampleForm::from).collect();
        let mut all = Self { samples: Vec::new(), sample_time: Duration::ZERO, score_wait: Duration::ZERO };
        for (samples, sample_time, score_wait) in ranks.each((forms, self.sample_time, self.score_wait))? {
            all.samples.extend(samples.into_iter().map(Sample::from));
            all.sample_time = all.sample_time.max(sample_time);
            all.score_wait = all.score_wait.max(score_wait);
        }
        Ok(all)
    }

    /// The time that verifiers spent, all together: what scoring would take one after the other.
    pub(crate) fn score_time(&self) -> Duration {
        let outcomes = self.samples.iter().flat_map(|sample| &sample.score.outcomes);
        outcomes.map(|(_, outcome)| outcome.elapsed).sum()
    }
}

/// Tokens of the longest prompt.
pub(crate) fn longest_prompt(tasks: &[EncodedTask]) -> usize {
    tasks.iter().map(|task| task.prompt.len()).max().unwrap_or(0)
}

/// What samples completions and has them scored: the policy and the reward.
pub(crate) struct Sampler<'a> {
    pub(crate) model: &'a Model,
    pub(crate) tokenizer: &'a Tokenizer,
    /// What ends a completion besides end tokens; see [`stop`].
    stop: &'a dyn Stop,
    reward: &'a dyn Reward,
    ranks: &'a Ranks,
    engine: Engine,
}

impl<'a> Sampler<'a> {
    /// A sampler with an engine of its own, which has `room` and the weights of `model` as they are now.
    pub(crate) fn new(
        model: &'a Model,
        tokenizer: &'a Tokenizer,
        stop: &'a dyn Stop,
        reward: &'a dyn Reward,
        ranks: &'a Ranks,
        room: Room,
    ) -> Self {
        Self { model, tokenizer, stop, reward, ranks, engine: Engine::new(model, room) }
    }

    /// Those that sample together.
    pub(crate) fn ranks(&self) -> &'a Ranks {
        self.ranks
    }

    /// Whether the reward compares the completions of a prompt, so that all of them have to be sampled together.
    pub(crate) fn needs_groups(&self) -> bool {
        self.reward.needs_groups()
    }

    /// Which of so many completions are this rank's: whole groups, where the reward compares the completions of one.
    fn share(&self, completions: usize, group: usize) -> Range<usize> {
        if !self.needs_groups() {
            return self.ranks.share(completions);
        }
        let groups = self.ranks.share(completions / group);
        groups.start * group..groups.end * group
    }

    /// Samples with the weights that the model has now.
    pub(crate) fn load_weights(&mut self) {
        self.engine.load_weights(self.model);
    }

    /// Samples one completion for each task; each task comes `group` times in a row, which makes a group. Each rank samples
    /// its share of them, and the random stream of a completion is its place among all. Completions are decoded and handed
    /// to the reward on a thread of their own, as they end.
    pub(crate) fn sample(
        &mut self,
        tasks: &[&EncodedTask],
        group: usize,
        sampling: &Sampling,
    ) -> Result<Sampled<'a>, TrainError> {
        let start = Instant::now();
        let own = self.share(tasks.len(), group);
        let sampling =
            Sampling { first_stream: sampling.first_stream + own.start as u64, ..sampling.clone() };
        let tasks = &tasks[own];
        let scorer = Scorer { tasks, group, tokenizer: self.tokenizer, reward: self.reward };
        let handed = thread::scope(|scope| {
            let (sender, finished) = mpsc::channel();
            let handed = scope.spawn(|| scorer.hand_over(finished));
            let sampled = self.send_each(tasks, sampling, sender);
            let handed = handed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sampled.and(handed)
        })?;
        Ok(handed.sampled_in(start.elapsed(), self.ranks))
    }

    /// Hands completions of an earlier process to the reward, in the order of their tasks: this rank's share of them.
    pub(crate) fn score_again(
        &self,
        tasks: &[&EncodedTask],
        group: usize,
        completions: Vec<Completion>,
    ) -> Result<Sampled<'a>, TrainError> {
        let own = self.share(tasks.len(), group);
        let (sender, finished) = mpsc::channel();
        for (id, completion) in completions.into_iter().skip(own.start).take(own.len()).enumerate() {
            sender.send(Finished { id, completion }).expect("the receiver is below");
        }
        drop(sender);
        let scorer = Scorer { tasks: &tasks[own], group, tokenizer: self.tokenizer, reward: self.reward };
        Ok(scorer.hand_over(finished)?.sampled_in(Duration::ZERO, self.ranks))
    }

    /// Samples, and sends each completion as it ends.
    fn send_each(
        &mut self,
        tasks: &[&EncodedTask],
        sampling: Sampling,
        sender: Sender<Finished>,
    ) -> Result<(), TrainError> {
        let sampling = Rc::new(sampling);
        let sampled: Result<(), TrainError> = (|| {
            for (id, task) in tasks.iter().enumerate() {
                let (prompt, sampling) = (task.prompt.as_slice().into(), Rc::clone(&sampling));
                self.engine.submit(Request { id, prompt, sampling, stream: id as u64 })?;
            }
            loop {
                let left = self.engine.step(self.stop).map_err(|wrong| wrong.of(self.model))?;
                for finished in self.engine.finished() {
                    // Nobody receives any more where decoding failed, and that is the error then.
                    let _ = sender.send(finished);
                }
                if left == 0 {
                    return Ok(());
                }
            }
        })();
        if sampled.is_err() {
            self.engine.clear();
        }
        sampled
    }
}

/// What decodes completions and hands them to the reward.
struct Scorer<'a> {
    tasks: &'a [&'a EncodedTask],
    /// How many of them, one after the other, are the same.
    group: usize,
    tokenizer: &'a Tokenizer,
    reward: &'a dyn Reward,
}

impl Scorer<'_> {
    /// Hands over each completion as it comes, until all have come.
    fn hand_over(&self, finished: Receiver<Finished>) -> Result<HandedOver, TrainError> {
        let (sender, scores) = mpsc::channel();
        let mut completions: Vec<Option<(Completion, String)>> = vec![None; self.tasks.len()];
        let mut groups: HashMap<usize, OpenGroup<'_>> = HashMap::new();
        for Finished { id, completion } in finished {
            let text = self.tokenizer.decode(&completion.tokens)?;
            let truncated = completion.finish == Finish::Length;
            let submission = self.tasks[id].task.submission(&text, completion.tokens.len(), truncated);
            let sender = sender.clone();
            // A failed send means that the rollout was given up, and nobody wants the score any more.
            let reply = Box::new(move |score| drop(sender.send((id, score))));
            let opened = groups.entry(id / self.group).or_insert_with(|| self.open());
            opened.group.submit(id % self.group, submission, reply);
            opened.to_come -= 1;
            // Whoever compares its completions may begin: none of the group is still to come.
            if opened.to_come == 0 {
                groups.remove(&(id / self.group));
            }
            completions[id] = Some((completion, text));
        }
        let completions = completions.into_iter().flatten().collect();
        Ok(HandedOver { completions, scores })
    }
}

/// Completions with their texts, in the order of their tasks, and where their scores arrive.
struct HandedOver {
    completions: Vec<(Completion, String)>,
    scores: Receiver<(usize, Score)>,
}

impl HandedOver {
    fn sampled_in(self, sample_time: Duration, ranks: &Ranks) -> Sampled<'_> {
        Sampled { ranks, completions: self.completions, scores: self.scores, sample_time }
    }
}

impl<'a> Scorer<'a> {
    fn open(&self) -> OpenGroup<'a> {
        OpenGroup { group: self.reward.group(), to_come: self.group }
    }
}

/// A group of which not all completions are there.
struct OpenGroup<'a> {
    group: Box<dyn Group + 'a>,
    to_come: usize,
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
