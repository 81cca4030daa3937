//! The definition of `gavel-train`'s command line.

mod data;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use gavel_demo::mixture::{Family, LEVELS};
use gavel_demo::shape::Shape;
use gavel_model::{Architecture, SaveDtype};
use gavel_torch::DeviceChoice;

use gavel_cli::cli::{GlobalArgs, PluginArgs};

pub(crate) use data::{CheckArgs, DataArgs, DataCommand, HeadArgs, StatsArgs, TaskColumnArgs};

const TRAIN_HELP: &str = "\
A settings file is TOML; its options have the names of TRL's GRPOConfig. Paths in it are relative to it.
`gavel docs train` lists all settings, the columns of a task file and the models that load.

Examples:
  gavel train examples/countdown/train.toml
  gavel train train.toml --set learning_rate=3e-6 --set output_dir=runs/lower-rate
  gavel train train.toml --resume
  gavel train train.toml --nproc-per-node 2";

const PLAN_HELP: &str = "\
Examples:
  gavel plan train.toml
  gavel plan train.toml --card 80 --set lora_r=16     exits with 1 where 80 GiB are too little

The numbers are those of a step on CUDA whose completions are all as long as they may be. `gavel train` says the same line
before it loads a model.";

/// Train language models with GRPO on rewards from sandboxed plugins.
#[derive(Debug, Parser)]
#[command(name = "gavel-train", bin_name = "gavel", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `gavel-train` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a policy with GRPO.
    #[command(after_help = TRAIN_HELP)]
    Train(TrainArgs),
    /// Say how much memory a run takes on a card, without one.
    #[command(after_help = PLAN_HELP)]
    Plan(PlanArgs),
    /// Show task files as a run would see them: the prompts, what is refused and why, how long prompts are.
    #[command(subcommand, after_help = data::HELP)]
    Data(DataCommand),
    /// Measure a policy on a set of tasks: pass@1, pass@k, majority@k.
    #[command(
        after_help = "Example:\n  gavel eval --model examples/countdown/model --tasks examples/countdown/held-out.jsonl \\\n    --reward examples/countdown/reward.toml --temperature 1 -n 8"
    )]
    Eval(EvalArgs),
    /// Sample completions of one prompt.
    #[command(
        after_help = "Examples:\n  gavel generate --model examples/countdown/model '3 5 2→13:<think>'\n  gavel generate --model SmolLM2-135M-Instruct --template chat -n 4 --json 'What is 7 times 8?'"
    )]
    Generate(GenerateArgs),
    /// Turn a GGUF file into a Hugging Face directory: what training, and other tools, take.
    #[command(after_help = "Example:\n  gavel import SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2")]
    Import(ImportArgs),
    /// Train a small language model from nothing, on text that gavel writes itself.
    #[command(
        after_help = "Examples:\n  gavel pretrain countdown --output examples/countdown/model\n  gavel pretrain countdown --model-type deepseek_v3 --output base\n  gavel pretrain r1-zero --output base --hidden-size 512 --num-hidden-layers 8 --stop-after 420"
    )]
    Pretrain(PretrainArgs),
    /// Write task files to train and evaluate on.
    #[command(
        after_help = "Examples:\n  gavel tasks countdown --split held-out --count 256 --seed 2 -o held-out.jsonl\n  gavel tasks r1-zero --families modular,sort --levels 1,2 --count 1000 -o tasks.jsonl"
    )]
    Tasks(TasksArgs),
    /// Say what there is to compute on, for `gavel doctor`.
    #[command(hide = true)]
    Devices,
}

