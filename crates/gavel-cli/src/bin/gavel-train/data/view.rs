//! What task files are looked at by: the settings of a run, or a model, a reward file and columns named one by one.

use std::path::PathBuf;

use anyhow::anyhow;
use gavel_model::{Config, Tokenizer};
use gavel_train::data::Encoding;
use gavel_train::settings::Settings;
use gavel_train::task::{Columns, Prompts, TaskFiles, Template};

use super::super::cli::DataArgs;
use super::super::{blame, columns, hub, model, train};
use gavel_cli::exit::{InputFault, Stop};
use gavel_cli::terminal::Terminal;

/// What task files are looked at by.
pub(super) struct View {
    pub(super) files: TaskFiles,
    pub(super) prompts: Prompts,
    pub(super) columns: Columns,
    /// The template of problems, as it is named.
    pub(super) template: String,
    pub(super) reward: Option<PathBuf>,
    model: Option<Encoder>,
    /// Tokens of a completion, where settings say so.
    pub(super) max_completion_length: Option<usize>,
}

struct Encoder {
    tokenizer: Tokenizer,
    config: Config,
}

impl View {
    pub(super) fn of(args: &DataArgs, terminal: &Terminal) -> Result<Self, Stop> {
        match &args.settings {
            Some(path) => {
                let settings = Settings::load(path, &args.overrides).input_fault()?;
                Self::of_settings(args, settings, terminal)
            }
            None => Self::of_flags(args, terminal),
        }
    }

    fn of_settings(args: &DataArgs, mut settings: Settings, terminal: &Terminal) -> Result<Self, Stop> {
        let named = if args.eval { settings.eval_tasks.clone() } else { Some(settings.tasks.clone()) };
        settings.tasks = match (args.files.is_empty(), named) {
            (false, _) => TaskFiles::new(args.files.clone()),
            (true, Some(files)) => files,
            (true, None) => {
                return Err(Stop::Input(anyhow!("the settings have no `eval_tasks`, which --eval asks for")));
            }
        };
        settings.reward = args.reward.clone().or(settings.reward);
        settings.model = args.model.clone().unwrap_or(settings.model);
        hub::fetch(&mut settings, false, terminal)?;
        model::require_folder(&settings.model)?;
        if let Some(reward) = settings.reward.clone() {
            train::name_columns(&mut settings, &reward)?;
        }
        train::look_at_first_task(&settings, terminal)?;
        Ok(Self {
            prompts: settings.prompts().map_err(blame)?,
            columns: Columns {
                prompt: settings.prompt_column,
                problem: settings.problem_column,
                reference: settings.reference_column,
                metadata: settings.metadata_column,
                leave_out: settings.leave_out_columns,
            },
            files: settings.tasks,
            template: settings.template,
            reward: settings.reward,
            model: Some(Encoder::load(&settings.model)?),
            max_completion_length: Some(settings.max_completion_length),
        })
    }

    fn of_flags(args: &DataArgs, terminal: &Terminal) -> Result<Self, Stop> {
        if args.files.is_empty() {
            return Err(Stop::Input(anyhow!("name task files, or settings that name them by --settings")));
        }
        let files = hub::tasks(&TaskFiles::new(args.files.clone()), terminal)?;
        let mut columns = args.columns.columns();
        if let Some(reward) = &args.reward {
            columns::fill(&mut columns, reward, &files)?;
        }
        let template = args.template.clone().unwrap_or_else(|| "none".to_owned());
        let (prompts, model) = match &args.model {
            Some(folder) => {
                let folder = hub::model(folder, terminal)?;
                model::require_folder(&folder)?;
                (model::prompts(&template, &folder)?, Some(Encoder::load(&folder)?))
            }
            None => (without_model(&template, &columns, &files)?, None),
        };
        let prompts = prompts.with_columns(columns.clone());
        let reward = args.reward.clone();
        Ok(Self { files, prompts, columns, template, reward, model, max_completion_length: None })
    }

    /// What encodes prompts, where a model is known.
    pub(super) fn encoding(&self) -> Option<Encoding<'_>> {
        let Encoder { tokenizer, config } = self.model.as_ref()?;
        Some(Encoding { tokenizer, vocabulary: config.vocab_size })
    }

    /// What lengths are counted in.
    pub(super) fn unit(&self) -> &'static str {
        if self.model.is_some() { "tokens" } else { "characters" }
    }

    /// The most positions that the model was made for.
    pub(super) fn context(&self) -> Option<i64> {
        self.model.as_ref().map(|model| model.config.max_position_embeddings)
    }
}

impl Encoder {
    fn load(folder: &std::path::Path) -> Result<Self, Stop> {
        let tokenizer = Tokenizer::load(folder).input_fault()?;
        Ok(Self { tokenizer, config: Config::load(folder).input_fault()? })
    }
}

/// How tasks become prompts where no model is known, and so no chat template either.
fn without_model(template: &str, columns: &Columns, files: &TaskFiles) -> Result<Prompts, Stop> {
    let first = columns::first_row(files);
    let is_conversation =
        gavel_wire::value_within(&first, &columns.prompt).is_some_and(serde_json::Value::is_array);
    if template == "chat" || is_conversation {
        return Err(Stop::Input(anyhow!(
            "these tasks are conversations, which become prompts by a model's chat template: name it by --model, or settings \
             that do by --settings"
        )));
    }
    let wrong =
        || anyhow!("--template {template}: write chat, r1-zero, none, or a text with {{problem}} in it");
    Ok(Prompts::new(Template::named(template).ok_or_else(wrong).input_fault()?, None))
}
