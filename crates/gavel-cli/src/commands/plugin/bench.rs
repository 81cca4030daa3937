//! `gavel plugin bench`: what a plugin costs per submission, and to load.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytesize::ByteSize;
use gavel_host::{Host, HostConfig, Plugin, STACK, WasmVerifier};
use gavel_plugins::{FoundPlugin, WatchedFiles};
use gavel_reward::load_plugin;
use gavel_verify::{Submission, Verifier};
use gavel_wire::milliseconds;
use serde_json::json;

use crate::cases::{self, Case, Verifiers};
use crate::cli::{BenchArgs, GlobalArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::{Terminal, escaped, shown};
use crate::written;

use super::build::{build_if_stale, say_what_is_not_built};
use super::named::check_name;

/// Measures, and writes the result to stdout.
pub(in crate::commands) fn run(args: &BenchArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let time = Duration::try_from_secs_f64(args.seconds).context("--seconds is not a time").input_fault()?;
    let cases = cases::read(&args.folder).input_fault()?;
    let terminal = Terminal::new(global.quiet);
    build_if_stale(&args.folder, &args.tools, &terminal)?;
    let found = FoundPlugin::in_folder(&args.folder, &WatchedFiles::default())?;
    say_what_is_not_built(&args.folder, &found, &terminal);
    if global.verbose > 0 {
        show_output(&found, &cases, args, &terminal)?;
    }
    let slots = u32::try_from(args.jobs.get()).context("--jobs is too large").input_fault()?;
    let loaded = load_twice(&found, slots, args)?;
    check_name(&found, &loaded.plugin)?;
    let mut verifiers = Verifiers::new(loaded.plugin.clone(), found.limits().resolve());
    let mut tasks = Vec::new();
    for case in cases {
        // Options that the plugin refuses are refused when it is loaded; there is nothing to measure.
        if let Ok(verifier) = verifiers.with_options(&case.options).input_fault()? {
            tasks.push((verifier, case.submission));
        }
    }
    let measured = (|| {
        ensure!(!tasks.is_empty(), "no case has options that the plugin accepts");
        measure(&tasks, args.jobs.get(), time).context("cannot start a thread")
    })()
    .input_fault()?;
    let text = if args.json { as_json(&loaded, &measured) } else { as_text(&loaded, &measured) };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Says what the plugin writes, case by case. What is measured keeps none of it.
fn show_output(
    found: &FoundPlugin,
    cases: &[Case],
    args: &BenchArgs,
    terminal: &Terminal,
) -> Result<(), Stop> {
    let host = Host::new(HostConfig { for_authors: true, slots: 1, ..HostConfig::default() })
        .map_err(anyhow::Error::from)?;
    let plugin = args.grants.apply(
        found,
        load_plugin(found, &host, &WatchedFiles::default())?,
        &host,
        &args.folder,
    )?;
    let mut verifiers = Verifiers::new(plugin, found.limits().resolve());
    for case in cases {
        let Ok(verifier) = verifiers.with_options(&case.options).input_fault()? else { continue };
        let lines = written::lines(verifier.verify(&case.submission).output.as_deref().unwrap_or_default());
        if !lines.is_empty() {
            terminal.note(format_args!("{} wrote:\n  | {}", shown(&case.name), lines.join("\n  | ")));
        }
    }
    Ok(())
}

/// A plugin, and how long it took to load.
struct Loaded {
    plugin: Plugin,
    /// Compiled from nothing.
    cold: Duration,
    /// Taken from the cache.
    cached: Duration,
}

/// Loads a plugin into a cache of its own, then again with another host, as a second process would. The interpreters
/// that it is granted are no part of the time.
fn load_twice(found: &FoundPlugin, slots: u32, args: &BenchArgs) -> Result<Loaded, Stop> {
    let cache = tempfile::tempdir().context("cannot create a folder for the cache")?;
    let load = || -> Result<(Host, Plugin, Duration), Stop> {
        let config = HostConfig { cache_dir: Some(cache.path().to_owned()), slots, ..HostConfig::default() };
        let host = Host::new(config).map_err(anyhow::Error::from)?;
        let start = Instant::now();
        let plugin = load_plugin(found, &host, &WatchedFiles::default())?;
        Ok((host, plugin, start.elapsed()))
    };
    let (_, _, cold) = load()?;
    let (host, plugin, cached) = load()?;
    let plugin = args.grants.apply(found, plugin, &host, &args.folder)?;
    Ok(Loaded { plugin, cold, cached })
}

struct Measured {
    jobs: usize,
    elapsed: Duration,
    /// Of every submission, sorted.
    times: Vec<Duration>,
}

/// Judges the tasks round and round on `jobs` threads, for `time` and at least once each.
fn measure(tasks: &[(WasmVerifier, Submission)], jobs: usize, time: Duration) -> std::io::Result<Measured> {
    // The first submissions pay for page faults that no later one sees.
    for (verifier, submission) in tasks {
        verifier.verify(submission);
    }
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let work = || {
        let mut times = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= tasks.len() && start.elapsed() >= time {
                return times;
            }
            let (verifier, submission) = &tasks[index % tasks.len()];
            let begun = Instant::now();
            verifier.verify(submission);
            times.push(begun.elapsed());
        }
    };
    let mut times = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let workers = (0..jobs).map(spawn).collect::<std::io::Result<Vec<_>>>()?;
        // A verifier does not panic; if one did, its times are missing.
        let times = workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default());
        Ok::<Vec<Duration>, std::io::Error>(times.collect())
    })?;
    let elapsed = start.elapsed();
    times.sort_unstable();
    Ok(Measured { jobs, elapsed, times })
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that `percent` of the submissions stay within.
    fn percentile(&self, percent: usize) -> Duration {
        let index = (self.times.len() * percent).div_ceil(100).max(1) - 1;
        self.times.get(index).copied().unwrap_or_default()
    }
}

