//! Tests that give a program its input and look at what it prints. The program runs alone, once for each test.

use gavel_plugin::Error;
use gavel_plugin::interpreter::Ending;

use crate::compare;
use crate::options::{Options, Stop};
use crate::report::Report;
use crate::run::{Runner, is_limit, told};
use crate::task::StdinCase;

/// Runs the program on every input.
pub(crate) fn judge(program: &str, cases: &[StdinCase], runner: &mut Runner<'_>) -> Result<Report, Error> {
    let mut report = Report::default();
    for (index, case) in cases.iter().enumerate() {
        let outcome = runner.run(program.to_owned(), case.input.clone().into_bytes())?;
        let limited = is_limit(&outcome.ending);
        let result = match outcome.ending {
            Ending::Exited(0) => {
                case.output.judge(|output| compare::outputs(&outcome.stdout, output, runner.options))
            }
            _ => Err(told(&outcome)),
        };
        let failed = result.is_err();
        report.limited += usize::from(limited);
        report.count(result.map_err(|why| format!("test {}: {why}", index + 1)));
        if stops(limited, failed, runner.options) {
            report.tests = cases.len();
            break;
        }
    }
    Ok(report)
}

fn stops(limited: bool, failed: bool, options: &Options) -> bool {
    match options.stop {
        Stop::Never => false,
        Stop::Limit => limited,
        Stop::Failure => failed,
    }
}
