//! `gavel init`: a small project to start from: a reward file, completions to score, tasks and settings to train with.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde_json::Value;

use crate::cli::{GlobalArgs, InitArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::Terminal;

const REWARD: &str = include_str!("init/reward.toml");
const COMPLETIONS: &str = include_str!("init/completions.jsonl");
const TASKS: &str = include_str!("init/tasks.jsonl");
const TRAIN: &str = include_str!("init/train.toml");

/// Lays the project down; the names of its files go to stdout.
pub(super) fn run(args: &InitArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let files = [
        ("reward.toml", REWARD.to_owned()),
        ("completions.jsonl", COMPLETIONS.to_owned()),
        ("tasks.jsonl", TASKS.to_owned()),
        ("train.toml", settings(args.model.as_deref())?),
    ];
    let folder = &args.folder;
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    if let Some(there) = paths.iter().find(|path| fs::symlink_metadata(path).is_ok()) {
        return Err(Stop::Input(anyhow!(
            "{} is there already, and nothing is written over",
            there.display()
        )));
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))
        .input_fault()?;
    let mut stdout = std::io::stdout();
    for (path, (_, content)) in paths.iter().zip(&files) {
        fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(stdout, "{}", path.display()).context("cannot write to stdout")?;
    }
    let shown = |name: &str| folder.join(name).display().to_string();
    let train = match &args.model {
        Some(_) => format!("       gavel train {}", shown("train.toml")),
        None => format!("       gavel train {}  (once it names a model)", shown("train.toml")),
    };
    Terminal::new(global.quiet).note(format_args!(
        "next:  gavel score --reward {} {}\n{train}",
        shown("reward.toml"),
        shown("completions.jsonl")
    ));
    Ok(ExitStatus::Success)
}

/// Settings for a model, by the path that is given; without one, with what to write.
fn settings(model: Option<&Path>) -> Result<String, Stop> {
    let mut line = "# A model is a Hugging Face folder, or a name on its hub, such as \"hf://HuggingFaceTB/SmolLM2-135M-Instruct\",\n\
                    # which is fetched.\nmodel      = \"model\""
        .to_owned();
    let mut is_chat = true;
    if let Some(model) = model {
        if !model.join("config.json").is_file() {
            let problem = "is no folder of a Hugging Face model: it has no config.json";
            return Err(Stop::Input(anyhow!("{} {problem}", model.display())));
        }
        let absolute = std::path::absolute(model).with_context(|| format!("{}", model.display()))?;
        line = format!("model      = {}", toml_edit::value(absolute.to_string_lossy().as_ref()));
        is_chat = has_chat_template(model);
    }
    let (name, why) = if is_chat {
        ("chat", "Problems become messages, in the words of the model's chat template.")
    } else {
        ("r1-zero", "A base model has no chat template; this is DeepSeek-R1-Zero's text around a problem.")
    };
    Ok(TRAIN.replace("MODEL", &line).replace("TEMPLATE_NAME", name).replace("TEMPLATE", why))
}

/// Whether a model's folder has a chat template, as far as its files say so at once.
fn has_chat_template(model: &Path) -> bool {
    let config = fs::read(model.join("tokenizer_config.json")).unwrap_or_default();
    let config: Value = serde_json::from_slice(&config).unwrap_or_default();
    model.join("chat_template.jinja").is_file() || config.get("chat_template").is_some()
}
