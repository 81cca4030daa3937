//! What is said of task files: as text, as JSON, and as what a page is drawn from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gavel_cli::rows::plural;
use gavel_cli::terminal::Page;
use gavel_report::DataPage;
use gavel_train::data::{Bar, DataSummary, Lengths, SeenRow};
use gavel_train::task::Columns;
use gavel_verify::Status;
use serde_json::{Map, Value, json};

use super::judged::Judged;
use super::view::View;
use super::{or_null, without_place};

/// Problems of a kind that are shown, unless all are asked for.
const SHOWN: usize = 5;

/// The widest bar of a histogram, in characters.
const WIDEST: usize = 40;

/// What is wrong with a row.
pub(super) struct Problem {
    path: PathBuf,
    line: u64,
    /// The verifier that says so; the run itself without one.
    verifier: Option<String>,
    reason: String,
}

impl Problem {
    pub(super) fn refused(row: &SeenRow, reason: String) -> Self {
        let reason = without_place(&reason, &row.path, row.line).to_owned();
        Self { path: row.path.to_path_buf(), line: row.line, verifier: None, reason }
    }

    pub(super) fn invalid(row: &SeenRow, verifier: &str, reason: String) -> Self {
        Self { path: row.path.to_path_buf(), line: row.line, verifier: Some(verifier.to_owned()), reason }
    }

    fn text(&self) -> String {
        let of = self.verifier.as_ref().map(|verifier| format!("{verifier}: ")).unwrap_or_default();
        format!("{}:{}: {of}{}", self.path.display(), self.line, self.reason)
    }

    fn to_json(&self) -> Value {
        let mut json = json!({ "path": self.path, "line": self.line, "reason": self.reason });
        if let Some(verifier) = &self.verifier {
            json["verifier"] = verifier.as_str().into();
        }
        json
    }
}

/// What is known of task files.
pub(super) struct Report {
    summary: DataSummary,
    lengths: Option<Lengths>,
    unit: &'static str,
    refused: Vec<Problem>,
    /// Tasks that verifiers cannot use; `None` where none was asked.
    invalid: Option<Vec<Problem>>,
    failures: BTreeMap<(String, Status), u64>,
    columns: Columns,
    template: String,
    max_completion_length: Option<usize>,
    context: Option<i64>,
    draws: bool,
}

impl Report {
    pub(super) fn new(view: &View, summary: DataSummary, refused: Vec<Problem>) -> Self {
        Self {
            lengths: summary.lengths(),
            summary,
            unit: view.unit(),
            refused,
            invalid: None,
            failures: BTreeMap::new(),
            columns: view.columns.clone(),
            template: view.template.clone(),
            max_completion_length: view.max_completion_length,
            context: view.context(),
            draws: false,
        }
    }

    /// With what verifiers say, where any were asked.
    pub(super) fn with_judged(self, judged: Judged) -> Self {
        let invalid = judged.has_reward().then_some(judged.invalid);
        Self { invalid, failures: judged.failures, ..self }
    }

    /// With the histogram in its text.
    pub(super) fn with_histogram(self) -> Self {
        Self { draws: true, ..self }
    }

    /// Whether a run would start, with references that its verifiers can use.
    pub(super) fn is_fine(&self) -> bool {
        self.refused.is_empty() && self.invalid.as_ref().is_none_or(Vec::is_empty) && self.failures.is_empty()
    }

    pub(super) fn text(&self, all: bool) -> Page {
        let mut page = Page::default();
        page.row("rows", &self.rows());
        page.row("prompts", &self.origins());
        if let Some(lengths) = &self.lengths {
            page.row("lengths", &self.measured(lengths));
            if self.draws {
                page.row("", &drawn(&lengths.histogram));
            }
        }
        if let Some(beyond) = self.beyond() {
            page.row("warning", &beyond);
        }
        page.row("columns", &self.columns_text());
        if self.summary.repeated > 0 {
            let repeated = plural(self.summary.repeated, "prompt");
            page.row("repeated", &format!("{repeated} that an earlier row has word for word"));
        }
        self.problems(&mut page, "refused", &self.refused, all);
        if let Some(invalid) = &self.invalid {
            self.problems(&mut page, "invalid", invalid, all);
        }
        for ((verifier, status), count) in &self.failures {
            page.row("failed", &format!("{verifier}: {status} on {}", plural(*count, "task")));
        }
        page
    }

    fn problems(&self, page: &mut Page, label: &str, problems: &[Problem], all: bool) {
        let shown = if all { problems.len() } else { SHOWN };
        let mut lines = vec![match (label, problems.len()) {
            ("refused", 0) => "none".to_owned(),
            ("refused", count) => {
                format!("{}, with any of which a run does not start", plural(count as u64, "row"))
            }
            (_, 0) => "none: the verifiers take every reference".to_owned(),
            (_, count) => format!("{}, which verifiers cannot judge by", plural(count as u64, "task")),
        }];
        lines.extend(problems.iter().take(shown).map(Problem::text));
        if let Some(more @ 1..) = problems.len().checked_sub(shown) {
            lines.push(format!("and {more} more; --all shows them"));
        }
        page.row(label, &lines.join("\n"));
    }

    fn rows(&self) -> String {
        let rows = plural(self.summary.rows, "row");
        match self.summary.files.len() {
            1 => rows,
            files => {
                let of_each =
                    self.summary.files.iter().map(|(path, rows)| format!("{} {rows}", path.display()));
                let lines: Vec<String> = of_each.collect();
                format!("{rows} in {files} files, in this order:\n{}", lines.join("\n"))
            }
        }
    }

