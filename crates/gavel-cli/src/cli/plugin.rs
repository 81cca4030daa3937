//! The definition of `gavel plugin`: its commands, flags and help texts.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use gavel_toolkit::Language;

use super::{CacheArgs, GrantArgs, PluginPathArgs, ToolsArgs};

/// What can be done with a plugin.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Start a plugin: a folder with a small verifier that works, its cases, a manifest, a workflow for CI.
    #[command(
        after_help = "Example:\n  gavel plugin new my-reward --lang python && gavel plugin test my-reward"
    )]
    New(NewArgs),
    /// Build a plugin's folder. Tools that its language needs are installed, pinned, beside it.
    #[command(after_help = "Examples:\n  gavel plugin build\n  gavel plugin build my-reward --watch")]
    Build(BuildArgs),
    /// Show what a plugin is: digest, imports, exports, options.
    #[command(
        after_help = "Examples:\n  gavel plugin inspect countdown\n  gavel plugin inspect ./shouting.wasm --json"
    )]
    Inspect(InspectArgs),
    /// Run the cases of a plugin's folder, and show where they go another way. Builds it first where its sources are
    /// newer.
    #[command(
        after_help = "Examples:\n  gavel plugin test my-reward\n  gavel plugin test my-reward -k \"one word\" --watch\n  gavel plugin test plugins/code --grant interpreter\n  gavel plugin test my-reward --adversarial"
    )]
    Test(TestArgs),
    /// Measure a plugin on the cases of its folder, with a fresh instance for every submission.
    #[command(after_help = "Example:\n  gavel plugin bench plugins/format --jobs 2")]
    Bench(BenchArgs),
    /// Show the plugins on the plugin path, and those that come with gavel.
    List(ListArgs),
    /// Put a plugin on the plugin path, and lock its digest: only this very file will be loaded. A folder is built first
    /// where its sources are newer.
    #[command(
        after_help = "Examples:\n  gavel plugin add my-reward\n  gavel plugin add ghcr.io/somebody/word-limit:0.1.0"
    )]
    Add(AddArgs),
    /// Fetch what the locks of the plugin path name and is not there, from where each came: that very file, or an error.
    #[command(after_help = "Example:\n  gavel plugin install --locked --plugin-path plugins")]
    Install(InstallArgs),
    /// Take a plugin from the plugin path again.
    Remove(RemoveArgs),
    /// Push a plugin to an OCI registry. Log in with `docker login`.
    #[command(after_help = "Example:\n  gavel plugin push ghcr.io/somebody/word-limit:0.1.0 word-limit")]
    Push(PushArgs),
    /// Pull a plugin's file from an OCI registry.
    #[command(
        after_help = "Example:\n  gavel plugin pull ghcr.io/somebody/word-limit:0.1.0 -o word-limit.wasm"
    )]
    Pull(PullArgs),
}

/// Arguments of `gavel plugin new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The folder to make; the last part is the plugin's name, in kebab-case.
    #[arg(value_name = "NAME")]
    pub folder: PathBuf,
    /// The language.
    #[arg(short, long, value_name = "LANGUAGE", help = languages())]
    pub lang: Language,
}

fn languages() -> String {
    format!("The language: {}", Language::ALL.map(Language::name).join(", "))
}

/// Arguments of `gavel plugin build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// A folder with a `gavel.toml` that has a section `[build]`.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Build again whenever a source changes, until Ctrl-C.
    #[arg(short, long)]
    pub watch: bool,
    /// Where what builds plugins is kept.
    #[command(flatten)]
    pub tools: ToolsArgs,
}

