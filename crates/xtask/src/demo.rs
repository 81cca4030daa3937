//! The demo: R1-Zero in miniature. It runs the public commands of gavel, as a user would, and shows what came of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{setup, shell};

/// How many completions are shown before and after.
const SHOWN: usize = 3;

#[derive(clap::Args)]
pub struct Args {
    /// Where to compute: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Pre-train a base model of this family first: qwen3_moe, with experts, or deepseek_v3, with experts and latent attention.
    /// By default, the one in examples/countdown is taken.
    #[arg(long, value_name = "TYPE")]
    model_type: Option<String>,
    /// With --model-type: everything small enough for a CPU and some minutes. It shows that all parts work, and no more.
    #[arg(long, requires = "model_type")]
    tiny: bool,
    /// Use target/release/gavel as it is.
    #[arg(long)]
    no_build: bool,
    /// Copy the curve to docs/demo.svg, which the README shows.
    #[arg(long, conflicts_with = "model_type")]
    update_readme: bool,
}

/// Of `--tiny`: a base that is begun, and four steps of training.
const TINY_BASE: &[&str] = &[
    "--hidden-size",
    "64",
    "--num-hidden-layers",
    "2",
    "--steps",
    "200",
    "--batch-size",
    "16",
    "--sequence-length",
    "128",
];
const TINY_TRAINING: &[&str] = &["max_steps=4", "max_completion_length=64", "eval_limit=32", "eval_steps=2"];

pub fn run(root: &Path, args: &Args) -> Result<()> {
    if !args.no_build {
        build(root)?;
    }
    let name = args.model_type.as_ref().map_or_else(|| "demo".to_owned(), |family| format!("demo-{family}"));
    let run = root.join("runs").join(if args.tiny { format!("{name}-tiny") } else { name });
    match fs::remove_dir_all(&run) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("could not remove {}", run.display()));
        }
        _ => {}
    }
    let gavel = root.join("target/release/gavel");
    let base =
        args.model_type.as_deref().map(|family| pretrain(root, &gavel, &run, family, args)).transpose()?;
    eprintln!("\ndemo: a base model that has never seen a reward learns from two plugins alone\n");
    let started = Instant::now();
    let mut train = shell::command(root, &gavel);
    train.args(["train", "examples/countdown/train.toml", "--device", &args.device]);
    train.arg("--set").arg(format!("output_dir={}", run.display()));
    if let Some(base) = base {
        train.arg("--set").arg(format!("model={}", base.display()));
    }
    for setting in TINY_TRAINING.iter().filter(|_| args.tiny) {
        train.arg("--set").arg(setting);
    }
    shell::run(&mut train)?;
    let seconds = started.elapsed().as_secs_f64();

    let curve = run.join("curve.svg");
    let mut report = shell::command(root, &gavel);
    shell::run(report.args(["--quiet", "report"]).arg(&run).arg("--curve").arg(&curve))?;
    if args.update_readme {
        fs::copy(&curve, root.join("docs/demo.svg"))?;
    }
    show(&run, seconds)
}

fn build(root: &Path) -> Result<()> {
    setup::run(root, &setup::Args::default())?;
    eprintln!("demo: building gavel and gavel-train (some ten minutes the first time, on two cores)");
    // The whole workspace is selected, as the tests select it, so that both use the same build of what is shared.
    let binaries = ["--bin", "gavel", "--bin", "gavel-train"];
    shell::run(shell::cargo(root).args(["build", "--release", "--workspace"]).args(binaries))
}

/// A base model of another family, beside the run: made once, and gone on with where it was stopped.
fn pretrain(root: &Path, gavel: &Path, run: &Path, family: &str, args: &Args) -> Result<PathBuf> {
    let base = run.with_extension("base");
    eprintln!("\ndemo: a base model of the family {family} reads arithmetic\n");
    let mut pretrain = shell::command(root, gavel);
    pretrain.args(["pretrain", "countdown", "--model-type", family, "--device", &args.device, "--resume"]);
    pretrain.arg("--output").arg(&base).args(TINY_BASE.iter().filter(|_| args.tiny));
    shell::run(&mut pretrain)?;
    Ok(base)
}

/// Prints what the run came to: numbers, completions, files.
fn show(run: &Path, seconds: f64) -> Result<()> {
    let summary = json(&run.join("summary.json"))?;
    let steps = summary["steps"].as_u64().unwrap_or_default();
    let number = |when: &str, name: &str| summary[when][name].as_f64().unwrap_or(f64::NAN);
    println!("\n{:24}{:>10}{:>10}", "problems never seen", "before", "after");
    for (label, name) in [("accuracy", "accuracy"), ("right form", "rewards/format")] {
        println!(
            "{label:24}{:>8.1} %{:>8.1} %",
            100.0 * number("before", name),
            100.0 * number("after", name)
        );
    }
    println!(
        "{:24}{:>10.1}{:>10.1}",
        "tokens per completion",
        number("before", "mean_length"),
        number("after", "mean_length")
    );
    for (when, step) in [("before", 0), ("after", steps)] {
        println!("\nthree completions {when}:");
        let path = run.join(format!("evaluations/completions_{step:05}.jsonl"));
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        for line in text.lines().take(SHOWN) {
            let row: Value = serde_json::from_str(line)?;
            let mark = if row["correct"] == true { "right" } else { "wrong" };
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            println!("  [{mark}] {}{}", text("prompt"), shortened(&text("completion")));
        }
    }
    // Rounded before it is taken apart: 119.6 s are two minutes, not 1:60.
    let seconds = seconds.round();
    let gained = 100.0 * (number("after", "accuracy") - number("before", "accuracy"));
    println!(
        "\n{gained:+.1} points in {steps} steps, {:.0}:{:02.0} minutes",
        (seconds / 60.0).floor(),
        seconds % 60.0
    );
    println!("report  {}", run.join("report.html").display());
    println!("model   {}", run.join(format!("checkpoints/step-{steps:05}")).display());
    Ok(())
}

/// A long text without its middle.
fn shortened(text: &str) -> String {
    const ENDS: usize = 70;
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 2 * ENDS {
        return text.to_owned();
    }
    let part = |characters: &[char]| characters.iter().collect::<String>();
    format!("{} … {}", part(&characters[..ENDS]), part(&characters[characters.len() - ENDS..]))
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}
