//! `gavel pretrain`: a small language model from nothing, in one go or in several.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use gavel_cli::outputs;
use gavel_demo::pretrain::{PretrainOptions, PretrainReport, Pretraining, save};
use gavel_demo::shape::Shape;
use gavel_demo::{countdown, mixture};
use gavel_files::{Lock, writable};
use gavel_model::{Architecture, Config, Model, Precision, Tokenizer};

use super::cli::{Corpus, PretrainArgs};
use super::{blame, blame_by};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;

/// Steps per line on the terminal.
const SHOW_EVERY: u64 = 100;

pub(super) fn run(args: &PretrainArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let started = Instant::now();
    let (tokenizer, mut documents, recipe) = corpus(args)?;
    let partial = partial(args);
    if args.resume && args.output.join("config.json").exists() && !partial.exists() {
        terminal.note(format_args!("model   {} is whole already", args.output.display()));
        return super::SUCCESS;
    }
    require_place(&args.output).input_fault()?;
    if args.output.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let output = args.output.display();
        terminal.note(format_args!(
            "warning: {output} holds a model, which is replaced once this one is finished"
        ));
    }
    let lock = lock_path(&args.output);
    let held = Lock::take(&lock)
        .with_context(|| format!("{} cannot be trained now", args.output.display()))
        .input_fault()?;
    let mut pretraining = begin(args, &tokenizer, &recipe)?;
    let parameters = pretraining.model().parameter_count();
    terminal.note(format_args!(
        "{:.2} M parameters on {:?}, {} steps",
        parameters as f64 / 1e6,
        pretraining.model().device(),
        args.steps
    ));
    let mut show = |report: &PretrainReport| {
        if report.step.is_multiple_of(SHOW_EVERY) {
            let experts = report.expert_load.map_or_else(String::new, |load| {
                format!("  fullest expert +{:.0} %", 100.0 * load.max_violation)
            });
            terminal.note(format_args!(
                "step {:>5}/{}  loss {:.4}  {:.1} M tokens  {:.0} s{experts}",
                report.step,
                args.steps,
                report.loss,
                report.num_tokens as f64 / 1e6,
                report.seconds
            ));
        }
        let is_time = args.stop_after.is_some_and(|after| started.elapsed() >= Duration::from_secs(after));
        if is_time { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let last = pretraining
        .run(&tokenizer, documents.as_mut(), &mut show)
        .map_err(|error| blame_by(error.fault(), error))?;
    if !pretraining.is_finished() {
        pretraining.store(&tokenizer, &partial, &recipe).map_err(blame)?;
        terminal.note(format_args!(
            "stopped after step {} of {}; the same command with --resume goes on",
            last.step, args.steps
        ));
        return super::SUCCESS;
    }
    save(pretraining.model(), &tokenizer, &args.output).map_err(blame)?;
    // What is whole needs no rest to go on with; one that stays is in nobody's way.
    let _ = std::fs::remove_dir_all(&partial);
    drop(held);
    let _ = std::fs::remove_file(&lock);
    terminal.note(format_args!("model   {}", args.output.display()));
    super::SUCCESS
}

/// Requires that the model can be written where it is to lie, and replaces nothing but a model.
fn require_place(output: &Path) -> anyhow::Result<()> {
    if output.file_name().is_none() {
        bail!(
            "{} is no name for a new folder; the model's folder is made, and holds nothing else",
            output.display()
        );
    }
    let cannot_write = || format!("cannot write {}", output.display());
    for entry in output.read_dir().into_iter().flatten() {
        let entry = entry.with_context(cannot_write)?.path();
        if entry.is_dir() || !outputs::is_of_a_model(&entry) {
            bail!(
                "{} holds {}, which is no part of a model and would be gone: name a folder that is not there yet",
                output.display(),
                entry.file_name().unwrap_or_default().display()
            );
        }
    }
    if output.exists() && !output.is_dir() {
        bail!("{} is a file, and a model is a folder", output.display());
    }
    let beside = output.parent().unwrap_or(Path::new(""));
    writable::folder(beside).and_then(|()| std::fs::create_dir_all(beside)).with_context(cannot_write)
}

/// What one process alone holds that trains this model: beside it, since the folders themselves are replaced as wholes.
fn lock_path(output: &Path) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    output.with_file_name(format!(".{name}.lock"))
}

/// Where what is not finished lies: beside the model.
fn partial(args: &PretrainArgs) -> PathBuf {
    let mut name = args.output.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    args.output.with_file_name(name)
}

/// The tokenizer, endless text, and in words what both are.
#[expect(clippy::type_complexity, reason = "three things that belong together for a line")]
fn corpus(args: &PretrainArgs) -> Result<(Tokenizer, Box<dyn Iterator<Item = String> + Send>, String), Stop> {
    let (seed, width, layers) = (args.seed, args.hidden_size, args.num_hidden_layers);
    let family = match args.model_type {
        Architecture::Llama => String::new(),
        other => format!("{}, ", other.model_type()),
    };
    let of_model = format!("{family}{layers} layers of width {width}, seed {seed}");
    match args.corpus {
        Corpus::Countdown if args.families.is_empty() => {
            let tokenizer = Tokenizer::characters(countdown::ALPHABET, &countdown::TAGS).input_fault()?;
            let documents = countdown::corpus(&countdown::Habits::default(), seed);
            Ok((tokenizer, Box::new(documents), format!("countdown, {of_model}")))
        }
        Corpus::Countdown => Err(Stop::Input(anyhow!("--families is of r1-zero, and countdown has none"))),
        Corpus::R1Zero => {
            let families =
                if args.families.is_empty() { mixture::Family::ALL.to_vec() } else { args.families.clone() };
            let tokenizer = Tokenizer::characters(mixture::ALPHABET, &mixture::TAGS).input_fault()?;
            let documents = mixture::corpus(&families, &mixture::Habits::default(), seed);
            let names: Vec<&str> = families.iter().map(|family| family.name()).collect();
            Ok((tokenizer, Box::new(documents), format!("r1-zero ({}), {of_model}", names.join(" "))))
        }
    }
}

/// What was stopped, or a model of random weights.
fn begin(args: &PretrainArgs, tokenizer: &Tokenizer, recipe: &str) -> Result<Pretraining, Stop> {
    let device = gavel_torch::select_device(args.device).input_fault()?;
    let options = PretrainOptions {
        steps: args.steps,
        batch_size: args.batch_size,
        sequence_length: args.sequence_length.get(),
        learning_rate: args.learning_rate,
        ..PretrainOptions::default()
    };
    // Weights have all their digits in either; on CUDA the products are made with fewer, as in `gavel train`.
    let precision = if device.is_cuda() { Precision::MIXED } else { Precision::FULL };
    if args.resume {
        let stored = Pretraining::stored(&partial(args), device, precision, options.clone(), recipe);
        if let Some(stored) = stored.map_err(|error| blame_by(error.fault(), error))? {
            return Ok(stored);
        }
    }
    let model = Model::random(config(args, tokenizer)?, args.seed.cast_signed(), device, precision);
    Ok(Pretraining::new(model, options))
}

fn config(args: &PretrainArgs, tokenizer: &Tokenizer) -> Result<Config, Stop> {
    let shape =
        Shape { architecture: args.model_type, width: args.hidden_size, layers: args.num_hidden_layers };
    if !shape.is_possible() {
        let problem = format!(
            "--hidden-size must be a multiple of {}, and --num-hidden-layers at least 1",
            shape.head()
        );
        return Err(Stop::Input(anyhow!(problem)));
    }
    Ok(shape.config(tokenizer))
}
