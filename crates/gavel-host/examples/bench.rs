//! Measures what judging costs: `bench PLUGIN.wasm [SECONDS]` prints the tables of `docs/benchmarks.md`.
#![expect(clippy::print_stdout, reason = "an example is a binary")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use gavel_host::{Host, HostConfig, Limits, WasmVerifier};
use gavel_verify::{Status, Submission, Verifier};

/// A completion as a model of a few hundred tokens writes it.
const COMPLETION: &str = "<think>\nWe need 24 from 4, 6, 8 and 2. Try 4 * 6 = 24, then 8 and 2 are left. 8 / 2 = 4 and \
    4 * 6 = 24 uses all but needs both fours; so 8 - 2 = 6, 6 * 4 = 24, and then 6 is left. 6 + 8 = 14, 14 - 2 = 12, \
    and 4 * 12 = 48, too much. 6 * 8 / (4 - 2) = 48 / 2 = 24. That uses each number once.\n</think>\n\
    <answer>6 * 8 / (4 - 2)</answer>";

/// How long workers judge before the next have their turn.
const SLICE: Duration = Duration::from_millis(50);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--worker", plugin] => Worker::run(plugin),
        [plugin] => bench(plugin, 2.0),
        [plugin, seconds] => bench(plugin, seconds.parse()?),
        _ => bail!("usage: bench PLUGIN.wasm [SECONDS]"),
    }
}

fn bench(plugin: &str, seconds: f64) -> anyhow::Result<()> {
    let host = Host::new(config())?;
    let verifier = load(&host, plugin)?;
    let length = Duration::from_secs_f64(seconds);
    println!("{} ({} KiB)\n", verifier.description().name, verifier.plugin().size() >> 10);
    cost(&verifier, length);
    scale(plugin, &verifier, length)?;
    kill(&host)?;
    cached_load(plugin)
}

fn config() -> HostConfig {
    HostConfig { cache_dir: Some(std::env::temp_dir().join("gavel-bench")), ..HostConfig::default() }
}

fn load(host: &Host, plugin: &str) -> anyhow::Result<WasmVerifier> {
    let plugin = host.load_file(Path::new(plugin))?;
    Ok(plugin.verifier("{}", &Limits::default())?)
}

