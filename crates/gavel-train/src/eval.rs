//! How good a model is on a set of tasks: pass@k, majority@k, mean reward, length.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use gavel_model::{Model, Room, Sampling, Tokenizer};
use gavel_verify::{Reward, Score};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::TrainError;
use crate::files::{json_bytes, write_atomically};
use crate::metrics::{self, Metric, Metrics};
use crate::ranks::Ranks;
use crate::records::{Judged, completion_row};
use crate::rollout::{self, Sample, Sampler};
use crate::seeds::{self, Purpose};
use crate::settings::Settings;
use crate::task::{EncodedTask, Encoder, Task, encode};

/// How to sample and what counts as right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvalOptions {
    /// k: completions per task.
    pub num_generations: usize,
    /// 0 takes the most likely token, of which a task has one completion.
    pub temperature: f64,
    /// See [`Sampling::top_p`].
    pub top_p: f64,
    /// See [`Sampling::top_k`].
    pub top_k: usize,
    /// See [`Sampling::min_p`].
    pub min_p: f64,
    /// In tokens.
    pub max_completion_length: usize,
    /// A completion ends when it contains one of these.
    pub stop: Vec<String>,
    /// A completion is right when this verifier gives it at least 1; without one, when its reward is at least 1.
    pub correct: Option<String>,
    /// Completions that a process samples at a time. It changes none of them but for rounding.
    pub batch_size: usize,
    /// The same seed gives the same completions.
    pub seed: u64,
}

impl EvalOptions {
    /// The evaluation that a run does of itself.
    pub fn of(settings: &Settings) -> Self {
        Self {
            num_generations: settings.num_generations_eval,
            temperature: settings.eval_temperature,
            top_p: settings.eval_top_p,
            top_k: settings.eval_top_k,
            min_p: settings.eval_min_p,
            max_completion_length: settings.max_completion_length,
            stop: settings.stop.clone(),
            correct: settings.eval_correct.clone(),
            batch_size: settings.per_device_eval_batch_size,
            seed: settings.seed,
        }
    }

    /// Whether an evaluation makes sense with these options and this reward.
    pub(crate) fn check(&self, reward: &dyn Reward) -> Result<(), TrainError> {
        if self.num_generations > 1 && self.temperature == 0.0 {
            let problem = format!(
                "is {}, and the temperature is 0, which writes the same completion every time",
                self.num_generations
            );
            return Err(TrainError::Setting { field: "num_generations", problem });
        }
        self.correct.as_ref().map_or(Ok(()), |name| check_verifier(name, "what is correct", reward))
    }
}

/// Refuses a name that no verifier of the reward has, where the reward knows theirs.
pub(crate) fn check_verifier(
    name: &str,
    wanted: &'static str,
    reward: &dyn Reward,
) -> Result<(), TrainError> {
    // After the verifiers come their interpreters, as `VERIFIER/LANGUAGE`.
    let digests = reward.digests().into_iter().map(|(name, _)| name);
    let known: Vec<String> = digests.filter(|name| !name.contains('/')).collect();
    if known.is_empty() || known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(TrainError::UnknownVerifier { name: name.to_owned(), wanted, known })
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// How it was sampled.
    pub options: EvalOptions,
    /// How many tasks.
    pub tasks: usize,
    /// pass@k for k = 1, 2, 4, … and the number of completions per task, by k. See [`pass_at_k`].
    pub pass_at: BTreeMap<usize, f64>,
    /// The share of tasks whose most frequent answer is right, when there are several completions per task and any of
    /// them all marks an answer. See [`majority_is_right`].
    pub majority: Option<f64>,
    /// The mean reward of the completions that have one.
    pub reward: f64,
    /// How many completions have no reward, by the kinds of `NoReward`; they count as wrong.
    pub no_reward: BTreeMap<&'static str, usize>,
    /// The mean reward that each verifier gave where it gave one.
    pub verifiers: BTreeMap<String, f64>,
    /// Mean tokens per completion.
    pub mean_length: f64,
    /// The share of completions that reached the length limit.
    pub clipped_ratio: f64,
    /// Wall-clock time.
    pub seconds: f64,
    /// All completions, task by task.
    #[serde(skip)]
    pub completions: Vec<EvaluatedCompletion>,
}

/// One completion of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluatedCompletion {
    /// Which task it answers, from 0.
    pub task: usize,
    /// The prompt.
    pub prompt: String,
    /// What the model wrote.
    pub text: String,
    /// The ground truth.
    pub reference: Option<String>,
    /// The task's other columns.
    pub metadata: Map<String, Value>,
    /// In tokens.
    pub tokens: usize,
    /// Whether it counts as right.
    pub correct: bool,
    /// The reward and the outcomes behind it.
    pub score: Score,
}

