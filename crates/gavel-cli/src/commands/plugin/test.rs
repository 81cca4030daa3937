//! `gavel plugin test`: runs the cases of a plugin's folder.

use std::collections::HashMap;

use anyhow::Context;
use gavel_reward::FoundPlugin;
use gavel_verify::{Failure, Outcome, Status, Verifier};

use crate::cases::{self, Case, Difference, Verifiers, differences};
use crate::cli::{GlobalArgs, TestArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::{EXPECTED, FOUND, LABEL, Page, Terminal, shown};

use super::build::build_if_stale;

/// Runs every case; differences go to stdout.
pub(in crate::commands) fn run(args: &TestArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let cases = cases::read(&args.folder).input_fault()?;
    build_if_stale(&args.folder, &args.tools, &terminal)?;
    let found = FoundPlugin::in_folder(&args.folder)?;
    let host = args.cache.start_host(1)?;
    let plugin = found.load(&host)?;
    let plugin = args.grants.apply(&found, plugin, &host, &args.folder)?;
    let mut verifiers = Verifiers::new(plugin, found.limits().resolve());
    let (mut failed, mut blessed) = (0, HashMap::new());
    for case in &cases {
        let verifier = verifiers.with_options(&case.options).input_fault()?;
        let outcome = verifier.as_ref().map(|verifier| verifier.verify(&case.submission));
        let outcome = outcome.as_ref().map_err(|refusal| refusal.as_str());
        let differences = case.expect.as_ref().map(|expect| differences(expect, outcome));
        if differences.as_ref().is_some_and(Vec::is_empty) {
            if global.verbose > 0 {
                print(Page::default().text(&format!("ok {}\n", shown(&case.name))))?;
            }
            continue;
        }
        let place = cases::place(&cases::path(&args.folder), case.line);
        // A deadline says how busy this machine was, so no case may expect it.
        let bless = args.bless && cases::status(outcome) != Status::Deadline.name();
        let report = if bless {
            let expect = cases::expectation(case, outcome);
            let mut report = Page::default();
            report.styled(LABEL, "blessed").text(&format!(" {} ({place})\n  {expect}\n", shown(&case.name)));
            blessed.insert(case.line, expect);
            report
        } else {
            failed += 1;
            report(case, &place, &differences.unwrap_or_default(), outcome)
        };
        print(&report)?;
    }
    let blessings = if args.bless { format!(", {} blessed", blessed.len()) } else { String::new() };
    if !blessed.is_empty() {
        cases::bless(&args.folder, &blessed)?;
    }
    let passed = cases.len() - failed - blessed.len();
    print(Page::default().text(&format!("{passed} of {} cases passed{blessings}\n", cases.len())))?;
    Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Failure })
}

fn print(page: &Page) -> anyhow::Result<()> {
    page.print().context("cannot write to stdout")
}

/// A failing case: what it expects and what came, and what the plugin said about it.
fn report(case: &Case, place: &str, differences: &[Difference], outcome: Result<&Outcome, &str>) -> Page {
    let mut page = Page::default();
    page.styled(LABEL, "FAILED").text(&format!(" {} ({place})\n", shown(&case.name)));
    if case.expect.is_none() {
        page.text("  it has no `expect` yet; --bless writes what came\n    ");
        page.styled(FOUND, &format!("+ {}", cases::expectation(case, outcome))).text("\n");
        return page;
    }
    for Difference { field, expected, found } in differences {
        page.text(&format!("  {}\n    ", shown(field)));
        page.styled(EXPECTED, &format!("- {expected}")).text("\n    ");
        page.styled(FOUND, &format!("+ {found}")).text("\n");
    }
    let explained = differences.iter().any(|difference| difference.field == "reason");
    if let Some(reason) = cases::reason(outcome).filter(|_| !explained) {
        page.text(&format!("  the plugin says: {reason}\n"));
    }
    if let Ok(Outcome { result: Err(Failure::Trap { backtrace, .. }), .. }) = outcome {
        for frame in backtrace {
            page.text(&format!("    at {}\n", shown(frame)));
        }
    }
    page
}
