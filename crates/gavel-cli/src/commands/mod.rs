//! What the commands do, one module each.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{CacheCommand, Cli, Command, PluginCommand};
use crate::exit::{ExitStatus, Stop};
use crate::logging;
use crate::terminal::Terminal;

mod audit;
mod cache;
mod convert;
mod diff;
mod docs;
mod doctor;
mod init;
mod measure;
mod plugin;
mod report;
mod rescore;
mod score;
mod serve;
mod train;

/// Runs a command line to its end.
pub fn run(cli: Cli) -> ExitCode {
    let terminal = Terminal::new(cli.global.quiet);
    set_color(cli.global.color);
    let result = logging::install(&cli.global).map_err(Stop::Input).and_then(|()| start(cli));
    finish(result, &terminal)
}

/// Tells what stopped a command, if anything did, and chooses the exit code.
pub fn finish(result: Result<ExitStatus, Stop>, terminal: &Terminal) -> ExitCode {
    match result {
        Ok(status) => status.into(),
        Err(stop) => {
            terminal.error(format_args!("{:#}", stop.error()));
            stop.status().into()
        }
    }
}

fn start(cli: Cli) -> Result<ExitStatus, Stop> {
    let Cli { global, command } = cli;
    match command {
        Command::Score(args) => score::run(args, &global),
        Command::Rescore(args) => rescore::run(&args, &global),
        Command::Diff(args) => diff::run(&args, &global),
        Command::Audit(args) => audit::run(&args, &global),
        Command::Serve(args) => serve::run(&args, &global),
        Command::Plugin(PluginCommand::New(args)) => plugin::new(&args, &global),
        Command::Plugin(PluginCommand::Build(args)) => plugin::build(&args, &global),
        Command::Plugin(PluginCommand::Inspect(args)) => plugin::inspect(&args, &global),
        Command::Plugin(PluginCommand::Test(args)) => plugin::test(&args, &global),
        Command::Plugin(PluginCommand::Bench(args)) => plugin::bench(&args, &global),
        Command::Plugin(PluginCommand::List(args)) => plugin::list(&args),
        Command::Plugin(PluginCommand::Add(args)) => plugin::add(&args, &global),
        Command::Plugin(PluginCommand::Remove(args)) => plugin::remove(&args, &global),
        Command::Plugin(PluginCommand::Install(args)) => plugin::install(&args, &global),
        Command::Plugin(PluginCommand::Push(args)) => plugin::push(&args, &global),
        Command::Plugin(PluginCommand::Pull(args)) => plugin::pull(&args, &global),
        Command::Cache(CacheCommand::Warm(args)) => cache::warm(&args, &global),
        Command::Convert(args) => convert::run(&args, &global),
        Command::Init(args) => init::run(&args, &global),
        Command::Doctor(args) => doctor::run(&args),
        Command::Docs(args) => docs::run(&args),
        Command::Train(args) => train::start("train", &args, &global),
        Command::Plan(args) => train::start("plan", &args, &global),
        Command::Data(args) => train::start("data", &args, &global),
        Command::Eval(args) => train::start("eval", &args, &global),
        Command::Generate(args) => train::start("generate", &args, &global),
        Command::Import(args) => train::start("import", &args, &global),
        Command::Report(args) => report::run(&args, &global),
        Command::Measure(args) => measure::run(&args, &global),
        Command::Pretrain(args) => train::start("pretrain", &args, &global),
        Command::Tasks(args) => train::start("tasks", &args, &global),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "gavel", &mut script);
            std::io::stdout().write_all(&script).map_err(anyhow::Error::from)?;
            Ok(ExitStatus::Success)
        }
    }
}

/// Says once when output is coloured.
pub fn set_color(choice: clap::ColorChoice) {
    match choice {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}
