//! `gavel plugin test`: runs the cases of a plugin's folder.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context;
use gavel_host::Host;
use gavel_reward::FoundPlugin;
use gavel_verify::{Failure, Outcome, Status, Verifier, visible};

use crate::cases::{self, Case, Difference, Verifiers, differences};
use crate::cli::{GlobalArgs, TestArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::{EXPECTED, FOUND, LABEL, Terminal};

use super::build::build_if_stale;

/// Runs every case; differences go to stdout.
pub(in crate::commands) fn run(args: &TestArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let cases = cases::read(&args.folder).input_fault()?;
    build_if_stale(&args.folder, &args.tools, &terminal)?;
    let found = FoundPlugin::in_folder(&args.folder)?;
    let host = Host::new(args.cache.host(1)).map_err(anyhow::Error::from)?;
    let plugin = found.load(&host).input_fault()?;
    let plugin = args.grants.apply(&found, plugin, &host, &args.folder)?;
    let mut verifiers = Verifiers::new(plugin, found.limits().resolve());
    let (mut failed, mut blessed) = (0, HashMap::new());
    let mut stdout = anstream::stdout();
    for case in &cases {
        let verifier = verifiers.with_options(&case.options).input_fault()?;
        let outcome = verifier.as_ref().map(|verifier| verifier.verify(&case.submission));
        let outcome = outcome.as_ref().map_err(|refusal| refusal.as_str());
        let differences = case.expect.as_ref().map(|expect| differences(expect, outcome));
        if differences.as_ref().is_some_and(Vec::is_empty) {
            if global.verbose > 0 {
                writeln!(stdout, "ok {}", case.name).context("cannot write")?;
            }
            continue;
        }
        let place = cases::place(&cases::path(&args.folder), case.line);
        // A deadline says how busy this machine was, so no case may expect it.
        let bless = args.bless && cases::status(outcome) != Status::Deadline.name();
        let report = if bless {
            let expect = cases::expectation(case, outcome);
            let report = format!("{LABEL}blessed{LABEL:#} {} ({place})\n  {expect}\n", case.name);
            blessed.insert(case.line, expect);
            report
        } else {
            failed += 1;
            report(case, &place, &differences.unwrap_or_default(), outcome)
        };
        stdout.write_all(report.as_bytes()).context("cannot write")?;
    }
    let blessings = if args.bless { format!(", {} blessed", blessed.len()) } else { String::new() };
    if !blessed.is_empty() {
        cases::bless(&args.folder, &blessed)?;
    }
    let passed = cases.len() - failed - blessed.len();
    writeln!(stdout, "{passed} of {} cases passed{blessings}", cases.len()).context("cannot write")?;
    Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Failure })
}

/// A failing case: what it expects and what came, and what the plugin said about it.
fn report(case: &Case, place: &str, differences: &[Difference], outcome: Result<&Outcome, &str>) -> String {
    let mut text = format!("{LABEL}FAILED{LABEL:#} {} ({place})\n", case.name);
    if case.expect.is_none() {
        let came = visible(&cases::expectation(case, outcome).to_string()).to_string();
        let _ = writeln!(
            text,
            "  it has no `expect` yet; --bless writes what came\n    {FOUND}+ {came}{FOUND:#}"
        );
        return text;
    }
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