/// Arguments of `gavel plugin add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// A plugin's folder, a `.wasm` file, or an address in a registry (`ghcr.io/somebody/word-limit:0.1.0`).
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Replace a plugin of the same name, or what has been changed of it; never a folder with sources.
    #[arg(long)]
    pub force: bool,
    /// Where plugins lie; this one goes into the first folder.
    #[command(flatten)]
    pub path: PluginPathArgs,
    /// Where what builds plugins is kept.
    #[command(flatten)]
    pub tools: ToolsArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `gavel plugin install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Take nothing but what the locks say. It is the only way there is, and says so in a script.
    #[arg(long, required = true)]
    pub locked: bool,
    /// Write over what has been changed of a plugin; never a folder with sources.
    #[arg(long)]
    pub force: bool,
    /// Where plugins and their locks lie.
    #[command(flatten)]
    pub path: PluginPathArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `gavel plugin remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The plugin's name, as `gavel plugin list` shows it.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where plugins lie.
    #[command(flatten)]
    pub path: PluginPathArgs,
}

/// Arguments of `gavel plugin list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Where plugins lie.
    #[command(flatten)]
    pub path: PluginPathArgs,
    /// Write one JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gavel plugin push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Where it goes, such as `ghcr.io/somebody/word-limit:0.1.0`.
    #[arg(value_name = "REF")]
    pub address: String,
    /// A plugin's folder or a `.wasm` file.
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    pub plugin: PathBuf,
    /// Where what builds plugins is kept.
    #[command(flatten)]
    pub tools: ToolsArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `gavel plugin pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// Where it is, by tag or by digest.
    #[arg(value_name = "REF")]
    pub address: String,
    /// The file to write [default: the last part of the name, with `.wasm`].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over another file that is there.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `gavel plugin inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A name that a reward file could use, a plugin's folder, or a `.wasm` file.
    #[arg(value_name = "NAME|FILE")]
    pub plugin: PathBuf,
    /// Write one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Where plugins are looked for.
    #[command(flatten)]
    pub path: PluginPathArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `gavel plugin test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// A folder with `gavel.toml` and `cases.jsonl`; with --adversarial also a plugin's name or a `.wasm` file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Attack the plugin: shotgun, negation, contradiction, empty, echo, padding, format farming, injection and bias, made
    /// of its cases. None should earn more than a plain wrong answer.
    #[arg(long, conflicts_with_all = ["bless", "bless_broken", "watch", "case"])]
    pub adversarial: bool,
    /// The cases that attacks are made of [default: those of the plugin].
    #[arg(long, value_name = "FILE", requires = "adversarial")]
    pub cases: Option<PathBuf>,
    /// The most tasks to attack; of more, some are taken at even distances.
    #[arg(long, value_name = "N", default_value = "200", requires = "adversarial")]
    pub tasks: NonZeroUsize,
    /// Write what came of the attacks as one JSON object.
    #[arg(long, requires = "adversarial")]
    pub json: bool,
    /// Take what comes: write it into `cases.jsonl` where a case expects another thing, or nothing yet. Not where the
    /// plugin broke or ran into a limit.
    #[arg(long)]
    pub bless: bool,
    /// As --bless, also where the plugin broke or ran into a limit: `trap`, `internal-error`, `refused`, `out-of-fuel` and
    /// their like. Never a deadline, which says how busy this machine was.
    #[arg(long)]
    pub bless_broken: bool,
    /// Run only the cases that have this in their name.
    #[arg(short = 'k', long, value_name = "TEXT")]
    pub case: Option<String>,
    /// Build and run again whenever a source or a case changes, until Ctrl-C.
    #[arg(short, long)]
    pub watch: bool,
    /// What the plugin may have besides its input.
    #[command(flatten)]
    pub grants: GrantArgs,
    /// Where what builds plugins is kept.
    #[command(flatten)]
    pub tools: ToolsArgs,
    /// Where compiled plugins are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `gavel plugin bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// A folder with `gavel.toml` and `cases.jsonl`.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// What the plugin may have besides its input.
    #[command(flatten)]
    pub grants: GrantArgs,
    /// Threads that judge at the same time.
    #[arg(short, long, value_name = "N", default_value = "1")]
    pub jobs: NonZeroUsize,
    /// Where what builds plugins is kept.
    #[command(flatten)]
    pub tools: ToolsArgs,
    /// How long to measure, in seconds; every case is judged at least once.
    #[arg(long, value_name = "SECONDS", default_value = "2")]
    pub seconds: f64,
    /// Write one JSON object.
    #[arg(long)]
    pub json: bool,
}
