//! Judges whether a completion follows verifiable instructions, as IFEval defines them: 25 kinds, strict and loose.

mod as_read;
mod check;
mod disguise;
mod instruction;
mod language;
mod loose;
mod punkt;
mod task;
mod words;

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use serde::Deserialize;

use instruction::Instruction;
use task::Task;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whether the completion is judged as it stands.
    pub mode: Mode,
    /// What following only some of the instructions is worth. When left out, the task tells, and else it is nothing.
    pub grading_mode: Option<GradingMode>,
    /// Judge only what follows the last `</think>`.
    pub ignore_thinking: bool,
    /// An instruction is followed only where a reader would say so as well; see [`as_read`].
    pub as_read: bool,
}

/// Whether a completion is judged as it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is.
    #[default]
    Strict,
    /// An instruction is also followed when it is without the first line, the last line, asterisks, or some of these.
    Loose,
}

/// What following only some of the instructions is worth; named as in NeMo Gym.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GradingMode {
    /// Nothing: all or none.
    #[default]
    Binary,
    /// The share that is followed.
    Fraction,
}

/// The `ifeval` verifier.
#[derive(Debug)]
pub struct IfEval;

impl Verifier for IfEval {
    type Options = Options;
    const NAME: &str = "ifeval";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The completion follows the task's instructions, of IFEval's 25 kinds.";
    const METRICS: &[&str] = &["instructions", "strict", "loose", "all_strict", "all_loose"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        let task = Task::of(submission)?;
        let response =
            if options.ignore_thinking { after_thinking(submission) } else { submission.completion() };
        let findings: Vec<Finding> = match response.len() <= LONGEST {
            true => task.instructions.iter().map(|one| Finding::of(one, response, options.as_read)).collect(),
            false => task.instructions.iter().map(|_| Finding::too_long()).collect(),
        };
        let grading = options.grading_mode.or(task.grading_mode).unwrap_or_default();
        Ok(verdict(&task.instructions, &findings, options.mode, grading))
    }
}

export!(IfEval);

/// The longest response that is read, in bytes, some 8,000 words: a longer one follows nothing, lest it be given up
/// without a verdict.
const LONGEST: usize = 50_000;

/// What follows the thinking; nothing while it goes on.
fn after_thinking(submission: &Submission) -> &str {
    const OPENING: &str = "<think>";
    let completion = submission.completion();
    match completion.rsplit_once("</think>") {
        Some((_, answer)) => answer.trim_start(),
        None if completion.contains(OPENING) || submission.prompt().trim_end().ends_with(OPENING) => "",
        None => completion,
    }
}

/// How a response stands to one instruction.
#[derive(Debug)]
struct Finding {
    /// Why it is not followed by the response as it stands.
    strict: Result<(), String>,
    /// Whether some variant of the response follows it.
    loose: bool,
}

impl Finding {
    fn of(instruction: &Instruction, response: &str, as_read: bool) -> Self {
        let follows = |text: &str| {
            check::follows(instruction, text)?;
            if as_read { as_read::met(instruction, text) } else { Ok(()) }
        };
        let strict = follows(response);
        let may_leave_out = !(as_read && instruction.forbids());
        let loose = strict.is_ok()
            || may_leave_out && loose::variants(response).iter().any(|variant| follows(variant).is_ok());
        Self { strict, loose }
    }

    fn too_long() -> Self {
        Self {
            strict: Err(format!("the response is too long to read; at most {LONGEST} bytes")),
            loose: false,
        }
    }

    fn followed(&self, mode: Mode) -> bool {
        match mode {
            Mode::Strict => self.strict.is_ok(),
            Mode::Loose => self.loose,
        }
    }
}

fn verdict(instructions: &[Instruction], findings: &[Finding], mode: Mode, grading: GradingMode) -> Verdict {
    let count = |mode| findings.iter().filter(|finding| finding.followed(mode)).count();
    let (all, strict, loose) = (findings.len(), count(Mode::Strict), count(Mode::Loose));
    let followed = count(mode);
    let reward = match grading {
        GradingMode::Binary => f64::from(followed == all),
        GradingMode::Fraction => followed as f64 / all as f64,
    };
    let broken = instructions.iter().zip(findings).find(|(_, finding)| !finding.followed(mode));
    let reason = match broken {
        Some((instruction, Finding { strict: Err(why), .. })) => {
            format!("follows {followed} of {all}; {}: {why}", instruction.id())
        }
        _ => format!("follows {followed} of {all}"),
    };
    Verdict::new(reward)
        .because(reason)
        .metric("instructions", all as f64)
        .metric("strict", strict as f64)
        .metric("loose", loose as f64)
        .metric("all_strict", strict == all)
        .metric("all_loose", loose == all)
}
