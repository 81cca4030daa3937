//! `gavel eval`: how often a policy is right.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use gavel_train::eval::{EvalOptions, Evaluation, evaluate};
use gavel_train::task::{Origin, Task, TaskFiles, likely_reference, read_first_tasks};

use super::cli::EvalArgs;
use super::{blame, columns, hub, load_reward, model};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::outputs::{self, Content, Output};
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: EvalArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let folder = hub::model(&args.model, terminal)?;
    model::require_folder(&folder)?;
    let files = hub::tasks(&TaskFiles::new(args.tasks.clone()), terminal)?;
    look_at_outputs(&args, &folder, &files, terminal)?;
    let mut columns = args.columns.columns();
    columns::fill(&mut columns, &args.reward, &files)?;
    let prompts = model::prompts(args.template.as_deref().unwrap_or("none"), &folder)?;
    let prompts = prompts.with_columns(columns.clone());
    let limit = args.limit.map_or(usize::MAX, Into::into);
    let tasks = read_first_tasks(&files, &prompts, limit).input_fault()?;
    if args.template.as_deref().is_some_and(|name| name != "none")
        && let Some(task) = tasks.iter().find(|task| task.origin != Origin::Problem)
    {
        return Err(Stop::Input(anyhow::anyhow!(
            "{}:{}: --template is for a task's `{}`, and this task has a `{}`, which is taken as it is: leave \
             --template out, give it a `problem` alone, or say with --problem-column which column that is",
            task.path.display(),
            task.line,
            columns.problem,
            columns.prompt
        )));
    }
    if let Some(task) = tasks.first() {
        model::warn_of_bare_text(&folder, &prompts, task, "say `--template chat`", terminal);
    }
    if args.num_generations.get() > 1 && args.temperature == 0.0 {
        return Err(Stop::Input(anyhow::anyhow!(
            "--num-generations {} with --temperature 0 writes the same completion every time: set --temperature above \
             0, or leave --num-generations out",
            args.num_generations
        )));
    }
    let reward = load_reward(&args.reward, &args.plugins.resolve(), terminal)?;
    let (model, tokenizer) = model::load(&folder, args.device)?;

    let options = EvalOptions {
        num_generations: args.num_generations.get(),
        temperature: args.temperature,
        top_p: args.top_p,
        top_k: args.top_k,
        min_p: args.min_p,
        max_completion_length: args.max_completion_length.get(),
        stop: args.stop,
        correct: args.correct,
        batch_size: args.batch_size.get(),
        seed: args.seed,
    };
    terminal.note(format_args!(
        "{} tasks, {} completions of each, on {:?}",
        tasks.len(),
        options.num_generations,
        model.device()
    ));
    let evaluation = evaluate(&model, &tokenizer, &tasks, reward.as_ref(), &options).map_err(blame)?;
    if let Some(path) = &args.output {
        evaluation.write(path).map_err(blame)?;
    }
    if let Some(path) = &args.completions {
        write_completions(&evaluation, path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut numbers =
        serde_json::to_vec_pretty(&evaluation.metrics().to_json()).map_err(anyhow::Error::from)?;
    numbers.push(b'\n');
    std::io::stdout().write_all(&numbers).map_err(anyhow::Error::from)?;
    if evaluation.reward.is_finite() {
        return super::SUCCESS;
    }
    terminal.error(format_args!("no completion has a reward{}", why_none(&evaluation, &tasks)));
    Ok(ExitStatus::Failure)
}

/// Looks at where numbers and completions are to be written, before any is made.
fn look_at_outputs(
    args: &EvalArgs,
    model: &Path,
    files: &TaskFiles,
    terminal: &Terminal,
) -> Result<(), Stop> {
    let tasks = files.paths().input_fault()?;
    let tasks = tasks.iter().map(|path| ("tasks", path.as_ref()));
    let read: Vec<_> = tasks.chain([("reward file", args.reward.as_path()), ("the model", model)]).collect();
    let numbers = args.output.iter().map(|path| Output::new(path, Content::Json));
    let completions = args.completions.iter().map(|path| Output::new(path, Content::Lines));
    let written: Vec<_> = numbers.chain(completions).collect();
    outputs::look(&read, &written, terminal).input_fault()
}

/// Why no completion has a reward, as far as the verifiers say it of the first, and what to do where the reference seems to be
/// called otherwise.
fn why_none(evaluation: &Evaluation, tasks: &[Task]) -> String {
    let advice = tasks.first().and_then(likely_reference).map(|column| {
        format!("; if the reference is the tasks' `{column}`, say `--reference-column {column}`")
    });
    let kinds: Vec<String> =
        evaluation.no_reward.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    format!(" ({}){}", kinds.join(", "), advice.unwrap_or_default())
}

fn write_completions(evaluation: &Evaluation, path: &Path) -> anyhow::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for completion in &evaluation.completions {
        serde_json::to_writer(&mut file, &completion.to_json())?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}
