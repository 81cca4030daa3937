//! `gavel generate`: completions of one prompt, to look at.

use std::io::Write;

use gavel_model::{NeverStop, Sampling};

use super::cli::GenerateArgs;
use super::load_model;
use gavel_cli::exit::{ExitStatus, InputFault, Stop};

pub(super) fn run(args: &GenerateArgs) -> Result<ExitStatus, Stop> {
    let (model, tokenizer) = load_model(&args.model, args.device)?;
    let prompt = tokenizer.encode(&args.prompt).input_fault()?;
    let sampling = Sampling {
        max_new_tokens: args.max_completion_length.get(),
        temperature: args.temperature,
        seed: args.seed,
        end_tokens: gavel_train::end_tokens(&model, &tokenizer),
        pad_token: tokenizer.pad_token_id().unwrap_or(0),
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
