//! `gavel data`: task files as a run would see them, before there is one.

mod judged;
mod report;
mod view;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use gavel_train::data::{DataSummary, SeenRow, SeenTask, look_at_rows};
use gavel_train::task::TaskError;
use serde_json::Value;

use super::cli::{CheckArgs, DataCommand, HeadArgs, StatsArgs};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::outputs::{self, Content, Output};
use gavel_cli::terminal::{LABEL, Page, Terminal};
use judged::Judged;
use report::{Problem, Report};
use view::View;

pub(super) fn run(command: DataCommand, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    match command {
        DataCommand::Head(args) => head(&args, terminal),
        DataCommand::Check(args) => check(args, terminal),
        DataCommand::Stats(args) => stats(&args, terminal),
    }
}

/// What ends looking at rows early.
enum End {
    Files(TaskError),
    Stop(Stop),
}

impl From<TaskError> for End {
    fn from(error: TaskError) -> Self {
        Self::Files(error)
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        match end {
            End::Files(error) => Self::Input(error.into()),
            End::Stop(stop) => stop,
        }
    }
}

/// The first tasks, in full.
fn head(args: &HeadArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let view = View::of(&args.data, terminal)?;
    let mut page = Page::default();
    let (mut refused, mut is_first) = (false, true);
    look_at_rows(&view.files, &view.prompts, view.encoding(), args.count.get(), &mut |rows| {
        for row in rows {
            if !std::mem::replace(&mut is_first, false) {
                page.text("\n");
            }
            page.styled(LABEL, &place(&row)).text("\n");
            match &row.task {
                Ok(seen) => show(&mut page, seen, view.unit()),
                Err(error) => {
                    refused = true;
                    page.row("refused", without_place(&chain(error), &row.path, row.line));
                }
            }
        }
        Ok::<_, End>(())
    })?;
    page.print().map_err(anyhow::Error::from)?;
    Ok(if refused { ExitStatus::Failure } else { ExitStatus::Success })
}

fn show(page: &mut Page, SeenTask { task, length }: &SeenTask, unit: &str) {
    page.row("prompt", &format!("{length} {unit}")).text(&format!("{}\n", task.prompt));
    if let Some(question) = &task.question {
        page.row("question", question);
    }
    page.row("reference", task.reference.as_deref().unwrap_or("none"));
    for (name, value) in &task.metadata {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        page.row("metadata", &format!("{name} = {text}"));
    }
}

/// Every row, and what the reward's verifiers say of its reference.
fn check(args: CheckArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let view = View::of(&args.data, terminal)?;
    let mut judged = Judged::load(&view, args.plugins, terminal)?;
    let report = look(&view, args.data.limit(), &mut |rows| judged.take(rows))?;
    let report = report.with_judged(judged);
    print(&report, args.json, args.all)?;
    Ok(if report.is_fine() { ExitStatus::Success } else { ExitStatus::Failure })
}

/// How long prompts are, and which columns there are.
fn stats(args: &StatsArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let view = View::of(&args.data, terminal)?;
    if let Some(path) = &args.html {
        let tasks = view.files.paths().input_fault()?;
        let tasks = tasks.iter().map(|path| ("tasks", path.as_ref()));
        let named = [
            ("settings", &args.data.settings),
            ("reward file", &view.reward),
            ("the model", &args.data.model),
        ];
        let named = named.into_iter().filter_map(|(what, path)| Some((what, path.as_deref()?)));
        let read: Vec<_> = tasks.chain(named).collect();
        outputs::look(&read, &[Output::new(path, Content::Page)], terminal).input_fault()?;
    }
    let report = look(&view, args.data.limit(), &mut |_| Ok(()))?;
    if let Some(path) = &args.html {
        let page = gavel_report::data_page(&report.page());
        std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
        terminal.note(format_args!("page    {}", path.display()));
    }
    let report = report.with_histogram();
    print(&report, args.json, false)?;
    super::SUCCESS
}

/// Looks at all rows; `each` sees those that are looked at together.
fn look(
    view: &View,
    limit: usize,
    each: &mut dyn FnMut(&[SeenRow]) -> Result<(), Stop>,
) -> Result<Report, Stop> {
    let mut summary = DataSummary::default();
    let mut refused = Vec::new();
    look_at_rows(&view.files, &view.prompts, view.encoding(), limit, &mut |rows| {
        for row in &rows {
            summary.add(row);
            if let Err(error) = &row.task {
                refused.push(Problem::refused(row, chain(error)));
            }
        }
        each(&rows).map_err(End::Stop)
    })?;
    Ok(Report::new(view, summary, refused))
}

fn print(report: &Report, json: bool, all: bool) -> Result<(), Stop> {
    if json {
        let text = serde_json::to_string_pretty(&report.to_json()).map_err(anyhow::Error::from)?;
        return Ok(writeln!(std::io::stdout(), "{text}").map_err(anyhow::Error::from)?);
    }
    Ok(report.text(all).print().map_err(anyhow::Error::from)?)
}

fn place(row: &SeenRow) -> String {
    format!("{}:{}", row.path.display(), row.line)
}

/// An error with its causes, without the place where it is, which stands before it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // A cause that says the same is the same error in another type.
        if !text.ends_with(&cause.to_string()) {
            let _ = write!(text, ": {cause}");
        }
        source = cause.source();
    }
    text
}

/// A path as errors have it before a line, for leaving it out where it stands already.
fn without_place<'a>(text: &'a str, path: &Path, line: u64) -> &'a str {
    text.strip_prefix(&format!("{}:{line}: ", path.display())).unwrap_or(text)
}

/// A value that is none where there is nothing to say.
fn or_null<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, Into::into)
}
