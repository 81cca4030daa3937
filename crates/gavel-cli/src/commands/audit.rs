//! `gavel audit`: what verifiers say of rows that people have labelled.

use anyhow::{Context, anyhow};
use gavel_files::{closest, did_you_mean};
use gavel_reward::Workspace;
use gavel_verify::{Reward as _, Status};
use gavel_wire::compare::{Audit, Confusion, Label, LabelError, Share};
use gavel_wire::{Columns, Part, Row};

use super::score;
use crate::cli::{AuditArgs, GlobalArgs};
use crate::columns::with_advice;
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::outputs::{self, Content, Output};
use crate::rows::{self, BadLines, NumberedRow, Rows, plural};
use crate::terminal::{LABEL, Page, Terminal, escaped, excerpt, shown};

pub(super) fn run(args: &AuditArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    if let Some(path) = &args.html {
        let judges = args.judges.reward.iter().map(|reward| ("reward file", reward.as_path()));
        let read: Vec<_> = judges.chain([("input", args.input.as_path())]).collect();
        outputs::look(&read, &[Output::new(path, Content::Page)], &terminal).input_fault()?;
    }
    let workspace = Workspace::start(&args.plugins.clone().resolve())?;
    let reward = score::load(&args.judges, &workspace)?.current();
    let columns = without_label(args.columns.over(reward.columns()), &args.label).input_fault()?;
    let mut rows = Rows::open(&args.input).input_fault()?;
    if reward.needs_groups() {
        rows = rows.in_groups(&columns);
    }
    let mut audit = Audit::new(&args.label, args.by.as_deref());
    let (mut bad_lines, mut host_failed) = (BadLines::default(), 0);
    // What to say of `--by` where no row has its column: which ones the first has.
    let (mut has_bucket, mut without_bucket) = (args.by.is_none(), None);
    loop {
        let some = rows.read().input_fault()?;
        if some.is_empty() {
            break;
        }
        let (mut labelled, mut submissions) = (Vec::new(), Vec::new());
        for NumberedRow { line, row, group } in some {
            let read = row.and_then(|row| {
                let label = Label::of_row(&row, &args.label).map_err(|error| advised(&error, &row))?;
                let submission = row.submission(&columns);
                let submission = submission.map_err(|error| with_advice(&error, &row).to_string())?;
                Ok((row, label, submission))
            });
            match read {
                Ok((row, label, submission)) => {
                    if let Some(by) = args.by.as_ref().filter(|_| !has_bucket) {
                        has_bucket = row.find(by).is_some();
                        without_bucket.get_or_insert_with(|| {
                            format!("{}{}", row.there(), did_you_mean(closest(by, row.own_names())))
                        });
                    }
                    labelled.push((line, row, label, submission.clone()));
                    submissions.push((group, submission));
                }
                Err(error) => bad_lines.say(&terminal, &rows.place(line), &error),
            }
        }
        let scores = rows::judge(&reward, submissions)?;
        for ((line, row, label, submission), score) in labelled.iter().zip(&scores) {
            let failed =
                |(_, outcome): &(String, gavel_verify::Outcome)| outcome.status() == Status::HostFailed;
            host_failed += u64::from(score.outcomes.iter().any(failed));
            audit.add((*line, row), *label, submission, score, args.examples);
        }
    }
    bad_lines.end(&terminal);
    audit.bad_lines = bad_lines.count();
    if audit.rows == 0 {
        return Err(Stop::Input(anyhow!("{} holds no submission with a label", args.input.display())));
    }
    if let (false, Some(by), Some(there)) = (has_bucket, &args.by, without_bucket) {
        return Err(Stop::Input(anyhow!("--by {}: no row has such a column: {there}", shown(by))));
    }
    if let Some(path) = &args.html {
        let page = gavel_report::audit_page(&audit, &args.input.display().to_string());
        std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
        terminal.note(format_args!("page  {}", path.display()));
    }
    let page = if args.json {
        let json = serde_json::to_string_pretty(&audit).map_err(anyhow::Error::from)?;
        let mut page = Page::default();
        page.text(&escaped(&json)).text("\n");
        page
    } else {
        show(&audit, args)
    };
    page.print().map_err(anyhow::Error::from)?;
    if host_failed > 0 {
        terminal.error(format_args!("this machine could not judge {host_failed} rows; audit them again"));
        return Ok(ExitStatus::Error);
    }
    Ok(if audit.bad_lines > 0 { ExitStatus::Failure } else { ExitStatus::Success })
}

