//! `gavel generate`: completions of one prompt, to look at.

use std::io::Write;

use gavel_model::{Model, NeverStop, Precision, Sampling, Tokenizer};

use super::cli::GenerateArgs;
use gavel_cli::exit::{ExitStatus, InputFault, Stop};

pub(super) fn run(args: &GenerateArgs) -> Result<ExitStatus, Stop> {
    let device = gavel_torch::select_device(args.device).input_fault()?;
    let tokenizer = Tokenizer::load(&args.model).input_fault()?;
    let precision = if device.is_cuda() { Precision::BF16 } else { Precision::FULL };
    let model = Model::load(&args.model, device, precision).input_fault()?;
    let prompt = tokenizer.encode(&args.prompt).input_fault()?;
    let mut end_tokens = model.config().eos_token_ids.clone();
    end_tokens.extend(tokenizer.eos_token_id());
    let sampling = Sampling {
        max_new_tokens: args.max_completion_length.get(),
        temperature: args.temperature,
        seed: args.seed,
        end_tokens,
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
