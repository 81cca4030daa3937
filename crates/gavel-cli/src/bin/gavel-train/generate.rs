//! `gavel generate`: completions of one prompt, to look at.

use std::io::Write;
use std::path::Path;

use gavel_model::{Finish, GenerationConfig, NeverStop, Sampling};
use gavel_train::task::{Prompts, Task};
use serde_json::{Map, json};

use super::cli::GenerateArgs;
use super::{hub, model};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: &GenerateArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let folder = hub::model(&args.model, terminal)?;
    let (model, tokenizer) = model::load(&folder, args.device)?;
    let prompts = model::prompts(args.template.as_deref().unwrap_or("none"), &folder)?;
    let task = task(&prompts, &args.prompt)?;
    model::warn_of_bare_text(&folder, &prompts, &task, "say `--template chat`", terminal);
    let text = &task.prompt;
    let prompt = match &task.question {
        Some(_) => tokenizer.encode_chat(text),
        None => tokenizer.encode(text),
    };
    let prompt = prompt.input_fault()?;
    let defaults = model.generation_config();
    let sampling = Sampling {
        max_new_tokens: args.max_completion_length.get(),
        temperature: args.temperature.or(defaults.map(default_temperature)).unwrap_or(1.0),
        top_p: args.top_p.or(defaults.and_then(|defaults| defaults.top_p)).unwrap_or(1.0),
        top_k: args.top_k.or(defaults.and_then(|defaults| defaults.top_k)).unwrap_or(0),
        min_p: args.min_p,
        seed: args.seed,
        end_tokens: gavel_train::end_tokens(&model, &tokenizer),
        ..Sampling::default()
    };
    let count = args.num_generations.get();
    let prompts = vec![prompt; count];
    let mut stdout = std::io::stdout().lock();
    let completions = model.generate(&prompts, &sampling, &NeverStop, |_, _| {}).input_fault()?;
    for (number, completion) in (1..).zip(completions) {
        let written = tokenizer.decode(&completion.tokens).input_fault()?;
        let line = if args.json {
            json!({
                "prompt": text,
                "completion": written,
                "tokens": completion.tokens.len(),
                "truncated": completion.finish == Finish::Length,
            })
            .to_string()
        } else if count > 1 {
            format!("--- {number} of {count}\n{written}")
        } else {
            written
        };
        writeln!(stdout, "{line}").map_err(anyhow::Error::from)?;
    }
    super::SUCCESS
}

/// What is to be continued, as the problem of a task.
fn task(prompts: &Prompts, problem: &str) -> Result<Task, Stop> {
    let columns = Map::from_iter([("problem".to_owned(), problem.into())]);
    let place = Path::new("the prompt on the command line");
    prompts.task(columns, &place.into(), 1).input_fault()
}

/// The temperature that a model's authors recommend.
fn default_temperature(config: &GenerationConfig) -> f64 {
    match config.do_sample {
        Some(false) => 0.0,
        _ => config.temperature.unwrap_or(1.0),
    }
}
