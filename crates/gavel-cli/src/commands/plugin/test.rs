//! `gavel plugin test`: runs the cases of a plugin's folder.

use std::collections::HashMap;

use anyhow::{Context, anyhow};
use gavel_files::{closest, did_you_mean};
use gavel_host::WasmVerifier;
use gavel_plugins::{FoundPlugin, WatchedFiles};
use gavel_reward::load_plugin;
use gavel_verify::{Cancel, Failure, Outcome, Status, Verifier};

use crate::cases::{self, Case, Difference, Verifiers, differences};
use crate::cli::{GlobalArgs, TestArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::{EXPECTED, FOUND, LABEL, Page, Terminal, shown};
use crate::written;

use super::build::{build_if_stale, say_what_is_not_built, watch};
use super::named::check_name;

/// Runs every case; differences go to stdout. With `--watch`, again whenever a source or a case changes.
pub(in crate::commands) fn run(args: &TestArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    if args.adversarial {
        return super::adversarial::run(args, global);
    }
    let terminal = Terminal::new(global.quiet);
    if !args.watch {
        return once(args, global, &terminal);
    }
    watch(&args.folder, &[cases::path(&args.folder)], &terminal, || once(args, global, &terminal).map(drop))
}

fn once(args: &TestArgs, global: &GlobalArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let cases = chosen(args)?;
    build_if_stale(&args.folder, &args.tools, terminal)?;
    let found = FoundPlugin::in_folder(&args.folder, &WatchedFiles::default())?;
    say_what_is_not_built(&args.folder, &found, terminal);
    let host = args.cache.start_host_for_authors()?;
    let plugin = load_plugin(&found, &host, &WatchedFiles::default())?;
    check_name(&found, &plugin)?;
    let plugin = args.grants.apply(&found, plugin, &host, &args.folder)?;
    let mut run = Run {
        args,
        verbose: global.verbose > 0,
        failed: 0,
        newly: 0,
        blessed: HashMap::new(),
        groups: HashMap::new(),
        broken: 0,
    };
    let mut verifiers = Verifiers::new(plugin, found.limits().resolve());
    let mut group = Vec::new();
    for case in &cases {
        let verifier = verifiers.with_options(&case.options).input_fault()?;
        let outcome = match verifier {
            Err(refusal) => Err(refusal),
            Ok(verifier) => Ok(match &case.group {
                None => verifier.verify(&case.submission),
                Some(member) => {
                    require_groups(&verifier, case, args).input_fault()?;
                    // The cases of a group follow each other; whichever of them is asked for comes first.
                    if group.is_empty() {
                        let all: Vec<_> = member.submissions.iter().collect();
                        group =
                            verifier.verify_group(&all, &Cancel::new(), None).into_iter().map(Some).collect();
                    }
                    let outcome = group.get_mut(member.place).and_then(Option::take);
                    if member.place + 1 == group.len() {
                        group.clear();
                    }
                    outcome.context("a verdict of the group was lost, which is a bug in gavel")?
                }
            }),
        };
        run.case(case, outcome.as_ref().map_err(|refusal| refusal.as_str()))?;
    }
    run.end(cases.len(), terminal)
}

/// Requires that the plugin judges groups, where a case has one.
fn require_groups(verifier: &WasmVerifier, case: &Case, args: &TestArgs) -> anyhow::Result<()> {
    if verifier.judges_groups() {
        return Ok(());
    }
    Err(anyhow!(
        "{}: the case has `completions`, and the plugin judges one at a time: give it a `completion`",
        cases::place(&cases::path(&args.folder), case.line)
    ))
}

/// The cases that are asked for.
fn chosen(args: &TestArgs) -> Result<Vec<Case>, Stop> {
    let mut cases = cases::read(&args.folder).input_fault()?;
    if let Some(part) = &args.case {
        let names: Vec<String> = cases.iter().map(|case| case.name_of_line().to_owned()).collect();
        // All completions of a group are asked for, or none.
        cases.retain(|case| case.name_of_line().contains(part.as_str()));
        if cases.is_empty() {
            let meant = did_you_mean(closest(part, names.iter().map(String::as_str)));
            return Err(Stop::Input(anyhow!(
                "{}: no case has `{part}` in its name{meant}",
                cases::path(&args.folder).display()
            )));
        }
    }
    Ok(cases)
}

/// A run of the cases, and what came of it so far.
struct Run<'a> {
    args: &'a TestArgs,
    verbose: bool,
    failed: usize,
    /// Cases that are blessed.
    newly: usize,
    blessed: HashMap<u64, serde_json::Value>,
    /// What the completions of groups should expect, by the lines of their cases.
    groups: HashMap<u64, Vec<serde_json::Value>>,
    /// Cases that --bless leaves alone, since the plugin broke or ran into a limit.
    broken: usize,
}