impl EvaluatedCompletion {
    /// As a row of a completions file: `prompt`, `completion`, `reference`, `metadata` where there is any, `reward`, `task`,
    /// `completion_tokens`, `correct`, `outcomes`.
    pub fn to_json(&self) -> Map<String, Value> {
        let judged = Judged {
            prompt: &self.prompt,
            question: None,
            completion: &self.text,
            reference: self.reference.as_deref(),
            metadata: &self.metadata,
        };
        let extra = [
            ("task", self.task.into()),
            ("completion_tokens", self.tokens.into()),
            ("correct", self.correct.into()),
        ];
        completion_row(&judged, &self.score, &extra)
    }
}

impl Evaluation {
    /// pass@1: the share of completions that are right. One that has no verdict is wrong.
    pub fn accuracy(&self) -> f64 {
        self.pass_at[&1]
    }

    /// Under the names that metrics have: `eval_reward`, `eval_pass@1`, `eval_rewards/<verifier>/mean`, …
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.add_mean("eval_reward", self.reward);
        for (kind, count) in &self.no_reward {
            metrics.add(format!("eval_reward/none/{kind}"), Metric::Sum(*count as f64));
        }
        for (k, value) in &self.pass_at {
            metrics.add_mean(format!("eval_pass@{k}"), *value);
        }
        if let Some(majority) = self.majority {
            metrics.add_mean(format!("eval_majority@{}", self.options.num_generations), majority);
        }
        for (name, reward) in &self.verifiers {
            metrics.add_mean(format!("eval_rewards/{name}/mean"), *reward);
        }
        metrics.add_mean("eval_completions/mean_length", self.mean_length);
        metrics.add_mean("eval_completions/clipped_ratio", self.clipped_ratio);
        metrics.add_mean("eval_runtime", self.seconds);
        metrics
    }

    /// The few numbers of a summary: `accuracy`, which is [`Evaluation::accuracy`] and nothing else, `reward`,
    /// `mean_length`, and the mean reward of each verifier as `rewards/NAME`, where it gave one.
    pub fn summary(&self) -> Map<String, Value> {
        let mut summary = Metrics::default();
        summary.add_mean("accuracy", self.accuracy());
        for (name, reward) in &self.verifiers {
            summary.add_mean(format!("rewards/{name}"), *reward);
        }
        summary.add_mean("reward", self.reward);
        summary.add_mean("mean_length", self.mean_length);
        summary.to_json()
    }

    /// Writes everything but the completions as JSON, at once or not at all.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        write_atomically(path, &json_bytes(self))
    }
}

/// Samples `num_generations` completions of each task, scores and counts.
///
/// A completion without reward counts as wrong, and has no part in the mean reward.
///
/// # Errors
///
/// When a prompt cannot be encoded, an option is out of range, no verifier has the name that says what is correct, or the
/// reward does not answer.
///
/// # Panics
///
/// If there are no tasks, or `num_generations` or `batch_size` is 0.
pub fn evaluate(
    model: &Model,
    tokenizer: &Tokenizer,
    tasks: &[Task],
    reward: &dyn Reward,
    options: &EvalOptions,
) -> Result<Evaluation, TrainError> {
    options.check(reward)?;
    let encoder = Encoder { tokenizer, vocabulary: model.config().vocab_size };
    let tasks = encode(tasks.to_vec(), encoder)?;
    let stop = rollout::stop(&options.stop, tokenizer)?;
    let slots = options.batch_size.min(tasks.len() * options.num_generations);
    let room = Room { slots, tokens: rollout::longest_prompt(&tasks) + options.max_completion_length };
    let alone = Ranks::alone();
    let mut sampler = Sampler::new(model, tokenizer, stop.as_ref(), reward, &alone, room);
    let evaluation = evaluate_encoded(&mut sampler, &tasks, options, &mut |_| Ok(false))?;
    Ok(evaluation.expect("nobody broke it off"))
}

