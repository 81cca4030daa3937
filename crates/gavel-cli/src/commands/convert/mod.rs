//! `gavel convert`: a reward that is written for something else, as a reward file.

mod rewardkit;

use anyhow::Context;
use gavel_files::whole_file;

use crate::cli::{ConvertArgs, GlobalArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::outputs::{self, Content, Output};
use crate::terminal::{Page, Terminal, escaped};

/// Writes the reward file, and says of each thing that is not in it what it is and where it stands.
pub(super) fn run(args: &ConvertArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let path = if args.path.is_dir() { args.path.join("reward.toml") } else { args.path.clone() };
    let outputs: Vec<_> = args.output.iter().map(|path| Output::new(path, Content::Toml)).collect();
    outputs::look(&[("input", &path)], &outputs, &terminal).input_fault()?;
    let converted = rewardkit::convert(&path, &args.name).input_fault()?;
    match &args.output {
        Some(output) => {
            whole_file::write(output, converted.text.as_bytes())
                .with_context(|| format!("cannot write {}", output.display()))?;
        }
        None => {
            let mut page = Page::default();
            page.text(&escaped(&converted.text)).print().context("cannot write to stdout")?;
        }
    }
    for note in &converted.notes {
        terminal.note(format_args!("not converted: {note}"));
    }
    Ok(ExitStatus::Success)
}