impl Run<'_> {
    fn case(&mut self, case: &Case, outcome: Result<&Outcome, &str>) -> Result<(), Stop> {
        let differences = case.expect.as_ref().map(|expect| differences(expect, outcome));
        let mut page = Page::default();
        if let Some(member) = &case.group {
            self.groups.entry(case.line).or_default().push(member.written.clone());
        }
        if differences.as_ref().is_some_and(Vec::is_empty) {
            if !self.verbose {
                return Ok(());
            }
            page.text(&format!("ok {}\n", shown(&case.name)));
            add_output(&mut page, outcome);
            return Ok(print(&page)?);
        }
        let place = cases::place(&cases::path(&self.args.folder), case.line);
        if self.blesses() && self.takes(cases::status(outcome)) {
            let expect = cases::expectation(case, outcome);
            page.styled(LABEL, "blessed").text(&format!(" {} ({place})\n  {expect}\n", shown(&case.name)));
            self.newly += 1;
            // Of a group, what is expected of the others stays.
            let expect = match (&case.group, self.groups.get_mut(&case.line)) {
                (Some(_), Some(of_group)) => {
                    of_group.pop();
                    of_group.push(expect);
                    serde_json::Value::Null
                }
                _ => expect,
            };
            self.blessed.insert(case.line, expect);
        } else {
            self.failed += 1;
            self.broken += usize::from(self.blesses());
            report(&mut page, case, &place, &differences.unwrap_or_default(), outcome);
            add_output(&mut page, outcome);
        }
        Ok(print(&page)?)
    }

    fn blesses(&self) -> bool {
        self.args.bless || self.args.bless_broken
    }

    /// Whether --bless takes what came. No case may expect what says something about this machine: how busy it was, or
    /// what it lacked.
    fn takes(&self, status: &str) -> bool {
        let of_the_machine = [Status::Deadline, Status::HostFailed].map(Status::name);
        cases::is_answer(status) || (self.args.bless_broken && !of_the_machine.contains(&status))
    }

    fn end(self, count: usize, terminal: &Terminal) -> Result<ExitStatus, Stop> {
        let blesses = self.blesses();
        let Self { args, failed, newly, mut blessed, mut groups, broken, .. } = self;
        for (line, expect) in &mut blessed {
            if let Some(of_group) = groups.remove(line) {
                *expect = of_group.into();
            }
        }
        if !blessed.is_empty() {
            cases::bless(&args.folder, &blessed)?;
        }
        let passed = count - failed - newly;
        let blessings = if blesses { format!(", {newly} blessed") } else { String::new() };
        print(Page::default().text(&format!("{passed} of {count} cases passed{blessings}\n")))?;
        if broken > 0 {
            terminal.note(format_args!(
                "not blessed: {broken} case{} in which the plugin broke or ran into a limit. Mend it, or say --bless-broken if \
                 that is what it should do",
                if broken == 1 { "" } else { "s" }
            ));
        }
        Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Failure })
    }
}

fn print(page: &Page) -> anyhow::Result<()> {
    page.print().context("cannot write to stdout")
}

/// A failing case: what it expects and what came, and what the plugin said about it.
fn report(
    page: &mut Page,
    case: &Case,
    place: &str,
    differences: &[Difference],
    outcome: Result<&Outcome, &str>,
) {
    page.styled(LABEL, "FAILED").text(&format!(" {} ({place})\n", shown(&case.name)));
    if case.expect.is_none() {
        page.text("  it has no `expect` yet; --bless writes what came\n    ");
        page.styled(FOUND, &format!("+ {}", cases::expectation(case, outcome))).text("\n");
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
    if let Ok(Outcome { result: Err(failure), .. }) = outcome {
        for frame in written::frames(failure) {
            page.text(&format!("    {frame}\n"));
        }
        if let Some(limit) = limit_of(failure) {
            page.text(&format!(
                "  `{limit}` in gavel.toml raises that; above gavel's default only a reward file can\n"
            ));
        }
        if is_late_import(failure) {
            page.text(
                "  what Python imports inside a function is not in the component, unless it was imported before: import it at \
                 the top\n",
            );
        }
    }
}

/// What the plugin wrote about a case.
fn add_output(page: &mut Page, outcome: Result<&Outcome, &str>) {
    let output = outcome.ok().and_then(|outcome| outcome.output.as_deref()).unwrap_or_default();
    let lines = written::lines(output);
    if !lines.is_empty() {
        page.text("  it wrote:\n");
        for line in lines {
            page.text(&format!("    | {line}\n"));
        }
    }
}

/// Whether Python missed a module while it judged. What is missing when the plugin is built stops the build.
fn is_late_import(failure: &Failure) -> bool {
    matches!(failure, Failure::InternalError(said) if said.starts_with("ModuleNotFoundError: No module named"))
}

/// The field of a manifest that says how far the plugin may go where it has gone too far.
fn limit_of(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::OutOfFuel { .. } => Some("limits.fuel"),
        Failure::OutOfMemory { .. } => Some("limits.memory"),
        Failure::Deadline { .. } => Some("limits.timeout"),
        Failure::OutputTooLarge { .. } => Some("limits.output"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_python_misses_while_it_judges_is_told_from_other_errors() {
        let said = |text: &str| is_late_import(&Failure::InternalError(text.to_owned()));
        assert!(said("ModuleNotFoundError: No module named 'logging' (mine.py:8 in verify)"));
        assert!(!said("ValueError: No module named so (mine.py:8 in verify)"));
    }
}
