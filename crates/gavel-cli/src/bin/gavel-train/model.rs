//! The model that a command names: a folder, with the advice to make one of a name on a hub, and its chat template.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use gavel_model::{ChatTemplate, Model, Precision, Tokenizer};
use gavel_torch::DeviceChoice;
use gavel_train::task::{Prompts, Task, Template};

use gavel_cli::exit::{InputFault, Stop};
use gavel_cli::terminal::Terminal;

/// Refuses what is no folder, or one that holds something else than a model, with what to do about it.
pub(super) fn require_folder(model: &Path) -> Result<(), Stop> {
    let wrong = if model.is_dir() { other_content(model) } else { Some(no_folder(model)) };
    wrong.map_or(Ok(()), |wrong| Err(Stop::Input(anyhow!("{} {wrong}", model.display()))))
}

const A_MODEL: &str = "a model is a folder with config.json, tokenizer.json and weights in safetensors";

/// What to say of a path that is no folder.
fn no_folder(model: &Path) -> String {
    if model.is_file() {
        return match model.extension() {
            Some(end) if end.eq_ignore_ascii_case("gguf") => {
                format!(
                    "is a file: `gavel import {} DIR` makes a folder of it, which is the model then",
                    model.display()
                )
            }
            _ => format!("is a file: {A_MODEL}"),
        };
    }
    let advice = match hub_name(model) {
        Some((owner, name)) => {
            format!("; if that is a name on the Hugging Face hub, write `hf://{owner}/{name}`")
        }
        None => String::new(),
    };
    format!("is not there: {A_MODEL}{advice}")
}

/// What to say of a folder that people take for a model, where it is none.
fn other_content(folder: &Path) -> Option<String> {
    let has = |name: &str| folder.join(name).exists();
    let weights = files(folder, "safetensors");
    if let Some(pointer) = weights.iter().find(|file| is_lfs_pointer(file)) {
        let name = pointer.file_name().unwrap_or_default().display();
        return Some(format!(
            "has a pointer of Git LFS in place of {name}: `git lfs pull` in it, or `hf download`, brings the weights"
        ));
    }
    if weights.is_empty() && (has("pytorch_model.bin") || has("pytorch_model.bin.index.json")) {
        return Some(format!(
            "has its weights in pytorch_model.bin: {A_MODEL}; `save_pretrained` of transformers writes them so"
        ));
    }
    let models = if is_model(folder) { Vec::new() } else { models_below(folder) };
    let latest = models.last()?;
    Some(format!(
        "is no model, and has {} in it: `{}` is the latest",
        counted(models.len()),
        latest.display()
    ))
}

/// The models in a folder, or in `checkpoints` of a run's, by name.
fn models_below(folder: &Path) -> Vec<PathBuf> {
    let checkpoints = folder.join("checkpoints");
    let folder = if checkpoints.is_dir() { &checkpoints } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut models: Vec<PathBuf> = entries.filter(|path| is_model(path)).collect();
    models.sort();
    models
}

/// Whether a folder holds a model, or an adapter of one.
fn is_model(folder: &Path) -> bool {
    folder.join("config.json").is_file() || gavel_model::is_adapter(folder)
}

fn counted(models: usize) -> String {
    if models == 1 { "one".to_owned() } else { format!("{models} models") }
}

/// The files of a folder whose names end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|found| found == end)).collect()
}

/// Whether a file is what Git leaves of a large one until that is asked for.
fn is_lfs_pointer(file: &Path) -> bool {
    const START: &[u8] = b"version https://git-lfs";
    let mut start = Vec::new();
    let read =
        std::fs::File::open(file).and_then(|file| file.take(START.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == START
}

/// Owner and name, where a path could be a name on a hub: two parts, of which not even the first is there.
fn hub_name(model: &Path) -> Option<(&str, &str)> {
    let name = model.file_name()?.to_str()?;
    let parent = model.parent()?;
    let owner = parent.file_name()?.to_str()?;
    (!parent.exists()).then_some((owner, name))
}

/// Loads a model to sample from, and its tokenizer, with the number format that suits the device.
pub(super) fn load(directory: &Path, device: DeviceChoice) -> Result<(Model, Tokenizer), Stop> {
    require_folder(directory)?;
    let device = gavel_torch::select_device(device).input_fault()?;
    let tokenizer = Tokenizer::load(directory).input_fault()?;
    let precision = if device.is_cuda() { Precision::BF16 } else { Precision::FULL };
    Ok((Model::load(directory, device, precision).input_fault()?, tokenizer))
}

/// How tasks become prompts of this model, with the template of this name for a `problem`.
pub(super) fn prompts(template: &str, model: &Path) -> Result<Prompts, Stop> {
    let wrong =
        || anyhow!("--template {template}: write chat, r1-zero, none, or a text with {{problem}} in it");
    let template = Template::named(template).ok_or_else(wrong).input_fault()?;
    Ok(Prompts::new(template, ChatTemplate::load(model, None).input_fault()?))
}

/// Says aloud that an instruct model is given bare text: it was taught to answer in a conversation, and continues
/// anything else badly. `set` is how to say otherwise.
pub(super) fn warn_of_bare_text(
    model: &Path,
    prompts: &Prompts,
    task: &Task,
    set: &str,
    terminal: &Terminal,
) {
    if task.question.is_none()
        && let Some(chat) = prompts.chat_template()
        && !chat.has_rendered(&task.prompt)
    {
        terminal.note(format_args!(
            "warning: {} has a chat template, and its prompts are bare text, which is not what it was taught to answer: \
             {set}, or give the prompts as lists of messages",
            PathBuf::from(model.file_name().unwrap_or_default()).display()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_on_a_hub_says_how_to_bring_it() {
        let said = |model: &str| require_folder(Path::new(model)).unwrap_err().error().to_string();
        let hub = said("/nowhere/HuggingFaceTB/SmolLM2-135M-Instruct");
        assert!(hub.ends_with("; if that is a name on the Hugging Face hub, write `hf://HuggingFaceTB/SmolLM2-135M-Instruct`"), "{hub}");
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("model");
        assert!(!said(absent.to_str().unwrap()).contains("hf://"));
        assert!(require_folder(folder.path()).is_ok());
    }

    #[test]
    fn what_people_take_for_a_model_says_how_to_make_one() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &str| {
            let error = require_folder(&folder.path().join(path)).unwrap_err();
            error.error().to_string().replace(&format!("{}/", folder.path().display()), "")
        };
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("x.gguf", "GGUF");
        assert!(
            said("x.gguf").starts_with("x.gguf is a file: `gavel import x.gguf DIR` makes a folder of it")
        );
        write("adapter/adapter_config.json", "{}");
        assert!(require_folder(&folder.path().join("adapter")).is_ok(), "loading it says what it lacks");
        write("old/config.json", "{}");
        write("old/pytorch_model.bin", "");
        assert!(said("old").starts_with("old has its weights in pytorch_model.bin: "));
        write("git/config.json", "{}");
        write("git/model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
        assert!(said("git").starts_with("git has a pointer of Git LFS in place of model.safetensors: "));
        write("run/checkpoints/step-00001/config.json", "{}");
        write("run/checkpoints/step-00002/config.json", "{}");
        let expected = "has 2 models in it: `run/checkpoints/step-00002` is the latest";
        assert_eq!(said("run/checkpoints"), format!("run/checkpoints is no model, and {expected}"));
        assert_eq!(said("run"), format!("run is no model, and {expected}"));
    }
}
