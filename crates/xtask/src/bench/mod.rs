//! Measures verifiers beside what people use today, and prints the tables of
//! `docs/benchmarks.md`; and plugins of all languages beside each other.

mod gavel;
mod languages;
mod peer;
mod serve;
mod served;
mod sets;
mod soak;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};

use crate::{pip, plugins, setup, shell};
use gavel::Gavel;
use peer::Peer;
use sets::{Pair, Set};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// `math` beside Math-Verify, and `code` beside a fresh CPython for every program.
    Verifiers {
        /// The folder of test data.
        #[arg(long, value_name = "DIR", default_value = "../shared/data")]
        data: PathBuf,
        /// Measure this one alone.
        #[arg(long, value_name = "NAME")]
        only: Option<Part>,
    },
    /// `gavel serve` (`target/release/gavel`, which has to be built) under load, from this process over loopback.
    Serve {
        /// The folder of test data.
        #[arg(long, value_name = "DIR", default_value = "../shared/data")]
        data: PathBuf,
        /// How long each load lasts.
        #[arg(long, default_value = "5")]
        seconds: u64,
        /// How often each load is put on; the best counts.
        #[arg(long, default_value = "3")]
        passes: usize,
        /// How many processes the server has.
        #[arg(long, default_value = "1")]
        processes: usize,
    },
    /// `gavel serve` under mixed load for minutes, killed under load, and told to end under load: what is lost, what comes
    /// twice, what leaks.
    Soak {
        /// How many seconds the load lasts.
        #[arg(long, default_value = "600")]
        seconds: u64,
        /// How often the server is killed, and how often it is told to end.
        #[arg(long, default_value = "10")]
        rounds: usize,
        /// How many processes the server has; with several, one of them is killed at a time.
        #[arg(long, default_value = "1")]
        processes: usize,
    },
    /// The template of every language, as `cargo xtask conformance` has built it.
    Languages,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Math,
    Code,
}

pub fn run(root: &Path, args: &Args) -> Result<()> {
    match &args.what {
        What::Verifiers { data, only } => verifiers(root, &root.join(data), *only),
        What::Serve { data, seconds, passes, processes } => {
            serve::run(root, &root.join(data), *seconds, *passes, *processes)
        }
        What::Soak { seconds, rounds, processes } => soak::run(root, *seconds, *rounds, *processes),
        What::Languages => languages::run(root),
    }
}

fn verifiers(root: &Path, data: &Path, only: Option<Part>) -> Result<()> {
    if !data.is_dir() {
        bail!("{} is not there: name the folder of test data with --data", data.display());
    }
    setup::run(root, &setup::Args::default())?;
    setup::take(&[pip::math_verify(root)])?;
    plugins::build(root, Some(plugins::Name::Python))?;
    eprintln!("bench: building gavel");
    shell::run(shell::cargo(root).args(["build", "--release", "--workspace", "--bin", "gavel"]))?;
    if only != Some(Part::Code) {
        math(root, data)?;
    }
    if only != Some(Part::Math) {
        code(root, data)?;
    }
    Ok(())
}

/// Math: who agrees with the labels, how fast, and what the worst submission costs.
fn math(root: &Path, data: &Path) -> Result<()> {
    let gavel = Gavel::new(root, "math")?;
    let mut peer = Peer::start(root)?;
    let mut all = Vec::new();
    println!("| on | pairs | Math-Verify agrees | gavel agrees | Math-Verify, pairs/s | gavel, pairs/s |");
    println!("|---|---|---|---|---|---|");
    for set in sets::math(root, data)? {
        eprintln!("bench: math on {} ({} pairs)", set.name, set.pairs.len());
        let ours = gavel.judge(&set)?;
        let theirs = set.pairs.iter().map(|pair| peer.judge(pair)).collect::<Result<Vec<_>>>()?;
        println!(
            "| {} | {} | {} | {} | {:.0} | {:.0} |",
            set.name,
            set.pairs.len(),
            agreement(&set, theirs.iter().map(|(right, _)| Some(*right))),
            agreement(&set, ours.iter().map(|judged| judged.right)),
            rate(theirs.iter().map(|(_, seconds)| *seconds)),
            rate(ours.iter().map(|judged| judged.seconds)),
        );
        for (pair, judged) in set.pairs.iter().zip(&ours) {
            if pair.expected.is_some() && judged.right != pair.expected {
                eprintln!("  differs: {} | {}: {}", pair.gold, shortened(&pair.pred), judged.reason);
            }
        }
        all.extend(set.pairs.into_iter().zip(ours));
    }
    let (pair, worst) = all
        .iter()
        .max_by(|(_, one), (_, other)| one.seconds.total_cmp(&other.seconds))
        .context("there are no pairs")?;
    println!(
        "\nWorst single submission: {:.1} ms, {} fuel ({}), on `{}`.\n",
        worst.seconds * 1e3,
        worst.fuel,
        worst.status,
        shortened(&pair.pred)
    );
    Ok(())
}

/// How many verdicts are the expected ones; an abstention is none.
fn agreement(set: &Set, verdicts: impl Iterator<Item = Option<bool>>) -> String {
    let labelled = set.pairs.iter().filter(|pair| pair.expected.is_some()).count();
    if labelled == 0 {
        return "–".to_owned();
    }
    let agree = set
        .pairs
        .iter()
        .zip(verdicts)
        .filter(|(pair, right)| pair.expected.is_some() && *right == pair.expected);
    format!("{} of {labelled}", agree.count())
}

/// Code: HumanEval's own solutions, judged by gavel and run by a fresh CPython each.
fn code(root: &Path, data: &Path) -> Result<()> {
    let gavel = Gavel::new(root, "code")?;
    let mut peer = Peer::start(root)?;
    let set = sets::humaneval(data)?;
    eprintln!("bench: code on {} ({} programs)", set.name, set.pairs.len());
    let ours = gavel.judge(&set)?;
    let theirs = set.pairs.iter().map(|pair| peer.run(&pair.program)).collect::<Result<Vec<_>>>()?;
    let ours_right = ours.iter().filter(|judged| judged.right == Some(true)).count();
    let theirs_right = theirs.iter().filter(|(passed, _)| *passed).count();
    println!("| HumanEval's solutions, one core | pass | programs/s | p50 | p99 |");
    println!("|---|---|---|---|---|");
    row("a fresh CPython process each", theirs_right, theirs.iter().map(|(_, seconds)| *seconds).collect());
    row("gavel's `code`", ours_right, ours.iter().map(|judged| judged.seconds).collect());
    Ok(())
}

fn row(who: &str, right: usize, mut seconds: Vec<f64>) {
    seconds.sort_by(f64::total_cmp);
    let percentile = |percent: usize| seconds[(seconds.len() * percent).div_ceil(100).max(1) - 1] * 1e3;
    println!(
        "| {who} | {right} of {} | {:.0} | {:.2} ms | {:.2} ms |",
        seconds.len(),
        rate(seconds.iter().copied()),
        percentile(50),
        percentile(99)
    );
}

/// How many a second, one after the other.
fn rate(seconds: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = seconds.fold((0, 0.0), |(count, sum), seconds| (count + 1, sum + seconds));
    f64::from(count) / sum
}

fn shortened(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let length = line.chars().count();
    if length <= 80 { line } else { format!("… {}", line.chars().skip(length - 80).collect::<String>()) }
}