fn submission() -> Submission {
    Submission {
        prompt: "Make 24 from 4, 6, 8 and 2.".to_owned(),
        completion: COMPLETION.to_owned(),
        reference: Some(r#"{"numbers":[4,6,8,2],"target":24}"#.to_owned()),
        metadata: r#"{"numbers":[4,6,8,2],"target":24}"#.to_owned(),
    }
}

/// Fresh instance, call and drop, on one thread.
fn cost(verifier: &WasmVerifier, length: Duration) {
    let (submission, mut times) = (submission(), Vec::new());
    let mut fuel = None;
    let mut status = Status::Verdict;
    let started = Instant::now();
    while started.elapsed() < length {
        let one = Instant::now();
        let outcome = verifier.verify(&submission);
        times.push(one.elapsed());
        (fuel, status) = (outcome.fuel, outcome.status());
    }
    println!(
        "| one submission, fresh instance | p50 | p99 | mean | fuel | outcome |\n|---|---|---|---|---|---|"
    );
    let mean = micros(times.iter().sum()) / times.len() as f64;
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    println!("| n = {} | {p50:.1} µs | {p99:.1} µs | {mean:.1} µs | {fuel:?} | {status} |\n", times.len());
}

/// Threads of one process against processes of one thread.
///
/// A machine that does something else can only make them slower, and not for the same time: so they take turns in
/// short slices, and the best slice of each counts.
fn scale(plugin: &str, verifier: &WasmVerifier, length: Duration) -> anyhow::Result<()> {
    let counts = [1, 2, 4];
    let mut processes = (0..counts[2]).map(|_| Worker::start(plugin)).collect::<Result<Vec<_>, _>>()?;
    let mut best = [[0; 2]; 3];
    let started = Instant::now();
    while started.elapsed() < length * 8 {
        for (count, best) in counts.iter().zip(&mut best) {
            best[0] = best[0].max(in_threads(verifier, *count));
            best[1] = best[1].max(in_processes(&mut processes[..*count])?);
        }
    }
    println!("| workers | threads of one process | processes of one thread |\n|---|---|---|");
    for (count, slice) in counts.iter().zip(best) {
        let [threads, processes] = slice.map(|judged| judged as f64 / SLICE.as_secs_f64());
        let [over_thread, over_process] = [0, 1].map(|kind| slice[kind] as f64 / best[0][kind] as f64);
        println!("| {count} | {threads:.0}/s ({over_thread:.2}×) | {processes:.0}/s ({over_process:.2}×) |");
    }
    println!();
    Ok(())
}

/// How many submissions so many threads judge in a slice of time.
fn in_threads(verifier: &WasmVerifier, workers: usize) -> usize {
    let barrier = Barrier::new(workers);
    std::thread::scope(|scope| {
        let work = || {
            barrier.wait();
            judge_for(verifier, SLICE)
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("judging does not panic")).sum()
    })
}

/// How many submissions these processes judge in a slice of time.
fn in_processes(workers: &mut [Worker]) -> anyhow::Result<usize> {
    for worker in &mut *workers {
        worker.questions.write_all(b"\n")?;
    }
    workers.iter_mut().map(Worker::judged).sum()
}

/// A process that judges for a slice of time whenever it reads a line, and writes how many.
struct Worker {
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(plugin: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let child =
            command.args(["--worker", plugin]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (questions, answers) = child.stdin.zip(child.stdout).context("the worker has no pipes")?;
        Ok(Self { questions, answers: BufReader::new(answers) })
    }

    fn run(plugin: &str) -> anyhow::Result<()> {
        let verifier = load(&Host::new(config())?, plugin)?;
        for line in std::io::stdin().lines() {
            line?;
            println!("{}", judge_for(&verifier, SLICE));
        }
        Ok(())
    }

    fn judged(&mut self) -> anyhow::Result<usize> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        line.trim().parse().context("a worker failed")
    }
}

fn judge_for(verifier: &WasmVerifier, length: Duration) -> usize {
    let (submission, started) = (submission(), Instant::now());
    let mut judged = 0;
    while started.elapsed() < length {
        std::hint::black_box(verifier.verify(&submission));
        judged += 1;
    }
    judged
}

/// How long after its deadline an endless loop ends.
fn kill(host: &Host) -> anyhow::Result<()> {
    let endless =
        wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#)?;
    let endless = host.load(&endless, "endless")?;
    println!("| endless loop, deadline | ends after it, p50 | p99 | max |\n|---|---|---|---|");
    for deadline in [10, 100] {
        let timeout = Duration::from_millis(deadline);
        let verifier = endless.verifier("{}", &Limits { fuel: u64::MAX, timeout, ..Limits::default() })?;
        let mut late: Vec<_> = (0..100)
            .map(|_| {
                let started = Instant::now();
                verifier.verify(&Submission::default());
                started.elapsed().saturating_sub(timeout)
            })
            .collect();
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| percentile(&mut late, part) / 1e3);
        println!("| {deadline} ms | {p50:.2} ms | {p99:.2} ms | {max:.2} ms |");
    }
    let fuelled =
        endless.verifier("{}", &Limits { timeout: Duration::from_secs(600), ..Limits::default() })?;
    let outcome = fuelled.verify(&Submission::default());
    println!(
        "\n{:?} instructions of an endless loop take {:.1} s.\n",
        outcome.fuel,
        outcome.elapsed.as_secs_f64()
    );
    Ok(())
}

/// From a path to a plugin that is described and ready, when its code is in the cache.
fn cached_load(plugin: &str) -> anyhow::Result<()> {
    let host = Host::new(config())?;
    let first = Instant::now();
    let kept = host.load_file(Path::new(plugin))?;
    let first = first.elapsed();
    let mut again = Vec::new();
    let mut ready = Vec::new();
    for _ in 0..300 {
        let started = Instant::now();
        let plugin = host.load_file(Path::new(plugin))?;
        again.push(started.elapsed());
        let verifier = plugin.verifier("{}", &Limits::default())?;
        ready.push(started.elapsed());
        drop((plugin, verifier));
    }
    drop(kept);
    let uncached = Host::new(HostConfig { cache_dir: None, ..config() })?;
    let compiling = Instant::now();
    uncached.load_file(Path::new(plugin))?;
    println!("| load | time |\n|---|---|");
    println!("| compile | {:.1} ms |", micros(compiling.elapsed()) / 1e3);
    println!("| cached, first in the process | {:.2} ms |", micros(first) / 1e3);
    println!("| cached, p50 | {:.2} ms |", percentile(&mut again, 0.5) / 1e3);
    println!("| cached, with options checked, p50 | {:.2} ms |", percentile(&mut ready, 0.5) / 1e3);
    Ok(())
}

/// In microseconds.
fn percentile(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    micros(times[((times.len() - 1) as f64 * part) as usize])
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
