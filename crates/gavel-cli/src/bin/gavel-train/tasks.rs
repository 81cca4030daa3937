//! `gavel tasks`: task files that gavel writes itself.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::Context;
use gavel_demo::{countdown, mixture};
use serde_json::Value;

use super::cli::{Corpus, Split, TasksArgs};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::outputs::{self, Content, Output};
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: &TasksArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    if let Some(path) = &args.output {
        outputs::look(&[], &[Output::new(path, Content::Lines)], terminal).input_fault()?;
    }
    let tasks = tasks(args)?;
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

/// Endless rows.
fn tasks(args: &TasksArgs) -> Result<Box<dyn Iterator<Item = Value>>, Stop> {
    let split = match args.split {
        Split::Train => countdown::Split::Train,
        Split::HeldOut => countdown::Split::HeldOut,
    };
    let (mut families, mut levels, seed) = (args.families.clone(), args.levels.clone(), args.seed);
    match args.corpus {
        Corpus::Countdown if families.is_empty() && levels.is_empty() => {
            Ok(Box::new(countdown::tasks(split, seed)))
        }
        Corpus::Countdown => Err(Stop::Input(anyhow::anyhow!(
            "--families and --levels are of r1-zero, and countdown has neither"
        ))),
        Corpus::R1Zero => {
            if families.is_empty() {
                families = mixture::Family::trained();
            }
            if levels.is_empty() {
                levels = (1..=mixture::LEVELS).collect();
            }
            Ok(Box::new(mixture::tasks(mixture::Selection { families, levels, split }, seed)))
        }
    }
}
