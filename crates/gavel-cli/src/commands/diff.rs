//! `gavel diff`: what two reward files say otherwise of the same rows.

use std::path::Path;

use anyhow::anyhow;
use gavel_reward::{PluginReward, Workspace};
use gavel_verify::{Reward as _, Score, Status, Submission};
use gavel_wire::Columns;
use gavel_wire::compare::{Diff, DiffExample, Said, Side};

use crate::cli::{DiffArgs, GlobalArgs};
use crate::columns::with_advice;
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::rows::{self, BadLines, NumberedRow, Rows, plural};
use crate::terminal::{EXPECTED, FOUND, LABEL, Page, Terminal, escaped, excerpt, shown};

pub(super) fn run(args: &DiffArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let workspace = Workspace::start(&args.plugins.clone().resolve())?;
    let before = workspace.load(&args.before)?;
    let after = workspace.load(&args.after)?;
    let columns = [&before, &after].map(|reward| args.columns.over(reward.columns()));
    let mut rows = Rows::open(&args.input).input_fault()?;
    if before.needs_groups() || after.needs_groups() {
        rows = rows.in_groups(&columns[0]);
    }
    let (mut diff, mut bad_lines, mut host_failed) = (Diff::default(), BadLines::default(), 0);
    loop {
        let some = rows.read().input_fault()?;
        if some.is_empty() {
            break;
        }
        let mut lines = Vec::new();
        let mut submissions = [Vec::new(), Vec::new()];
        for NumberedRow { line, row, group } in some {
            match row.and_then(|row| by_both(&row, &columns)) {
                Ok([one, other]) => {
                    lines.push((line, one.clone()));
                    submissions[0].push((group, one));
                    submissions[1].push((group, other));
                }
                Err(error) => bad_lines.say(&terminal, &rows.place(line), &error),
            }
        }
        let [one, other] = submissions;
        let (one, other) = (judge(&before, one)?, judge(&after, other)?);
        for ((line, submission), (one, other)) in lines.iter().zip(one.iter().zip(&other)) {
            host_failed += u64::from(has_failed(one) || has_failed(other));
            diff.add(*line, submission, [one, other], args.examples);
        }
    }
    bad_lines.end(&terminal);
    diff.bad_lines = bad_lines.count();
    diff.end();
    if diff.rows == 0 {
        return Err(Stop::Input(anyhow!("{} holds no submission", args.input.display())));
    }
    let mut page = if args.json {
        let json = serde_json::to_string_pretty(&diff).map_err(anyhow::Error::from)?;
        let mut page = Page::default();
        page.text(&escaped(&json)).text("\n");
        page
    } else {
        show(&diff, args)
    };
    page.text("").print().map_err(anyhow::Error::from)?;
    if host_failed > 0 {
        terminal.error(format_args!("this machine could not judge {host_failed} rows; compare them again"));
        return Ok(ExitStatus::Error);
    }
    Ok(if diff.differs || diff.bad_lines > 0 { ExitStatus::Failure } else { ExitStatus::Success })
}

/// What a row is to either reward.
fn by_both(row: &gavel_wire::Row, columns: &[Columns; 2]) -> Result<[Submission; 2], String> {
    let read = |columns| row.submission(columns).map_err(|error| with_advice(&error, row).to_string());
    Ok([read(&columns[0])?, read(&columns[1])?])
}

fn judge(reward: &PluginReward, submissions: Vec<(u64, Submission)>) -> Result<Vec<Score>, Stop> {
    Ok(rows::judge(reward, submissions)?)
}

fn has_failed(score: &Score) -> bool {
    score.outcomes.iter().any(|(_, outcome)| outcome.status() == Status::HostFailed)
}

/// What differs, for a person.
fn show(diff: &Diff, args: &DiffArgs) -> Page {
    let mut page = Page::default();
    let names = diff.verifiers.keys().map(|name| name.chars().count());
    let width = names.max().unwrap_or_default().max("reward".len());
    let mut row = |label: &str, value: &str| {
        page.styled(LABEL, &format!("{:<width$}", shown(label))).text(&format!("  {value}\n"));
    };
    let bad = Some(diff.bad_lines).filter(|count| *count > 0);
    let bad = bad.map(|count| format!(", and {}", plural(count, "bad line"))).unwrap_or_default();
    row("rows", &format!("{}{bad}", diff.rows));
    let rewards = &diff.rewards;
    let kinds =
        [("up", rewards.up), ("down", rewards.down), ("gained", rewards.gained), ("lost", rewards.lost)];
    let mean = |mean: Option<f64>| mean.map_or_else(|| "none".to_owned(), |mean| format!("{mean:.4}"));
    row(
        "reward",
        &match rewards.changed {
            0 => format!("the same; mean {}", mean(rewards.mean_before)),
            changed => format!(
                "{changed} changed: {}; mean {} → {}",
                counted(&kinds),
                mean(rewards.mean_before),
                mean(rewards.mean_after)
            ),
        },
    );
    for (name, flips) in &diff.verifiers {
        let only = |path: &Path| format!("only in {}", path.display());
        let counts = counted(&flips.counts());
        row(
            name,
            &match flips.only_in {
                Some(Side::A) => only(&args.before),
                Some(Side::B) => only(&args.after),
                None if counts.is_empty() => "the same".to_owned(),
                None => counts,
            },
        );
    }
    for example in &diff.examples {
        show_example(&mut page, example, args);
    }
    page
}

fn counted(kinds: &[(&str, u64)]) -> String {
    let there = kinds.iter().filter(|(_, count)| *count > 0);
    there.map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

fn show_example(page: &mut Page, example: &DiffExample, args: &DiffArgs) {
    let DiffExample { kind, verifier, line, rewards, said, submission } = example;
    let of = verifier.as_deref().map(|name| format!("{} ", shown(name))).unwrap_or_default();
    page.text("\n")
        .styled(LABEL, &format!("{of}{kind}"))
        .text(&format!(", {}:{line}\n", args.input.display()));
    page.text(&format!("  prompt      {}\n", excerpt(&submission.prompt, false)));
    page.text(&format!("  completion  {}\n", excerpt(&submission.completion, true)));
    if let Some(reference) = &submission.reference {
        page.text(&format!("  reference   {}\n", excerpt(reference, false)));
    }
    let lines = match said {
        Some(said) => said.each_ref().map(say),
        None => rewards.map(|reward| reward.map_or_else(|| "no reward".to_owned(), |it| it.to_string())),
    };
    for ((path, style), line) in [(&args.before, EXPECTED), (&args.after, FOUND)].into_iter().zip(lines) {
        page.text("  ").styled(style, &format!("{}  {line}", path.display())).text("\n");
    }
}

/// What a verifier says, on one line.
fn say(said: &Said) -> String {
    let head = said.reward.map_or_else(|| said.status.to_owned(), |reward| reward.to_string());
    match &said.reason {
        Some(reason) => format!("{head}: {}", excerpt(reason, false)),
        None => head,
    }
}
