//! `gavel report`: a run as one HTML page.

use anyhow::Context;
use gavel_train::report;

use super::cli::ReportArgs;
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: &ReportArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let output = args.output.clone().unwrap_or_else(|| args.run.join("report.html"));
    report::write(&args.run, &output).input_fault()?;
    terminal.note(format_args!("report  {}", output.display()));
    if let Some(path) = &args.curve {
        let svg = report::curve_svg(&args.run).input_fault()?;
        std::fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))?;
        terminal.note(format_args!("curve   {}", path.display()));
    }
    super::SUCCESS
}
