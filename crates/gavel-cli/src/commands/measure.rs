//! `gavel measure`: how a policy thinks, by its completions.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use gavel_report::{Comparison, Group, MeasureOptions};

use crate::cli::{GlobalArgs, MeasureArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::outputs::{self, Content, Output};
use crate::terminal::{Terminal, shown};

pub(super) fn run(args: &MeasureArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let before = args.before.iter().map(|before| ("the completions before", before.as_path()));
    let read: Vec<_> = before.chain([("the completions", args.completions.as_path())]).collect();
    let written: Vec<_> =
        args.html.iter().chain(&args.svg).map(|path| Output::new(path, Content::Page)).collect();
    outputs::look(&read, &written, &terminal).input_fault()?;
    let options = MeasureOptions {
        by: args.by.clone(),
        level: args.level.clone(),
        marks: args.marks.clone(),
        correct: args.correct.clone(),
    };
    let found = Comparison::read(&args.completions, args.before.as_deref(), &options).input_fault()?;
    if args.json {
        let json = serde_json::to_string_pretty(&found).context("the measures are no JSON")?;
        writeln!(std::io::stdout(), "{json}").map_err(anyhow::Error::from)?;
    } else {
        std::io::stdout().write_all(table(&found).as_bytes()).map_err(anyhow::Error::from)?;
    }
    write(args.html.as_deref(), "page", || found.page(), &terminal)?;
    write(args.svg.as_deref(), "image", || found.svg(), &terminal)?;
    Ok(ExitStatus::Success)
}

fn write(
    path: Option<&Path>,
    what: &str,
    content: impl FnOnce() -> String,
    terminal: &Terminal,
) -> Result<(), Stop> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, content()).with_context(|| format!("cannot write {}", path.display()))?;
    terminal.note(format_args!("{what:7} {}", path.display()));
    Ok(())
}

/// A line for each family, with the numbers of before in front of those of after.
fn table(found: &Comparison) -> String {
    let headers =
        ["", "pass@1", "tokens", "checking", "retrying", "to right", "to wrong", "forged", "false ✓"];
    let line = |cells: [String; 9]| {
        let [name, cells @ ..] = cells;
        let cells = cells.map(|cell| format!("{cell:>15}")).concat();
        format!("{name:14}{cells}\n")
    };
    let mut text = line(headers.map(str::to_owned));
    let before = found.before.as_ref();
    let families = found
        .after
        .families
        .iter()
        .map(|(name, after)| (name.as_str(), before.and_then(|before| before.families.get(name)), after));
    for (name, before, after) in families.chain([("all", before.map(|before| &before.all), &found.after.all)])
    {
        let cell = |of: &dyn Fn(&Group) -> String| match before {
            Some(before) => format!("{} → {}", of(before), of(after)),
            None => of(after),
        };
        let share = |of: fn(&Group) -> Option<f64>| {
            cell(&|group| of(group).map_or_else(|| "–".to_owned(), |share| format!("{:.1}", 100.0 * share)))
        };
        text += &line([
            shown(name),
            share(|group| Some(group.accuracy())),
            cell(&|group| format!("{:.0}", group.tokens)),
            share(|group| group.checking),
            share(|group| group.retrying),
            share(|group| group.changed_to_right),
            share(|group| group.changed_to_wrong),
            share(|group| group.forged),
            share(|group| group.false_claims),
        ]);
    }
    text
}
