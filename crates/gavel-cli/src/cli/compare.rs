//! The arguments of the commands that compare: `gavel rescore`, `gavel diff`, `gavel audit`.

use std::path::PathBuf;

use clap::Args;

use super::{ColumnArgs, JudgesArgs, PluginArgs};

pub(super) const RESCORE_HELP: &str = "\
What judged is loaded from the record: the text of the reward file is in it, and plugins are looked for from where it lay. \
Reward, verdicts, metrics and reasons of every row must be the same, and so must the digests of plugins and interpreters, \
options and limits; what differs is named. Another release of gavel or of its engine is named too, and is no failure by itself.

Exit codes:
  0  every row is the same, and so is what judges
  1  something differs, or the record or a row cannot be read
  2  bad usage, or this machine could not judge

Examples:
  gavel rescore scored.jsonl
  gavel rescore runs/countdown
  gavel rescore scored.jsonl --reward moved/reward.toml --json

`gavel docs compare` says the rest.";

pub(super) const DIFF_HELP: &str = "\
A verdict of 1 or more says right, a lower one wrong.

Exit codes:
  0  every reward and every verdict is the same
  1  something differs, or a line is no submission
  2  bad usage, or this machine could not judge

Examples:
  gavel diff before.toml after.toml completions.jsonl
  gavel diff before.toml after.toml completions.jsonl --json | jq .verifiers

`gavel docs compare` says the rest.";

pub(super) const AUDIT_HELP: &str = "\
A verdict of 1 or more says right, a lower one wrong; what has no verdict is counted apart. A label is true or false, 1 or \
0. No plugin sees it.

Exit codes:
  0  every row was counted
  1  a line is no submission, or has no label
  2  bad usage, or this machine could not judge

Examples:
  gavel audit labels.jsonl --plugin math --label human
  gavel audit labels.jsonl --reward reward.toml --label human --by subject --html audit.html

`gavel docs compare` says the rest.";

/// Arguments of `gavel rescore`.
#[derive(Debug, Args)]
pub struct RescoreArgs {
    /// The output of `gavel score`, or the directory of a training run.
    #[arg(value_name = "RUN|SCORED.jsonl")]
    pub path: PathBuf,
    /// What says what judged the output [default: SCORED.record.json].
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Judge by this reward file, and not by the text in the record: where it has moved, or to see what it changes.
    #[arg(short, long, value_name = "FILE")]
    pub reward: Option<PathBuf>,
    /// Write what came of it as JSON.
    #[arg(long)]
    pub json: bool,
    /// Rows that differ which are shown.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub examples: usize,
    /// How plugins are found and run.
    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// Arguments of `gavel diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The reward file before.
    #[arg(value_name = "A.toml")]
    pub before: PathBuf,
    /// The reward file after.
    #[arg(value_name = "B.toml")]
    pub after: PathBuf,
    /// Submissions, in any form that `gavel score` reads; `-` is stdin.
    #[arg(value_name = "DATA.jsonl", default_value = "-")]
    pub input: PathBuf,
    /// Write what differs as JSON.
    #[arg(long)]
    pub json: bool,
    /// Examples of each kind of change.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: usize,
    /// Where rows have the parts of a submission.
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// How plugins are found and run.
    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// Arguments of `gavel audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Submissions with labels, in any form that `gavel score` reads; `-` is stdin.
    #[arg(value_name = "LABELS.jsonl", default_value = "-")]
    pub input: PathBuf,
    /// What judges.
    #[command(flatten)]
    pub judges: JudgesArgs,
    /// The column that says whether a completion is right; with dots, a place within objects.
    #[arg(long, value_name = "COLUMN")]
    pub label: String,
    /// Count apart for each value of this column.
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
    /// Write the counts and the examples as JSON.
    #[arg(long)]
    pub json: bool,
    /// Write a page that needs nothing else.
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// Examples of each kind of error.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: usize,
    /// Where rows have the parts of a submission.
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// How plugins are found and run.
    #[command(flatten)]
    pub plugins: PluginArgs,
}
