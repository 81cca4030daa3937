//! `gavel report`: a run as one HTML page.

use anyhow::Context;

use crate::cli::{GlobalArgs, ReportArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::Terminal;

pub(super) fn run(args: &ReportArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let output = args.output.clone().unwrap_or_else(|| args.run.join("report.html"));
    gavel_report::write(&args.run, &output).input_fault()?;
    terminal.note(format_args!("report  {}", output.display()));
    if let Some(path) = &args.curve {
        let svg = gavel_report::curve_svg(&args.run).input_fault()?;
        std::fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))?;
        terminal.note(format_args!("curve   {}", path.display()));
    }
    Ok(ExitStatus::Success)
}