fn as_text(loaded: &Loaded, measured: &Measured) -> String {
    let description = loaded.plugin.description();
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    format!(
        "{} {}, {} submissions in {:.1} s on {} thread{}, a fresh instance each\n\
         throughput  {:.0} submissions/s\n\
         p50         {:.1} µs\n\
         p99         {:.1} µs\n\
         max         {:.1} µs\n\
         load        {:.2} ms cached, {:.0} ms compiled\n\
         size        {}\n",
        shown(&description.name),
        shown(&description.version),
        measured.times.len(),
        measured.elapsed.as_secs_f64(),
        measured.jobs,
        if measured.jobs == 1 { "" } else { "s" },
        measured.per_second(),
        microseconds(measured.percentile(50)),
        microseconds(measured.percentile(99)),
        microseconds(measured.percentile(100)),
        milliseconds(loaded.cached),
        milliseconds(loaded.cold),
        ByteSize::b(loaded.plugin.size()).display().iec(),
    )
}

fn as_json(loaded: &Loaded, measured: &Measured) -> String {
    let description = loaded.plugin.description();
    let microseconds = |time: Duration| time.as_nanos() as f64 / 1e3;
    let value = json!({
        "plugin": description.name,
        "version": description.version,
        "digest": loaded.plugin.digest(),
        "size": loaded.plugin.size(),
        "jobs": measured.jobs,
        "submissions": measured.times.len(),
        "seconds": measured.elapsed.as_secs_f64(),
        "submissions_per_second": measured.per_second(),
        "p50_us": microseconds(measured.percentile(50)),
        "p99_us": microseconds(measured.percentile(99)),
        "max_us": microseconds(measured.percentile(100)),
        "cached_load_ms": milliseconds(loaded.cached),
        "cold_load_ms": milliseconds(loaded.cold),
    });
    escaped(&format!("{value}\n"))
}
