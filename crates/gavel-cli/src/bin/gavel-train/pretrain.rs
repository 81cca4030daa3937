//! `gavel pretrain`: a small language model from nothing.

use gavel_demo::countdown;
use gavel_demo::pretrain::{PretrainOptions, PretrainReport, pretrain, save};
use gavel_model::{Config, Model, Precision, Tokenizer};

use super::cli::{Corpus, PretrainArgs};
use super::{blame, blame_by};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;

/// Steps per line on the terminal.
const SHOW_EVERY: u64 = 100;

pub(super) fn run(args: &PretrainArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let (tokenizer, mut documents) = match args.corpus {
        Corpus::Countdown => (
            Tokenizer::characters(countdown::ALPHABET, &countdown::TAGS).input_fault()?,
            countdown::corpus(&countdown::Habits::default(), args.seed),
        ),
    };
    let device = gavel_torch::select_device(args.device).input_fault()?;
    // bfloat16 has too few digits for weights that are trained; at this size full precision costs nothing.
    let mut model =
        Model::random(config(args, &tokenizer)?, args.seed.cast_signed(), device, Precision::FULL);
    let parameters = model.parameter_count();
    terminal.note(format_args!(
        "{:.2} M parameters on {device:?}, {} steps",
        parameters as f64 / 1e6,
        args.steps
    ));

    let options = PretrainOptions {
        steps: args.steps,
        batch_size: args.batch_size,
        learning_rate: args.learning_rate,
        ..PretrainOptions::default()
    };
    let mut show = |report: &PretrainReport| {
        if report.step.is_multiple_of(SHOW_EVERY) {
            terminal.note(format_args!(
                "step {:>5}/{}  loss {:.4}  {:.1} M tokens  {:.0} s",
                report.step,
                args.steps,
                report.loss,
                report.num_tokens as f64 / 1e6,
                report.seconds
            ));
        }
    };
    pretrain(&mut model, &tokenizer, &mut documents, &options, &mut show)
        .map_err(|error| blame_by(error.fault(), error))?;
    save(&model, &tokenizer, &args.output).map_err(blame)?;
    terminal.note(format_args!("model   {}", args.output.display()));
    super::SUCCESS
}

/// A Llama with heads of 32 and feed-forward layers of about 8/3 of the width.
fn config(args: &PretrainArgs, tokenizer: &Tokenizer) -> Result<Config, Stop> {
    const HEAD: u32 = 32;
    let width = args.hidden_size;
    if width == 0 || !width.is_multiple_of(HEAD) || args.num_hidden_layers == 0 {
        let problem = "--hidden-size must be a multiple of 32, and --num-hidden-layers at least 1";
        return Err(Stop::Input(anyhow::anyhow!(problem)));
    }
    let heads = i64::from(width / HEAD);
    Ok(Config {
        vocab_size: i64::try_from(tokenizer.vocab_size()).map_err(anyhow::Error::from)?,
        hidden_size: width.into(),
        intermediate_size: i64::from((width * 8 / 3).next_multiple_of(8)),
        num_hidden_layers: args.num_hidden_layers.into(),
        num_attention_heads: heads,
        num_key_value_heads: heads,
        head_dim: HEAD.into(),
        eos_token_ids: tokenizer.eos_token_id().into_iter().collect(),
        pad_token_id: tokenizer.pad_token_id(),
        ..Config::default()
    })
}
