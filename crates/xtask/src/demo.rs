//! The demo: R1-Zero in miniature. It runs the public commands of gavel, as a user would, and shows what came of it.

use std::fs;
use std::path::Path;
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
    /// Copy the curve to docs/demo.svg, which the README shows.
    #[arg(long)]
    update_readme: bool,
}

pub fn run(root: &Path, args: &Args) -> Result<()> {
    setup::run(root, &setup::Args::default())?;
    eprintln!("demo: building gavel and gavel-train (some ten minutes the first time, on two cores)");
    // The whole workspace is selected, as the tests select it, so that both use the same build of what is shared.
    let binaries = ["--bin", "gavel", "--bin", "gavel-train"];
    shell::run(shell::cargo(root).args(["build", "--release", "--workspace"]).args(binaries))?;

    let run = root.join("runs/demo");
    match fs::remove_dir_all(&run) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("could not remove {}", run.display()));
        }
        _ => {}
    }
    eprintln!("\ndemo: a base model that has never seen a reward learns from two plugins alone\n");
    let gavel = root.join("target/release/gavel");
    let started = Instant::now();
    let mut train = shell::command(root, &gavel);
    train.args(["train", "examples/countdown/train.toml", "--set", "output_dir=runs/demo"]);
    shell::run(train.args(["--device", &args.device]))?;
    let seconds = started.elapsed().as_secs_f64();

    let curve = run.join("curve.svg");
    let mut report = shell::command(root, &gavel);
    shell::run(report.args(["--quiet", "report", "runs/demo", "--curve"]).arg(&curve))?;
    if args.update_readme {
        fs::copy(&curve, root.join("docs/demo.svg"))?;
    }
    show(&run, seconds)
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
