//! The command line of `gavel data`, and how columns of tasks are named.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use gavel_cli::cli::PluginArgs;
use gavel_train::task::Columns;

use super::field_and_value;

pub(crate) const HELP: &str = "\
Examples:
  gavel data head --settings train.toml                         the first tasks, prompts and all
  gavel data check --settings train.toml                        every row, and every reference by the reward's verifiers
  gavel data check train.parquet --reward reward.toml --problem-column question
  gavel data stats 'data/*.parquet' --model SmolLM2-135M-Instruct --template chat --html lengths.html

`head` and `check` exit with 1 where a run would refuse a row, `check` also where a verifier cannot use a task.";

/// Where tasks have their parts.
#[derive(Debug, Args)]
pub(crate) struct TaskColumnArgs {
    /// The column that holds a task's prompt; with dots, a place within objects [default: prompt].
    #[arg(long, value_name = "COLUMN")]
    prompt_column: Option<String>,
    /// The column that holds a task's problem; where it is named, and that of the prompt is not, a `prompt` is not looked
    /// for [default: problem].
    #[arg(long, value_name = "COLUMN")]
    problem_column: Option<String>,
    /// The column that holds the reference, such as `answer` or `reward_model.ground_truth` [default: reference].
    #[arg(long, value_name = "COLUMN")]
    reference_column: Option<String>,
}

impl TaskColumnArgs {
    /// Which columns hold the parts of a task.
    pub(crate) fn columns(&self) -> Columns {
        let defaults = Columns::default();
        Columns {
            prompt: self.prompt_column.clone().unwrap_or(defaults.prompt),
            problem: self.problem_column.clone().unwrap_or(defaults.problem),
            reference: self.reference_column.clone().unwrap_or(defaults.reference),
            metadata: defaults.metadata,
            leave_out: defaults.leave_out,
        }
    }
}

/// What `gavel data` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Show the first tasks: prompt, reference, and what verifiers are given besides.
    Head(HeadArgs),
    /// Look at every row: what a run would refuse, and tasks that the reward's verifiers cannot use.
    Check(CheckArgs),
    /// Say how long prompts are and which columns there are.
    Stats(StatsArgs),
}

/// What task files are looked at by.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Task files in any form that training reads, folders of them, and patterns in quotes, such as 'data/*.parquet'
    /// [default: the `tasks` of the settings].
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The settings of a run: its model, template, columns and reward.
    #[arg(long, value_name = "TRAIN.toml", conflicts_with_all = ["template", "prompt_column", "problem_column", "reference_column"])]
    pub(crate) settings: Option<PathBuf>,
    /// Override one setting; may be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value, requires = "settings")]
    pub(crate) overrides: Vec<(String, String)>,
    /// Look at the `eval_tasks` of the settings.
    #[arg(long, requires = "settings", conflicts_with = "files")]
    pub(crate) eval: bool,
    /// A Hugging Face model directory, whose chat template and tokenizer make the prompts; without one, lengths are in
    /// characters.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// The reward file: its columns, and the verifiers that `check` asks.
    #[arg(long, value_name = "REWARD.toml")]
    pub(crate) reward: Option<PathBuf>,
    /// What surrounds a task's `problem`: chat (the model's chat template), r1-zero, none, or a text with {problem} in it
    /// [default: none].
    #[arg(long)]
    pub(crate) template: Option<String>,
    /// Where tasks have their parts.
    #[command(flatten)]
    pub(crate) columns: TaskColumnArgs,
    /// Look at the first rows alone.
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
}

impl DataArgs {
    /// The most rows that are looked at.
    pub(crate) fn limit(&self) -> usize {
        self.limit.map_or(usize::MAX, Into::into)
    }
}

/// Arguments of `gavel data head`.
#[derive(Debug, Args)]
pub(crate) struct HeadArgs {
    /// What is looked at.
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// How many tasks.
    #[arg(short = 'n', long, value_name = "N", default_value = "3")]
    pub(crate) count: NonZeroUsize,
}

/// Arguments of `gavel data check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// What is looked at.
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Name every row that is refused or invalid, and not the first few of each kind alone.
    #[arg(long)]
    pub(crate) all: bool,
    /// Write what is found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// How plugins are found and run.
    #[command(flatten)]
    pub(crate) plugins: PluginArgs,
}

/// Arguments of `gavel data stats`.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// What is looked at.
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Write what is found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a page with the histogram here, which needs nothing else.
    #[arg(long, value_name = "PAGE.html")]
    pub(crate) html: Option<PathBuf>,
}
