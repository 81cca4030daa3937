//! `gavel generate`: completions of one prompt, to look at.

use std::io::Write;
use std::path::Path;

use gavel_model::{Finish, GenerationConfig, NeverStop, Sampling};
use gavel_train::task::{Task, Template};
use serde_json::{Map, json};

use super::cli::GenerateArgs;
use super::model;
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: &GenerateArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let (model, tokenizer) = model::load(&args.model, args.device)?;
    let text = match &args.template {
        Some(name) => rendered(&model::template(name, &args.model)?, &args.prompt)?,
        None => args.prompt.clone(),
    };
    model::warn_of_bare_text(&args.model, &text, "say `--template chat`", terminal)?;
    let prompt = tokenizer.encode(&text).input_fault()?;
    let defaults = model.generation_config();
    let sampling = Sampling {
        max_new_tokens: args.max_completion_length.get(),
        temperature: args.temperature.or(defaults.map(default_temperature)).unwrap_or(1.0),
        top_p: args.top_p.or(defaults.and_then(|defaults| defaults.top_p)).unwrap_or(1.0),
        top_k: args.top_k.or(defaults.and_then(|defaults| defaults.top_k)).unwrap_or(0),
        seed: args.seed,
        end_tokens: gavel_train::end_tokens(&model, &tokenizer),
        pad_token: tokenizer.pad_token_id().unwrap_or(0),
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

/// The prompt that a template makes of a problem, as it does for a task.
fn rendered(template: &Template, problem: &str) -> Result<String, Stop> {
    let columns = Map::from_iter([("problem".to_owned(), problem.into())]);
    let place = Path::new("the prompt on the command line");
    Ok(Task::from_columns(columns, template, (&place.into(), 1)).input_fault()?.prompt)
}

/// The temperature that a model's authors recommend.
fn default_temperature(config: &GenerationConfig) -> f64 {
    match config.do_sample {
        Some(false) => 0.0,
        _ => config.temperature.unwrap_or(1.0),
    }
}
