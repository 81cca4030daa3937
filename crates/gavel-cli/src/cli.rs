//! The definition of the command line: every command, flag and help text of `gavel`. What they do is elsewhere.

mod compare;
mod limits;
mod plugin;
mod serve;
mod shard;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use gavel_plugins::Capability;
use gavel_wire::Columns;

pub use compare::{AuditArgs, DiffArgs, RescoreArgs};
pub use limits::LimitArgs;
pub use plugin::{
    AddArgs, BenchArgs, BuildArgs, InspectArgs, InstallArgs, ListArgs, NewArgs, PluginCommand, PullArgs,
    PushArgs, RemoveArgs, TestArgs,
};

pub use serve::{AsProcess, NamedFile, ServeArgs, TaskFile};
pub use shard::Shard;

const EXAMPLES: &str = "\
New here?
  gavel init first && cd first                        a small project
  gavel score --reward reward.toml completions.jsonl  what completions are worth, and why
  gavel plugin list                                   what can judge
  gavel plugin new my-reward --lang python            a plugin of your own ...
  gavel plugin test my-reward                         ... built, and run on its cases
  gavel train train.toml                              GRPO, once the file names a model
  gavel doctor                                        what this machine lacks

The documents are in this program: `gavel docs` lists them, `gavel docs plugins` shows one.

Exit codes:
    0  everything was done
    1  the input is at fault: a bad line, a mistake in a reward file, a failing case; or nothing has a reward
    2  bad usage, or an unexpected error
  130  interrupted (Ctrl-C)
  141  whoever read the output has gone
  143  terminated (SIGTERM)

Environment:
  GAVEL_LOG          what to log, such as `debug` or `gavel_host=trace`; wins over -v and -q
  GAVEL_PLUGIN_PATH  folders to look for plugins in, separated as in PATH
  GAVEL_CACHE_DIR    where compiled plugins are kept
  GAVEL_CACHE_SIZE   how much room they may take, such as `500MiB`
  GAVEL_TOOLS_DIR    where `gavel plugin build` keeps what it installs";

const SCORE_HELP: &str = "\
Each line of the input is a JSON object with `prompt`, `completion` and, if the task has one, `reference`. All other \
columns are the task's metadata. `prompt` and `completion` may be lists of chat messages: the last user message and \
the last assistant message count.

Each line of the output is that object with two more columns: `reward`, a number or null, and `outcomes`, what each \
verifier said; where `reward` is null, `no_reward` says why. Lines come in the order of the input, as soon as they are \
there. Blank lines are skipped, also by --answer-bad-lines; a line that is not a submission is reported on stderr and left \
out of the output. Where the first five lines are all no submissions, what is wrong is said once, and no more is read.

Beside OUT.jsonl goes OUT.record.json, with all that the scores depend on: `gavel rescore OUT.jsonl` derives them again.

Examples:
  gavel score --plugin math completions.jsonl
  gavel score --reward reward.toml completions.jsonl.gz -o scored.jsonl
  gavel score --reward reward.toml --reference-column answer gsm8k.jsonl
  gavel score --reward reward.toml --watch < pipe > scored.jsonl

`gavel docs score` says the rest, `gavel docs reward-file` what a reward file can say.";

const CONVERT_HELP: &str = "\
What makes one reward of several scores becomes a formula. Python criteria and judges do not become plugins by themselves: \
each gets its table in the reward file, and what is not converted is named on stderr, with its file and field.

Examples:
  gavel convert tests
  gavel convert tests/reward.toml -o reward.toml";

/// Judge completions with sandboxed reward plugins, and train with them.
#[derive(Debug, Parser)]
#[command(name = "gavel", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArgs {
    /// Log more; twice for even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Show only errors; twice for not even those.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: clap::ColorChoice,
}

