//! `gavel import`: a GGUF file as a Hugging Face directory.

use gavel_cli::exit::{ExitStatus, Stop};
use gavel_cli::terminal::Terminal;
use gavel_model::import_gguf;

use super::cli::ImportArgs;

pub(super) fn run(args: &ImportArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let imported = import_gguf(&args.file, &args.output, args.dtype.into()).map_err(|error| {
        if error.is_write() { Stop::Unexpected(error.into()) } else { Stop::Input(error.into()) }
    })?;
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