    fn origins(&self) -> String {
        let DataSummary { texts, conversations, problems, references, .. } = self.summary;
        let kinds = [
            (texts, "texts as they are".to_owned()),
            (conversations, "conversations by the chat template".to_owned()),
            (problems, format!("problems by the template `{}`", self.template)),
        ];
        let mut said: Vec<String> = kinds
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        said.push(format!("{references} with a reference"));
        said.join(", ")
    }

    fn measured(&self, lengths: &Lengths) -> String {
        let Lengths { least, median, mean, p95, greatest, longest, .. } = lengths;
        format!(
            "{least} to {greatest} {}, median {median}, mean {mean:.1}, 95 % at most {p95}; the longest is {}:{}",
            self.unit,
            longest.path.display(),
            longest.line
        )
    }

    /// What to say where prompt and completion together are longer than the model was made for.
    fn beyond(&self) -> Option<String> {
        let (lengths, context) = (self.lengths.as_ref()?, self.context?);
        let longest =
            i64::from(lengths.greatest) + i64::try_from(self.max_completion_length.unwrap_or(0)).ok()?;
        (longest > context).then(|| {
            format!("the longest prompt and its completion come to {longest} tokens, and the model was made for {context}")
        })
    }

    fn columns_text(&self) -> String {
        let widest = self.summary.columns.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        let lines = self.summary.columns.iter().map(|(name, rows)| {
            let missing = match self.summary.rows - rows {
                0 => String::new(),
                missing => format!(" (not in {})", plural(missing, "row")),
            };
            format!("{name:widest$}  {}{missing}", self.role(name))
        });
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() { "none".to_owned() } else { lines.join("\n") }
    }

    /// What a column is to a run.
    fn role(&self, name: &str) -> String {
        let DataSummary { texts, conversations, problems, .. } = self.summary;
        let parts = [
            ("the prompt", &self.columns.prompt, texts + conversations > 0),
            ("the problem, and metadata", &self.columns.problem, problems > 0),
            ("the reference", &self.columns.reference, true),
            ("metadata, entry by entry", &self.columns.metadata, true),
        ];
        for (what, column, is_used) in parts {
            if is_used && name == column {
                return what.to_owned();
            }
            if is_used && column.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')) {
                return format!("metadata, and with `{column}` {what}");
            }
        }
        match name {
            "tools" | "chat_template_kwargs" if conversations > 0 => {
                "the chat template's, and metadata".to_owned()
            }
            _ => "metadata".to_owned(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let columns: Map<String, Value> = self
            .summary
            .columns
            .iter()
            .map(|(name, rows)| (name.clone(), json!({ "rows": rows, "is": self.role(name) })))
            .collect();
        let files = self.summary.files.iter().map(|(path, rows)| json!({ "path": &**path, "rows": rows }));
        let problems = |problems: &[Problem]| problems.iter().map(Problem::to_json).collect::<Vec<_>>();
        json!({
            "files": files.collect::<Vec<_>>(),
            "rows": self.summary.rows,
            "texts": self.summary.texts,
            "conversations": self.summary.conversations,
            "problems": self.summary.problems,
            "references": self.summary.references,
            "repeated": self.summary.repeated,
            "columns": columns,
            "unit": self.unit,
            "lengths": self.lengths,
            "context": or_null(self.context),
            "refused": problems(&self.refused),
            "invalid": or_null(self.invalid.as_deref().map(problems)),
            "failed": self
                .failures
                .iter()
                .map(|((verifier, status), count)| json!({ "verifier": verifier, "status": status.name(), "tasks": count }))
                .collect::<Vec<_>>(),
        })
    }

    /// What a page is drawn from.
    pub(super) fn page(&self) -> DataPage {
        let name = self.summary.files.keys().map(|path| path.display().to_string()).collect::<Vec<_>>();
        let columns = self.summary.columns.iter();
        let bar = |bar: &Bar| gavel_report::Bar { from: bar.from, to: bar.to, count: bar.count };
        let lengths = self.lengths.as_ref();
        let measures = lengths.map(|lengths| {
            [
                ("least", lengths.least),
                ("median", lengths.median),
                ("95 % at most", lengths.p95),
                ("greatest", lengths.greatest),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .to_vec()
        });
        DataPage {
            name: name.join(", "),
            facts: vec![
                plural(self.summary.rows, "row"),
                self.origins(),
                format!("{} refused", self.refused.len()),
            ],
            unit: self.unit.to_owned(),
            lengths: lengths.map(|lengths| lengths.histogram.iter().map(bar).collect()).unwrap_or_default(),
            measures: measures.unwrap_or_default(),
            columns: columns.map(|(name, rows)| (name.clone(), *rows, self.role(name))).collect(),
            problems: if self.refused.is_empty() {
                Vec::new()
            } else {
                vec![("Refused".to_owned(), self.refused.iter().map(Problem::text).collect())]
            },
        }
    }
}

/// A histogram in text: a line for each bar.
fn drawn(bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    let digits = bars.iter().map(|bar| bar.to.to_string().len()).max().unwrap_or(1);
    let lines = bars.iter().map(|bar| {
        // In eighths of a character; what is there at all can be seen.
        let eighths = (bar.count as f64 / most as f64 * (WIDEST * 8) as f64).round() as usize;
        let eighths = if bar.count > 0 { eighths.max(1) } else { 0 };
        let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
        let bars = format!("{}{part}", "█".repeat(eighths / 8));
        format!("{:>digits$} – {:>digits$}  {bars} {}", bar.from, bar.to, bar.count)
    });
    lines.collect::<Vec<_>>().join("\n")
}
