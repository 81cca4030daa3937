//! The model that a command names: a folder, with the advice to make one of a name on a hub, and its chat template.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use gavel_model::{ChatTemplate, Model, Precision, Tokenizer};
use gavel_torch::DeviceChoice;
use gavel_train::task::{Prompts, Task, Template};

use gavel_cli::exit::{InputFault, Stop};
use gavel_cli::terminal::Terminal;

/// Refuses what is no folder.
pub(super) fn require_folder(model: &Path) -> Result<(), Stop> {
    if model.is_dir() {
        return Ok(());
    }
    let advice = match hub_name(model) {
        Some((owner, name)) => format!(
            "; if that is a name on the Hugging Face hub, `hf download {owner}/{name} --local-dir {name}` brings it, and \
             `{name}` is the model then"
        ),
        None => String::new(),
    };
    Err(Stop::Input(anyhow!(
        "{} is not there: a model is a folder with config.json, tokenizer.json and weights{advice}",
        model.display()
    )))
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
        assert!(
            hub.contains(
                "`hf download HuggingFaceTB/SmolLM2-135M-Instruct --local-dir SmolLM2-135M-Instruct`"
            ),
            "{hub}"
        );
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("model");
        assert!(!said(absent.to_str().unwrap()).contains("hf download"));
        assert!(require_folder(folder.path()).is_ok());
    }
}