/// Arguments of `gavel train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The settings file.
    #[arg(value_name = "TRAIN.toml")]
    pub(crate) settings: PathBuf,
    /// Override one setting; may be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub(crate) overrides: Vec<(String, String)>,
    /// Go on with the run in `output_dir`, from its last checkpoint.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Stop after so long, as Ctrl-C does: after the step that it is in, with a checkpoint.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) stop_after: Option<u64>,
    /// Where to compute: auto, cpu, cuda or cuda:N. The same as `--set device=`.
    #[arg(long)]
    pub(crate) device: Option<DeviceChoice>,
    /// Train with so many processes on this machine, each with a CUDA device of its own where there are any. On several
    /// machines, torchrun starts them: `torchrun --no-python … gavel-train TRAIN.toml`.
    #[arg(long, value_name = "N")]
    pub(crate) nproc_per_node: Option<NonZeroUsize>,
    /// Threads that compute on the CPU [default: all cores].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How plugins are found and run.
    #[command(flatten)]
    pub(crate) plugins: PluginArgs,
}

/// Arguments of `gavel plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The settings file.
    #[arg(value_name = "TRAIN.toml")]
    pub(crate) settings: PathBuf,
    /// Override one setting; may be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub(crate) overrides: Vec<(String, String)>,
    /// The card's memory [default: that of this machine's card, where there is one].
    #[arg(long, value_name = "GIB")]
    pub(crate) card: Option<f64>,
    /// Write the numbers as JSON, in bytes.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `gavel eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// A Hugging Face model directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// A task file in any form that training reads, a folder of them, or a pattern in quotes, such as 'data/*.parquet'; may
    /// be repeated.
    #[arg(long, value_name = "TASKS", required = true)]
    pub(crate) tasks: Vec<PathBuf>,
    /// Where tasks have their parts.
    #[command(flatten)]
    pub(crate) columns: TaskColumnArgs,
    /// The reward file.
    #[arg(long, value_name = "REWARD.toml")]
    pub(crate) reward: PathBuf,
    /// What surrounds a task's `problem`: chat (the model's chat template), r1-zero, none, or a text with {problem} in it
    /// [default: none].
    #[arg(long)]
    pub(crate) template: Option<String>,
    /// Completions per task; several need a temperature.
    #[arg(short = 'n', long, value_name = "N", default_value = "1")]
    pub(crate) num_generations: NonZeroUsize,
    /// 0 takes the most likely token.
    #[arg(long, default_value = "0")]
    pub(crate) temperature: f64,
    /// Sample among the fewest tokens with at least this probability.
    #[arg(long, default_value = "1")]
    pub(crate) top_p: f64,
    /// Sample among this many of the most likely tokens; 0 is all.
    #[arg(long, default_value = "0")]
    pub(crate) top_k: usize,
    /// Sample among tokens at least this many times as likely as the likeliest; 0 is all.
    #[arg(long, default_value = "0")]
    pub(crate) min_p: f64,
    /// In tokens.
    #[arg(long, value_name = "TOKENS", default_value = "512")]
    pub(crate) max_completion_length: NonZeroUsize,
    /// A completion ends when it contains this; may be repeated.
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// Count a completion as right when this verifier gives it 1 [default: when its reward is at least 1].
    #[arg(long, value_name = "VERIFIER")]
    pub(crate) correct: Option<String>,
    /// Use only the first tasks.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroUsize>,
    /// Completions sampled at a time.
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) batch_size: NonZeroUsize,
    /// The same seed gives the same completions.
    #[arg(long, default_value = "42")]
    pub(crate) seed: u64,
    /// Where to compute: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub(crate) device: DeviceChoice,
    /// Write the numbers as JSON here too.
    #[arg(short, long, value_name = "EVAL.json")]
    pub(crate) output: Option<PathBuf>,
    /// Write every completion with its outcomes here.
    #[arg(long, value_name = "OUT.jsonl")]
    pub(crate) completions: Option<PathBuf>,
    /// How plugins are found and run.
    #[command(flatten)]
    pub(crate) plugins: PluginArgs,
}