/// What `gavel` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Score completions with a reward file.
    #[command(after_help = SCORE_HELP)]
    Score(ScoreArgs),
    /// Derive rewards again from what was recorded, and prove that they are the same, bit for bit.
    #[command(after_help = compare::RESCORE_HELP)]
    Rescore(RescoreArgs),
    /// Compare what two reward files say of the same completions.
    #[command(after_help = compare::DIFF_HELP)]
    Diff(DiffArgs),
    /// Compare what verifiers say with what people say: false positives and negatives.
    #[command(after_help = compare::AUDIT_HELP)]
    Audit(AuditArgs),
    /// Answer over HTTP what completions are worth, as OpenRLHF, slime, NeMo Gym, verl and others ask.
    #[command(after_help = serve::HELP)]
    Serve(ServeArgs),
    /// Write a plugin, build it, test it, measure it, look at it, share it.
    #[command(
        subcommand,
        after_help = "`gavel docs plugins` shows how to write one in ten minutes, `gavel docs publishing` how to share it."
    )]
    Plugin(PluginCommand),
    /// Make a reward file of what Harbor's rewardkit has: a `reward.toml` with criteria beside it.
    #[command(after_help = CONVERT_HELP)]
    Convert(ConvertArgs),
    /// Lay down a small project that runs: a reward file, completions, tasks, settings.
    #[command(after_help = "Examples:\n  gavel init first\n  gavel init first --model SmolLM2-135M-Instruct")]
    Init(InitArgs),
    /// Say what is there on this machine of what gavel's commands need, and how to get the rest.
    Doctor(DoctorArgs),
    /// Show the documents: how to write a plugin, every setting, what is promised.
    #[command(after_help = "Examples:\n  gavel docs\n  gavel docs plugins | less")]
    Docs(DocsArgs),
    /// Fill the cache of compiled plugins.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Write a run's report, or that of several side by side: one HTML page that needs nothing else.
    #[command(
        after_help = "Examples:\n  gavel report runs/countdown\n  gavel report runs/seed-1 runs/seed-2 runs/beta -o compared.html\n  gavel report runs/countdown --watch"
    )]
    Report(ReportArgs),
    /// Measure how a policy thinks, by its completions: checks, retries, length by difficulty, pass@k before and after.
    #[command(
        after_help = "Examples:\n  gavel measure runs/r1-zero --html measures.html\n  gavel measure after.jsonl --before base.jsonl --json"
    )]
    Measure(MeasureArgs),
    /// Train a policy with GRPO (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Train(TrainerArgs),
    /// Say how much memory a run takes on a card (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Plan(TrainerArgs),
    /// Show task files as a run would see them (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Data(TrainerArgs),
    /// Measure a policy on a set of tasks (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Eval(TrainerArgs),
    /// Sample completions from a policy (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Generate(TrainerArgs),
    /// Turn a GGUF file into a model directory (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Import(TrainerArgs),
    /// Train a language model from nothing (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Pretrain(TrainerArgs),
    /// Write task files to train and evaluate on (starts `gavel-train`).
    #[command(disable_help_flag = true)]
    Tasks(TrainerArgs),
    /// Write a shell's completion script to stdout.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Arguments of `gavel report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run directory. Of several, those that differ in their seed alone are drawn as one curve with a band.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The page to write [default: report.html in the run directory; of several, runs.html].
    #[arg(short, long, value_name = "FILE.html")]
    pub output: Option<PathBuf>,
    /// Write the page again as the run goes on, until it ends; a browser that shows it follows.
    #[arg(long)]
    pub watch: bool,
    /// Write the curve of accuracy and length alone, as SVG, of one run.
    #[arg(long, value_name = "FILE.svg")]
    pub curve: Option<PathBuf>,
}

/// Arguments of `gavel measure`.
#[derive(Debug, Args)]
pub struct MeasureArgs {
    /// Completions with outcomes, as `gavel eval --completions`, runs and `gavel score` write them; or a run directory: its
    /// last evaluation, beside its first.
    #[arg(value_name = "COMPLETIONS|RUN")]
    pub completions: PathBuf,
    /// Completions of the model before training, or a run directory.
    #[arg(long, value_name = "COMPLETIONS|RUN")]
    pub before: Option<PathBuf>,
    /// The column of the task that says its family.
    #[arg(long, value_name = "COLUMN", default_value = "family")]
    pub by: String,
    /// The column of the task that says how hard it is.
    #[arg(long, value_name = "COLUMN", default_value = "level")]
    pub level: String,
    /// The verifier that judged the marks: one whose plugin is `marks`.
    #[arg(long, value_name = "VERIFIER", default_value = "marks")]
    pub marks: String,
    /// Count a completion as right when this verifier gives it 1 [default: as the file says, or when its reward is at least 1].
    #[arg(long, value_name = "VERIFIER")]
    pub correct: Option<String>,
    /// Write everything as JSON, instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Write a page: one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// Write accuracy and length by family as one image.
    #[arg(long, value_name = "FILE.svg")]
    pub svg: Option<PathBuf>,
}

