//! Takes the answer that most completions of a prompt give for the right one, as TTRL does where no reference is known.

mod value;

use std::collections::HashMap;

use gavel_plugin::{Error, GroupVerifier, Judged, Submission, Verdict, excerpt, export_group};
use gavel_text::{Place, answer, normalized, shown};
use serde::Deserialize;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Where the answer may stand; the first place that has one counts.
    pub order: Vec<Place>,
    /// Answers that differ in capitals differ.
    pub case_sensitive: bool,
    /// The least share of the group that has to give an answer for it to be taken for right.
    pub least_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        let order = vec![Place::Boxed, Place::AnswerTag, Place::FinalAnswer];
        Self { order, case_sensitive: false, least_share: 0.0 }
    }
}

/// The longest answer that is compared, in bytes. Longer ones explain, and are no answer.
const LONGEST: usize = 10_000;

/// The `majority` verifier.
#[derive(Debug)]
pub struct Majority;

impl GroupVerifier for Majority {
    type Options = Options;
    const NAME: &str = "majority";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The answer is the one that most completions of the prompt give.";
    const METRICS: &[&str] = &["has_answer", "share"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify_group(submissions: &[Submission], options: &Options) -> Result<Vec<Judged>, Error> {
        options.check()?;
        let answers: Vec<_> = submissions.iter().map(|submission| options.answer(submission)).collect();
        let votes = votes(&answers);
        let said = |answer: &Option<String>| judge(answer.as_deref(), &votes, submissions.len(), options);
        Ok(answers.iter().map(said).collect())
    }
}

export_group!(Majority);

impl Options {
    /// What a type cannot say.
    fn check(&self) -> Result<(), Error> {
        if self.order.is_empty() {
            return Err(Error::InvalidOptions("order: names no place".to_owned()));
        }
        if !(0.0..=1.0).contains(&self.least_share) {
            return Err(Error::InvalidOptions("least_share: must be from 0 to 1".to_owned()));
        }
        Ok(())
    }

    /// The answer of a completion, in the one spelling that all who give it have.
    fn answer(&self, submission: &Submission) -> Option<String> {
        let completion = shown(submission.completion());
        let (found, _) = answer(&completion, &self.order)?;
        if found.len() > LONGEST {
            return None;
        }
        let spelled = || normalized(found, self.case_sensitive);
        Some(value::of(found).unwrap_or_else(spelled)).filter(|answer| !answer.is_empty())
    }
}

/// How often each answer is given.
fn votes(answers: &[Option<String>]) -> HashMap<&str, usize> {
    let mut votes = HashMap::new();
    for answer in answers.iter().flatten() {
        *votes.entry(answer.as_str()).or_insert(0) += 1;
    }
    votes
}

fn judge(answer: Option<&str>, votes: &HashMap<&str, usize>, count: usize, options: &Options) -> Judged {
    let most = votes.values().copied().max().unwrap_or(0);
    let verdict = |right, own: usize| {
        let share = own as f64 / count as f64;
        Verdict::right_if(right).metric("has_answer", own > 0).metric("share", share)
    };
    if most == 0 {
        return Ok(verdict(false, 0).because("no completion of the group has an answer"));
    }
    let leaders = votes.values().filter(|&&votes| votes == most).count();
    if leaders > 1 {
        return Err(Error::Abstain(format!("no majority: {leaders} answers have {most} of {count} each")));
    }
    if (most as f64) < options.least_share * count as f64 {
        return Err(Error::Abstain(format!(
            "no majority: the most frequent answer has {most} of {count}, and least_share is {}",
            options.least_share
        )));
    }
    let Some(answer) = answer else {
        return Ok(verdict(false, 0).because("no answer where one may stand"));
    };
    let own = votes.get(answer).copied().unwrap_or(0);
    let reason = format!("{} is given by {own} of {count}", excerpt(answer));
    Ok(verdict(own == most, own).because(reason))
}