/// As [`evaluate`], by all ranks together; `between` hears how many completions are done before each batch, and says whether
/// the evaluation is to be broken off.
pub(crate) fn evaluate_encoded(
    sampler: &mut Sampler<'_>,
    tasks: &[EncodedTask],
    options: &EvalOptions,
    between: &mut dyn FnMut(usize) -> Result<bool, TrainError>,
) -> Result<Option<Evaluation>, TrainError> {
    let start = Instant::now();
    let end_tokens = rollout::end_tokens(sampler.model, sampler.tokenizer);
    let repeated: Vec<&EncodedTask> =
        tasks.iter().flat_map(|task| std::iter::repeat_n(task, options.num_generations)).collect();
    let mut samples = Vec::with_capacity(repeated.len());
    // Whoever compares the completions of a task needs them all in one batch; what is more than the engine has slots waits.
    let k = options.num_generations;
    let together = options.batch_size * sampler.ranks().size();
    let (group, batch_size) =
        if sampler.needs_groups() { (k, together.next_multiple_of(k)) } else { (1, together) };
    for batch in repeated.chunks(batch_size) {
        if between(samples.len())? {
            return Ok(None);
        }
        let sampling = Sampling {
            max_new_tokens: options.max_completion_length,
            temperature: options.temperature,
            top_p: options.top_p,
            top_k: options.top_k,
            min_p: options.min_p,
            seed: seeds::derive(options.seed, Purpose::Evaluation, 0),
            first_stream: samples.len() as u64,
            end_tokens: end_tokens.clone(),
        };
        samples.extend(sampler.sample(batch, group, &sampling)?.scored()?.samples);
    }
    Ok(Some(summarise(tasks, samples, options, start.elapsed().as_secs_f64())))
}

fn summarise(tasks: &[EncodedTask], samples: Vec<Sample>, options: &EvalOptions, seconds: f64) -> Evaluation {
    let k = options.num_generations;
    let correct: Vec<bool> = samples.iter().map(|sample| is_right(&sample.score, options)).collect();
    let groups = || samples.chunks(k).zip(correct.chunks(k));
    let rights: Vec<usize> =
        groups().map(|(_, correct)| correct.iter().filter(|&&right| right).count()).collect();
    let pass_at = powers_of_two_and(k).map(|at| {
        let passes: Vec<f64> = rights.iter().map(|&right| pass_at_k(k, right, at)).collect();
        (at, metrics::mean(&passes))
    });
    let majorities: Vec<Option<bool>> = groups()
        .map(|(samples, correct)| {
            let texts = samples.iter().map(|sample| sample.text.as_str());
            majority_is_right(texts.zip(correct.iter().copied()))
        })
        .collect();
    let mut no_reward = BTreeMap::new();
    for why in samples.iter().filter_map(|sample| sample.reward().err()) {
        *no_reward.entry(why.name()).or_default() += 1;
    }
    let numbers = |of: &dyn Fn(&Sample) -> Option<f64>| {
        metrics::mean(&samples.iter().filter_map(of).collect::<Vec<_>>())
    };
    Evaluation {
        options: options.clone(),
        tasks: tasks.len(),
        pass_at: pass_at.collect(),
        majority: Some(majorities).filter(|_| k > 1).and_then(|majorities| share_of_right(&majorities)),
        reward: numbers(&|sample| sample.reward().ok()),
        no_reward,
        verifiers: mean_reward_by_verifier(&samples),
        mean_length: numbers(&|sample| Some(sample.tokens.len() as f64)),
        clipped_ratio: numbers(&|sample| Some(f64::from(u8::from(sample.truncated)))),
        seconds,
        completions: evaluated(tasks, samples, &correct, k),
    }
}

/// The share of tasks whose majority is right; one where nobody voted is not. `None` where nobody voted at all.
fn share_of_right(majorities: &[Option<bool>]) -> Option<f64> {
    let right = majorities.iter().filter(|majority| **majority == Some(true)).count();
    majorities.iter().any(Option::is_some).then(|| right as f64 / majorities.len() as f64)
}

fn evaluated(
    tasks: &[EncodedTask],
    samples: Vec<Sample>,
    correct: &[bool],
    k: usize,
) -> Vec<EvaluatedCompletion> {
    let evaluated = samples.into_iter().enumerate().map(|(index, sample)| {
        let task = &tasks[index / k].task;
        EvaluatedCompletion {
            task: index / k,
            prompt: task.prompt.clone(),
            text: sample.text,
            reference: task.reference.clone(),
            metadata: task.metadata.clone(),
            tokens: sample.tokens.len(),
            correct: correct[index],
            score: sample.score,
        }
    });
    evaluated.collect()
}

fn mean_reward_by_verifier(samples: &[Sample]) -> BTreeMap<String, f64> {
    let mut rewards: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, outcome) in samples.iter().flat_map(|sample| &sample.score.outcomes) {
        rewards.entry(name.clone()).or_default().extend(outcome.reward());
    }
    rewards.into_iter().map(|(name, rewards)| (name, metrics::mean(&rewards))).collect()
}

fn is_right(score: &Score, options: &EvalOptions) -> bool {
    let reward = match &options.correct {
        Some(verifier) => {
            score.outcomes.iter().find(|(name, _)| name == verifier).and_then(|(_, outcome)| outcome.reward())
        }
        None => score.reward.as_ref().ok().copied(),
    };
    // A formula such as 0.9 + 0.1 is 1 but for rounding.
    reward.is_some_and(|reward| reward >= 1.0 - 1e-9)
}

