//! `gavel tasks`: task files that gavel writes itself.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::Context;
use gavel_demo::countdown;

use super::cli::{Corpus, Split, TasksArgs};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::outputs;
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: &TasksArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    if let Some(path) = &args.output {
        outputs::look(path, terminal).input_fault()?;
    }
    let split = match args.split {
        Split::Train => countdown::Split::Train,
        Split::HeldOut => countdown::Split::HeldOut,
    };
    let tasks = match args.corpus {
        Corpus::Countdown => countdown::tasks(split, args.seed),
    };
    let mut lines: Box<dyn Write> = match &args.output {
        Some(path) => {
            Box::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => Box::new(std::io::stdout()),
    };
    let mut buffered = BufWriter::new(&mut lines);
    for task in tasks.take(args.count) {
        writeln!(buffered, "{task}").map_err(anyhow::Error::from)?;
    }
    buffered.flush().map_err(anyhow::Error::from)?;
    super::SUCCESS
}
