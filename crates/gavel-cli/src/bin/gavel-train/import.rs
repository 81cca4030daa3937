//! `gavel import`: a GGUF file, or an adapter with its model, as a Hugging Face directory.

use anyhow::anyhow;
use gavel_cli::exit::{ExitStatus, Stop};
use gavel_cli::terminal::Terminal;
use gavel_model::{Error, SaveDtype, import_gguf, is_adapter, merge_adapter};

use super::cli::ImportArgs;

pub(super) fn run(args: &ImportArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let dtype = args.dtype.map_or(SaveDtype::Auto, SaveDtype::from);
    if is_adapter(&args.file) {
        return merge(args, dtype, terminal);
    }
    if args.file.is_dir() {
        return Err(Stop::Input(anyhow!(
            "{} is a folder without adapter_config.json: name a GGUF file, or the folder of an adapter, such as \
             checkpoints/step-00020 in a run's",
            args.file.display()
        )));
    }
    let imported = import_gguf(&args.file, &args.output, dtype).map_err(blame)?;
    let formats: Vec<_> = imported.formats.iter().map(|(name, count)| format!("{count} in {name}")).collect();
    terminal.note(format_args!(
        "{}  {:.1} M parameters, tensors: {}; {}\nmodel  {}",
        imported.architecture,
        imported.parameters as f64 / 1e6,
        formats.join(", "),
        if imported.chat_template { "with a chat template" } else { "without a chat template" },
        args.output.display(),
    ));
    super::SUCCESS
}

fn merge(args: &ImportArgs, dtype: SaveDtype, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let model = merge_adapter(&args.file, &args.output, dtype).map_err(blame)?;
    terminal.note(format_args!(
        "{}  {:.1} M parameters, the adapter of {} added\nmodel  {}",
        model.config().architecture.model_type(),
        model.parameter_count() as f64 / 1e6,
        args.file.display(),
        args.output.display(),
    ));
    super::SUCCESS
}

fn blame(error: Error) -> Stop {
    if error.is_write() { Stop::Unexpected(error.into()) } else { Stop::Input(error.into()) }
}