/// The chance that at least one of `k` completions is right, estimated without bias from `right` of `sampled`:
/// `1 − C(n − c, k) / C(n, k)` (Chen et al. 2021, [2107.03374](https://arxiv.org/abs/2107.03374), eq. 1).
///
/// # Panics
///
/// If `right` or `k` is more than `sampled`.
pub fn pass_at_k(sampled: usize, right: usize, k: usize) -> f64 {
    assert!(right <= sampled && k <= sampled, "{right} right of {sampled}, k = {k}");
    let wrong = sampled - right;
    if wrong < k {
        return 1.0;
    }
    // C(n − c, k) / C(n, k), factor by factor so that nothing overflows.
    1.0 - (wrong + 1..=sampled).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()
}

/// Whether the most frequent answer among completions `(text, is it right)` is right; `None` where none marks an answer.
///
/// The answer of a completion is what stands in its last `<answer>…</answer>`, else in its last `\boxed{…}`, without
/// surrounding space; a completion with neither has no vote. Among answers with equally many votes the earliest
/// wins. Answers are compared as text, so `1+2` and `2+1` are two; the first completion with the winning answer
/// says whether it is right.
pub fn majority_is_right<'a>(completions: impl Iterator<Item = (&'a str, bool)>) -> Option<bool> {
    let mut votes: Vec<(&str, usize, bool)> = Vec::new();
    for (text, right) in completions {
        let Some(answer) = answer(text) else { continue };
        match votes.iter_mut().find(|(known, ..)| *known == answer) {
            Some(vote) => vote.1 += 1,
            None => votes.push((answer, 1, right)),
        }
    }
    let most = votes.iter().map(|&(_, count, _)| count).max();
    votes.iter().find(|&&(_, count, _)| Some(count) == most).map(|&(.., right)| right)
}

/// The answer that a completion gives, where it is marked as one.
fn answer(text: &str) -> Option<&str> {
    let tagged = text.rsplit_once("<answer>").map(|(_, rest)| rest.split("</answer>").next().unwrap_or(rest));
    tagged.or_else(|| boxed(text)).map(str::trim).filter(|answer| !answer.is_empty())
}

/// The argument of the last `\boxed{…}`, with its nested braces.
fn boxed(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once("\\boxed{")?;
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0
    })?;
    Some(&rest[..end])
}

fn powers_of_two_and(k: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(1), |at| Some(at * 2)).take_while(move |&at| at < k).chain([k])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pass_at_k_is_the_share_of_subsets_with_a_right_one() {
        // Every subset of size k of n completions, the first c of which are right, counted one by one.
        for n in 1..=6usize {
            for (c, k) in (0..=n).flat_map(|c| (1..=n).map(move |k| (c, k))) {
                let subsets: Vec<u32> = (0..1u32 << n).filter(|set| set.count_ones() as usize == k).collect();
                let passing = subsets.iter().filter(|&set| set & ((1 << c) - 1) != 0).count();
                let wanted = passing as f64 / subsets.len() as f64;
                assert!((pass_at_k(n, c, k) - wanted).abs() < 1e-12, "n {n} c {c} k {k}");
            }
        }
        assert!(pass_at_k(100_000, 1, 50_000).is_finite());
    }

    #[test]
    fn the_majority_is_taken_over_marked_answers() {
        let majority = |completions: &[(&'static str, bool)]| majority_is_right(completions.iter().copied());
        let eight = [("<answer>7</answer>", false), ("<answer> 8 </answer>", true), ("\\boxed{8}", true)];
        assert_eq!(majority(&eight), Some(true));
        assert_eq!(majority(&eight[..2]), Some(false), "the earliest of a tie");
        assert_eq!(majority(&[("8", true), ("8", true)]), None, "no mark, no vote");
        assert_eq!(majority(&[("<answer>1</answer> no <answer>2</answer>", true)]), Some(true));
    }

    #[test]
    fn where_nobody_votes_there_is_no_majority() {
        assert_eq!(share_of_right(&[None, None]), None);
        assert_eq!(share_of_right(&[None, Some(true)]), Some(0.5));
        assert_eq!(share_of_right(&[Some(false), Some(true)]), Some(0.5));
    }

    #[test]
    fn a_boxed_answer_may_hold_braces() {
        assert_eq!(answer("so \\boxed{1} no, \\boxed{\\frac{1}{2}} it is"), Some("\\frac{1}{2}"));
        assert_eq!(answer("\\boxed{1"), None);
        assert_eq!(answer("<answer></answer>"), None);
    }

    #[test]
    fn k_values_end_with_the_number_of_completions() {
        let values = |k| powers_of_two_and(k).collect::<Vec<_>>();
        assert_eq!((values(1), values(4), values(6)), (vec![1], vec![1, 2, 4], vec![1, 2, 4, 6]));
    }
}
