//! `gavel generate`: completions of one prompt, to look at.

use std::io::Write;

use gavel_model::{GenerationConfig, NeverStop, Sampling};

use super::cli::GenerateArgs;
use super::load_model;
use gavel_cli::exit::{ExitStatus, InputFault, Stop};

pub(super) fn run(args: &GenerateArgs) -> Result<ExitStatus, Stop> {
    let (model, tokenizer) = load_model(&args.model, args.device)?;
    let prompt = tokenizer.encode(&args.prompt).input_fault()?;
    let defaults = model.generation_config();
    let sampling = Sampling {
        max_new_tokens: args.max_completion_length.get(),
        temperature: args.temperature.or(defaults.map(default_temperature)).unwrap_or(1.0),
        top_p: args.top_p.or(defaults.and_then(|defaults| defaults.top_p)).unwrap_or(1.0),
        top_k: args.top_k.or(defaults.and_then(|defaults| defaults.top_k)).unwrap_or(0),
        seed: args.seed,
        end_tokens: gavel_train::end_tokens(&model, &tokenizer),
        ..Sampling::default()
    };
    let prompts = vec![prompt; args.num_generations.get()];
    let mut stdout = std::io::stdout().lock();
    for completion in model.generate(&prompts, &sampling, &NeverStop, |_, _| {}).input_fault()? {
        let text = tokenizer.decode(&completion.tokens).input_fault()?;
        writeln!(stdout, "{text}").map_err(anyhow::Error::from)?;
    }
    super::SUCCESS
}

/// The temperature that a model's authors recommend.
fn default_temperature(config: &GenerationConfig) -> f64 {
    match config.do_sample {
        Some(false) => 0.0,
        _ => config.temperature.unwrap_or(1.0),
    }
}