/// Arguments of `gavel generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// A Hugging Face model directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// What the model continues; with --template, the problem in it.
    pub(crate) prompt: String,
    /// What surrounds the prompt: chat (the model's chat template), r1-zero, none, or a text with {problem} in it
    /// [default: none].
    #[arg(long)]
    pub(crate) template: Option<String>,
    /// Write a JSON object a line: prompt, completion, tokens, truncated.
    #[arg(long)]
    pub(crate) json: bool,
    /// Completions to sample.
    #[arg(short = 'n', long, value_name = "N", default_value = "1")]
    pub(crate) num_generations: NonZeroUsize,
    /// 0 takes the most likely token [default: what the model's generation_config.json says, else 1].
    #[arg(long)]
    pub(crate) temperature: Option<f64>,
    /// Sample among the fewest tokens with at least this probability [default: what the model's generation_config.json
    /// says, else 1].
    #[arg(long)]
    pub(crate) top_p: Option<f64>,
    /// Sample among this many of the most likely tokens; 0 is all [default: what the model's generation_config.json says,
    /// else 0].
    #[arg(long)]
    pub(crate) top_k: Option<usize>,
    /// Sample among tokens at least this many times as likely as the likeliest; 0 is all.
    #[arg(long, default_value = "0")]
    pub(crate) min_p: f64,
    /// In tokens.
    #[arg(long, value_name = "TOKENS", default_value = "512")]
    pub(crate) max_completion_length: NonZeroUsize,
    /// The same seed gives the same completions.
    #[arg(long, default_value = "42")]
    pub(crate) seed: u64,
    /// Where to compute: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub(crate) device: DeviceChoice,
}

/// Arguments of `gavel import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A GGUF file of the architecture llama, qwen2 or qwen3; or the folder of an adapter (LoRA), which becomes part of its
    /// model.
    #[arg(value_name = "FILE.gguf|ADAPTER")]
    pub(crate) file: PathBuf,
    /// The directory to write; it must not exist.
    #[arg(value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// The format of the weights; by default that of an adapter's model, and bfloat16 for a GGUF file.
    #[arg(long, value_enum)]
    pub(crate) dtype: Option<Dtype>,
}

/// A format of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// IEEE single precision.
    Float32,
    /// The upper half of it.
    Bfloat16,
}

impl From<Dtype> for SaveDtype {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Float32 => Self::Float32,
            Dtype::Bfloat16 => Self::Bfloat16,
        }
    }
}

/// Texts that gavel can write itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Corpus {
    /// Countdown with three digits: the demo.
    Countdown,
    /// Nine families of problems in four levels: R1-Zero from scratch.
    R1Zero,
}

/// Arguments of `gavel pretrain`.
#[derive(Debug, Args)]
pub(crate) struct PretrainArgs {
    /// What to train on.
    pub(crate) corpus: Corpus,
    /// The model directory to write.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Updates.
    #[arg(long, default_value = "4000")]
    pub(crate) steps: u64,
    /// Rows per update.
    #[arg(long, value_name = "ROWS", default_value = "64")]
    pub(crate) batch_size: usize,
    /// Tokens per row; a longer document is cut.
    #[arg(long, value_name = "TOKENS", default_value = "256")]
    pub(crate) sequence_length: NonZeroUsize,
    /// Of r1-zero: the families to write about [default: all].
    #[arg(long, value_name = "FAMILY", value_delimiter = ',', value_parser = family)]
    pub(crate) families: Vec<Family>,
    /// At the top of its cosine.
    #[arg(long, default_value = "1.5e-3")]
    pub(crate) learning_rate: f64,
    /// The family of the model: llama; qwen3_moe, with experts; or deepseek_v3, with experts and latent attention.
    #[arg(long, value_name = "TYPE", default_value = "llama", value_parser = family_of_model)]
    pub(crate) model_type: Architecture,
    /// Width of the model; a multiple of 32.
    #[arg(long, default_value = "128")]
    pub(crate) hidden_size: u32,
    /// Blocks of the model.
    #[arg(long, default_value = "4")]
    pub(crate) num_hidden_layers: u32,
    /// Determines weights and text.
    #[arg(long, default_value = "42")]
    pub(crate) seed: u64,
    /// Stop after so long, and keep what is needed to go on in DIR.partial.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) stop_after: Option<u64>,
    /// Go on with what was stopped.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Where to compute: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub(crate) device: DeviceChoice,
}