/// A reward file, or a plugin alone.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what judges").required(true).args(["reward", "plugin"])))]
pub struct JudgesArgs {
    /// The reward file.
    #[arg(short, long, value_name = "FILE")]
    pub reward: Option<PathBuf>,
    /// Have one plugin judge alone, by its name, folder or file, in place of a reward file.
    #[arg(long, value_name = "NAME")]
    pub plugin: Option<String>,
    /// The options of --plugin, a JSON object.
    #[arg(long, value_name = "JSON", requires = "plugin", conflicts_with = "reward")]
    pub options: Option<String>,
    /// What --plugin may have besides its input: `interpreter`, to run untrusted programs; may be repeated.
    #[arg(long, value_name = "CAPABILITY", requires = "plugin", conflicts_with = "reward")]
    pub grant: Vec<Capability>,
}

/// Arguments of `gavel score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// What judges.
    #[command(flatten)]
    pub judges: JudgesArgs,
    /// Submissions, one JSON object a line, as they are or compressed (gzip, zstd); `-` is stdin.
    #[arg(value_name = "IN.jsonl", default_value = "-")]
    pub input: PathBuf,
    /// Where the scored lines go, instead of stdout. Whole lines only: a file cut short by Ctrl-C is valid.
    #[arg(short, long, value_name = "OUT.jsonl")]
    pub output: Option<PathBuf>,
    /// Between lines, take up what has changed of the reward file and its plugins. What cannot be loaded is refused,
    /// and what judged before goes on; either is said on stderr.
    #[arg(long)]
    pub watch: bool,
    /// Where rows have the parts of a submission.
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// Write a line also for a line that is no submission, with `reward` null: every line in has a line out, but for
    /// blank ones, which are no lines.
    #[arg(long)]
    pub answer_bad_lines: bool,
    /// Go on with an output that broke off: what is there stays, but for half a line at its end, and the record beside it
    /// must say that the same judges as now. Where there is no output yet, begin it.
    #[arg(long, requires = "output", conflicts_with = "watch")]
    pub resume: bool,
    /// Score one slice of so many, such as 2/4: the outputs of all slices, one after the other, are that of the whole. No group
    /// is cut: one that begins in a slice is judged there.
    #[arg(long, value_name = "I/N", conflicts_with = "watch")]
    pub shard: Option<Shard>,
    /// Have judges judge by the answers that the input holds, as an earlier run wrote them, and ask no endpoint: for another
    /// formula over the same answers.
    #[arg(long)]
    pub replay: bool,
    /// Leave out how long each verifier took, so that the same submissions give the same bytes.
    #[arg(long)]
    pub no_timing: bool,
    /// Lower limits than the reward file's.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Where to write what judged: plugins, options, limits, the reward file, versions [default: OUT.record.json, with
    /// --output].
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// How plugins are found and run.
    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// What is converted, and where to.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// A `reward.toml` of rewardkit's, or its folder.
    #[arg(value_name = "REWARD.toml")]
    pub path: PathBuf,
    /// Where to write the reward file [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The `[[reward]]` that becomes the reward; the others become components that weigh nothing.
    #[arg(long, value_name = "NAME", default_value = "reward")]
    pub name: String,
}

/// Where rows have the parts of a submission.
#[derive(Debug, Args)]
pub struct ColumnArgs {
    /// The column that holds the prompt; with dots, a place within objects [default: what the reward file says, else
    /// prompt].
    #[arg(long, value_name = "COLUMN")]
    pub prompt_column: Option<String>,
    /// The column that holds the completion [default: what the reward file says, else completion].
    #[arg(long, value_name = "COLUMN")]
    pub completion_column: Option<String>,
    /// The column that holds the reference, such as `answer` or `reward_model.ground_truth` [default: what the reward
    /// file says, else reference].
    #[arg(long, value_name = "COLUMN")]
    pub reference_column: Option<String>,
    /// The column that is the same in the completions of one prompt, for rewards that compare these [default: what the
    /// reward file says, else group or prompt_id; without any, prompt and reference tell groups apart].
    #[arg(long, value_name = "COLUMN")]
    pub group_column: Option<String>,
}

