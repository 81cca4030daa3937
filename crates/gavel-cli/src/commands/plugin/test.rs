//! `gavel plugin test`: runs the cases of a plugin's folder.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context;
use gavel_host::Host;
use gavel_reward::FoundPlugin;
use gavel_verify::{Failure, Outcome, Verifier, visible};

use crate::cases::{self, Case, Difference, Verifiers, differences};
use crate::cli::{GlobalArgs, TestArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::{EXPECTED, FOUND, LABEL};

/// Runs every case; differences go to stdout.
pub(in crate::commands) fn run(args: &TestArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let cases = cases::read(&args.folder).input_fault()?;
    let found = FoundPlugin::in_folder(&args.folder)?;
    let host = Host::new(args.cache.host(1)).map_err(anyhow::Error::from)?;
    let plugin = found.load(&host).input_fault()?;
    let plugin = args.grants.apply(&found, plugin, &host, &args.folder)?;
    let mut verifiers = Verifiers::new(plugin, found.limits().resolve());
    let mut failed = 0;
    let mut stdout = anstream::stdout();
    for case in &cases {
        let verifier = verifiers.with_options(&case.options).input_fault()?;
        let outcome = verifier.as_ref().map(|verifier| verifier.verify(&case.submission));
        let outcome = outcome.as_ref().map_err(|refusal| refusal.as_str());
        let differences = differences(&case.expect, outcome);
        if !differences.is_empty() {
            failed += 1;
            let place = cases::place(&cases::path(&args.folder), case.line);
            stdout
                .write_all(report(case, &place, &differences, outcome).as_bytes())
                .context("cannot write")?;
        } else if global.verbose > 0 {
            writeln!(stdout, "ok {}", case.name).context("cannot write")?;
        }
    }
    let passed = cases.len() - failed;
    writeln!(stdout, "{passed} of {} cases passed", cases.len()).context("cannot write")?;
    Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Failure })
}

/// A failing case: what it expects and what came, and what the plugin said about it.
fn report(case: &Case, place: &str, differences: &[Difference], outcome: Result<&Outcome, &str>) -> String {
    let mut text = format!("{LABEL}FAILED{LABEL:#} {} ({place})\n", case.name);
    for Difference { field, expected, found } in differences {
        let _ = writeln!(
            text,
            "  {field}\n    {EXPECTED}- {expected}{EXPECTED:#}\n    {FOUND}+ {}{FOUND:#}",
            visible(found)
        );
    }
    let explained = differences.iter().any(|difference| difference.field == "reason");
    if let Some(reason) = cases::reason(outcome).filter(|_| !explained) {
        let _ = writeln!(text, "  the plugin says: {}", visible(&reason));
    }
    if let Ok(Outcome { result: Err(Failure::Trap { backtrace, .. }), .. }) = outcome {
        for frame in backtrace {
            let _ = writeln!(text, "    at {}", visible(frame));
        }
    }
    text
}