/// Arguments of `gavel tasks`.
#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// What the tasks are about.
    pub(crate) corpus: Corpus,
    /// Which problems: those that training may show, or the others.
    #[arg(long, value_enum, default_value = "train")]
    pub(crate) split: Split,
    /// How many.
    #[arg(long, value_name = "N")]
    pub(crate) count: usize,
    /// Of r1-zero: the families to draw from; by default all but quadratic and division, which are held out as a whole.
    #[arg(long, value_name = "FAMILY", value_delimiter = ',', value_parser = family)]
    pub(crate) families: Vec<Family>,
    /// Of r1-zero: the levels of difficulty to draw from, 1 to 4 [default: all].
    #[arg(long, value_name = "LEVEL", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=i64::from(LEVELS)))]
    pub(crate) levels: Vec<u8>,
    /// The same seed gives the same tasks.
    #[arg(long, default_value = "1")]
    pub(crate) seed: u64,
    /// Where to write them, instead of stdout.
    #[arg(short, long, value_name = "TASKS.jsonl")]
    pub(crate) output: Option<PathBuf>,
}

/// A part of all problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Split {
    /// What training may show.
    Train,
    /// What only evaluation shows.
    HeldOut,
}

fn family(text: &str) -> Result<Family, String> {
    let known = || Family::ALL.map(Family::name).join(", ");
    let found = Family::ALL.into_iter().find(|family| family.name() == text);
    found.ok_or_else(|| format!("there are {}", known()))
}

fn family_of_model(text: &str) -> Result<Architecture, String> {
    let known = || Shape::FAMILIES.map(Architecture::model_type).join(", ");
    let found = Shape::FAMILIES.into_iter().find(|family| family.model_type() == text);
    found.ok_or_else(|| format!("there are {}", known()))
}

fn field_and_value(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("write FIELD=VALUE, such as beta=0.04")?;
    Ok((field.trim().to_owned(), value.trim().to_owned()))
}

/// The words of a command, with `train` before a settings file that no command comes before: what torchrun is given is a
/// program and what it is about.
pub(crate) fn with_command(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    let first = words.iter().skip(1).position(|word| !word.to_string_lossy().starts_with('-'));
    if let Some(at) = first
        .map(|position| position + 1)
        .filter(|&at| Path::new(&words[at]).extension().is_some_and(|extension| extension == "toml"))
    {
        words.insert(at, "train".into());
    }
    words
}

/// An error of the command line, with what to write where a setting was given as a flag, as TRL's scripts take it.
pub(crate) fn advised(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let field = flag.trim_start_matches('-').replace('-', "_");
    if !std::env::args().any(|word| word == "train") || !gavel_train::settings::fields().contains(&&*field) {
        return error;
    }
    let mut behind = std::env::args().skip_while(|word| !word.starts_with(flag.as_str()));
    let value = behind
        .next()
        .and_then(|word| word.split_once('=').map(|(_, value)| value.to_owned()))
        .or_else(|| behind.next());
    let value = value.unwrap_or_else(|| "VALUE".to_owned());
    let tip = format!("a setting is given by `--set {field}={value}`");
    error.remove(ContextKind::SuggestedArg);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_settings_file_alone_is_trained_by() {
        let words = |line: &str| with_command(line.split(' ').map(OsString::from)).join(OsStr::new(" "));
        assert_eq!(words("gavel-train run.toml --resume"), "gavel-train train run.toml --resume");
        assert_eq!(words("gavel-train -q run.toml"), "gavel-train -q train run.toml");
        assert_eq!(words("gavel-train train run.toml"), "gavel-train train run.toml");
        assert_eq!(words("gavel-train devices"), "gavel-train devices");
    }
}