/// What is wrong with a label, and which column may be meant where there is none.
fn advised(error: &LabelError, row: &Row) -> String {
    let near = match error {
        LabelError::Missing { column, .. } => closest(column, row.own_names()),
        LabelError::Neither { .. } => None,
    };
    format!("{error}{}", did_you_mean(near))
}

/// The columns of submissions, among which no plugin sees the label.
fn without_label(mut columns: Columns, label: &str) -> anyhow::Result<Columns> {
    for part in Part::ALL {
        if columns.of(part).iter().any(|name| name == label) {
            let name = part.name();
            return Err(anyhow!(
                "`{label}` is the label and the {name} too; `--{name}-column` says where the {name} is"
            ));
        }
    }
    columns.leave_out.push(label.to_owned());
    Ok(columns)
}

/// The table, and where the verifiers err.
fn show(audit: &Audit, args: &AuditArgs) -> Page {
    let mut page = Page::default();
    let bad = Some(audit.bad_lines).filter(|count| *count > 0);
    let bad = bad.map(|count| format!(", and {}", plural(count, "bad line"))).unwrap_or_default();
    page.text(&format!(
        "{} labelled by `{}`{bad}
",
        plural(audit.rows, "row"),
        shown(&audit.label)
    ));
    for (name, verifier) in &audit.verifiers {
        page.text("\n").styled(LABEL, &shown(name)).text("\n");
        let all = [("all".to_owned(), &verifier.all)];
        let buckets = verifier.buckets.iter().map(|(bucket, confusion)| (shown(bucket), confusion));
        page.text(&table(all.into_iter().chain(buckets).collect()));
        let errors =
            [("false positive", &verifier.false_positives), ("false negative", &verifier.false_negatives)];
        for (kind, examples) in errors {
            for example in examples {
                let place = format!("{}:{}", args.input.display(), example.line);
                let reason = example.said.reason.as_deref().map(|reason| excerpt(reason, false));
                page.text("\n  ").styled(LABEL, kind).text(&format!(", {place}\n"));
                page.text(&format!("    completion  {}\n", excerpt(&example.submission.completion, true)));
                if let Some(reference) = &example.submission.reference {
                    page.text(&format!("    reference   {}\n", excerpt(reference, false)));
                }
                page.text(&format!("    {}  {}\n", shown(name), reason.unwrap_or_default()));
            }
        }
    }
    page
}

fn table(rows: Vec<(String, &Confusion)>) -> String {
    const HEADS: [&str; 6] = ["", "rows", "right", "false −", "wrong", "false +"];
    let cells = |(name, confusion): &(String, &Confusion)| {
        [
            name.clone(),
            confusion.rows().to_string(),
            confusion.right().to_string(),
            rate(confusion.false_negatives, confusion.false_negative_rate()),
            confusion.wrong().to_string(),
            rate(confusion.false_positives, confusion.false_positive_rate()),
        ]
    };
    let mut lines: Vec<Vec<String>> = vec![HEADS.map(str::to_owned).to_vec()];
    lines[0].push("no verdict".to_owned());
    for row in &rows {
        let mut line = cells(row).to_vec();
        line.push(row.1.without_verdict().to_string());
        lines.push(line);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("  {cell:<width$}"),
            _ => format!("  {cell:>width$}"),
        });
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}

/// A count and the share that it is, with the interval that the true share lies in.
fn rate(count: u64, share: Option<Share>) -> String {
    match share {
        Some(Share { value, low, high }) => {
            format!("{count} ({:.1} %, {:.1}–{:.1})", value * 100.0, low * 100.0, high * 100.0)
        }
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_plugin_sees_the_label() {
        let columns = without_label(Columns::default(), "right").unwrap();
        let row = Row::parse(r#"{"prompt": "", "completion": "", "right": true, "kind": "x"}"#).unwrap();
        assert_eq!(row.submission(&columns).unwrap().metadata, r#"{"kind":"x"}"#);
        let error = without_label(Columns::default(), "reference").unwrap_err().to_string();
        assert_eq!(
            error,
            "`reference` is the label and the reference too; `--reference-column` says where the reference is"
        );
    }
}