impl ColumnArgs {
    /// Which columns hold the parts of a submission: what the flags say, else what the reward file says.
    pub fn over(&self, of_reward: &Columns) -> Columns {
        let mut columns = of_reward.clone();
        for (flag, column) in [
            (&self.prompt_column, &mut columns.prompt),
            (&self.completion_column, &mut columns.completion),
            (&self.reference_column, &mut columns.reference),
            (&self.group_column, &mut columns.group),
        ] {
            if let Some(name) = flag {
                *column = name.clone().into();
            }
        }
        columns
    }
}

/// How plugins are found and run. `gavel-train` takes the same flags.
#[derive(Debug, Clone, Args)]
pub struct PluginArgs {
    /// Threads that judge [default: the machine's].
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Where plugins are looked for.
    #[command(flatten)]
    pub path: PluginPathArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
    /// Keep verdicts in so much memory, such as 256MiB, so that the same completion of the same task is judged once.
    #[arg(long, value_name = "SIZE", env = "GAVEL_VERDICT_CACHE", hide_env = true)]
    pub verdict_cache: Option<ByteSize>,
}

/// Where plugins are looked for.
#[derive(Debug, Clone, Args)]
pub struct PluginPathArgs {
    /// A folder to look for plugins and interpreters in; may be repeated. Those of `gavel plugin add` are found without.
    #[arg(long, value_name = "DIR", env = "GAVEL_PLUGIN_PATH", value_delimiter = PATH_SEPARATOR, hide_env = true)]
    pub plugin_path: Vec<PathBuf>,
}

/// What a plugin may have besides its input.
#[derive(Debug, Clone, Args)]
pub struct GrantArgs {
    /// Grant the plugin what it asks for: `interpreter`, to run untrusted programs; may be repeated.
    #[arg(long, value_name = "CAPABILITY")]
    pub grant: Vec<Capability>,
    /// Where interpreters are looked for.
    #[command(flatten)]
    pub path: PluginPathArgs,
}

/// Where compiled plugins are kept.
#[derive(Debug, Clone, Args)]
pub struct CacheArgs {
    /// Where compiled plugins are kept [default: ~/.cache/gavel].
    #[arg(long, value_name = "DIR", env = "GAVEL_CACHE_DIR", hide_env = true)]
    pub cache_dir: Option<PathBuf>,
    /// How much room compiled plugins may take; those not used for the longest time make room [default: 2GiB].
    #[arg(long, value_name = "SIZE", env = "GAVEL_CACHE_SIZE", hide_env = true)]
    pub cache_size: Option<ByteSize>,
}

const PATH_SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

/// Where what builds plugins is kept.
#[derive(Debug, Clone, Args)]
pub struct ToolsArgs {
    /// Where pinned tools are kept, such as componentize-py [default: `.gavel/tools` of the plugin's folder, or of
    /// the nearest folder above that has one].
    #[arg(long, value_name = "DIR", env = "GAVEL_TOOLS_DIR", hide_env = true)]
    pub tools_dir: Option<PathBuf>,
}

/// What can be done with the cache of compiled plugins.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Compile the plugins and interpreters of a reward file into the cache, as when an image is built: nothing is
    /// compiled when the file is used. Who uses it may have the folder read-only, if it is root's.
    #[command(after_help = "Example:\n  gavel cache warm reward.toml --cache-dir /opt/gavel-cache")]
    Warm(WarmArgs),
}

/// Arguments of `gavel init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where the files go.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// A Hugging Face model directory, to be named in train.toml.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
}

/// Arguments of `gavel doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where plugins are looked for.
    #[command(flatten)]
    pub path: PluginPathArgs,
    /// Where what builds plugins is kept.
    #[command(flatten)]
    pub tools: ToolsArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `gavel docs`.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// The document; without it, their names are listed.
    #[arg(value_name = "NAME")]
    pub page: Option<String>,
}

/// Arguments of `gavel cache warm`.
#[derive(Debug, Args)]
pub struct WarmArgs {
    /// A reward file; may be repeated.
    #[arg(value_name = "REWARD.toml", required = true)]
    pub rewards: Vec<PathBuf>,
    /// Where plugins are looked for.
    #[command(flatten)]
    pub path: PluginPathArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments that `gavel-train` understands.
#[derive(Debug, Args)]
pub struct TrainerArgs {
    /// Handed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub args: Vec<OsString>,
}
