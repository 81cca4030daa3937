//! Judges programs by running them: against inputs and outputs, calls and results, or a test that asserts.

mod ahead;
mod answers;
mod asserts;
mod compare;
mod drivers;
mod extract;
mod function;
mod harness;
mod hidden;
mod knowledge;
mod options;
mod prefix;
mod report;
mod run;
mod stdin;
mod task;
mod value;

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};

pub use hidden::Hidden;
pub use knowledge::Argument;
pub use options::{Block, Compare, Dataset, Guarded, Language, Options, Score, Stop};
use report::Report;
use run::Runner;
use task::{Task, Tests};

/// The `code` verifier.
#[derive(Debug)]
pub struct Code;

impl Verifier for Code {
    type Options = Options;
    const NAME: &str = "code";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The program in the completion passes its tests.";
    const METRICS: &[&str] =
        &["has_program", "tests", "passed", "fraction", "limited", "guarded", "rounds", "runs"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        options.check()?;
        let Task { tests, harness } = task::task_of(submission, options.dataset)?;
        if options.language != Language::Python && matches!(tests, Tests::Assert(_)) {
            return Err(Error::InvalidTask(
                "tests that assert are Python, and so must the program be".to_owned(),
            ));
        }
        let Some(program) =
            extract::program(submission.prompt(), submission.completion(), &|| tests.wanted(), options)
        else {
            return Ok(Report::default().verdict(false, 0, options).because("no program in the completion"));
        };
        let with_imports =
            harness && options.language == Language::Python && !matches!(tests, Tests::Assert(_));
        let program = if with_imports { harness::with_imports(program) } else { program };
        let mut runner = Runner::new(options);
        let report = match tests {
            Tests::Stdin(cases) => stdin::judge(&program, &cases, &mut runner)?,
            Tests::Function(cases) => function::judge(&program, &cases, &mut runner)?,
            Tests::Assert(tests) => asserts::judge(program, &tests, &mut runner)?,
        };
        Ok(report.verdict(true, runner.runs, options))
    }
}

export!(Code);
