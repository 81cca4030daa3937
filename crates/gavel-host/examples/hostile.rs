//! What the worst that gavel lets through costs: a loop of each call of the host at default limits, and files at the
//! bounds of the scan; or how the files that are named load. `docs/security.md` has the numbers.
#![expect(clippy::print_stdout, reason = "an example is a binary")]

use std::fmt::Write;
use std::time::Instant;

use gavel_host::{Host, HostConfig, Limits};
use gavel_verify::{Submission, Verifier};

fn main() -> anyhow::Result<()> {
    let host = Host::new(HostConfig::default())?;
    let named: Vec<_> = std::env::args().skip(1).collect();
    if !named.is_empty() {
        for name in named {
            load(&host, &name, &std::fs::read(&name)?)?;
        }
        return Ok(());
    }
    println!("| endless loop of | ends after | outcome |\n|---|---|---|");
    for (name, body) in loops() {
        let file = wat::parse_str(command(&body))?;
        let verifier = host.load(&file, name)?.verifier("{}", &Limits::default())?;
        let started = Instant::now();
        let outcome = verifier.verify(&Submission::default());
        println!("| {name} | {:.2} s | {} |", started.elapsed().as_secs_f64(), outcome.status());
    }
    println!("\n| file | bytes | loads in | memory at most |\n|---|---|---|---|");
    for (name, text) in files() {
        load(&host, name, &wat::parse_str(&text)?)?;
    }
    Ok(())
}

/// Loads a file, and says what that took.
fn load(host: &Host, name: &str, file: &[u8]) -> anyhow::Result<()> {
    // Forgets the peak so far.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let (before, started) = (peak(), Instant::now());
    let loaded = host.load(file, name).map(drop);
    let seconds = started.elapsed().as_secs_f64();
    let loaded =
        loaded.map_or_else(|error| format!("{seconds:.1} s: {error}"), |()| format!("{seconds:.1} s"));
    println!("| {name} | {} | {loaded} | {} MiB |", file.len(), (peak() - before) >> 20);
    Ok(())
}

/// A command that runs `body` for ever.
fn command(body: &str) -> String {
    format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
             (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "path_open"
               (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
             (memory (export "memory") 256) (table $t 1 funcref) (data $d "x")
             (func (export "_start")
               (i32.store (i32.const 20) (i32.const 100)) (i32.store (i32.const 28) (i32.const 60000))
               (loop {body} (br 0))))"#
    )
}

fn loops() -> Vec<(&'static str, String)> {
    [
        ("nothing", ""),
        ("`fd_write`", "(drop (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 8)))"),
        (
            "`fd_write` of 2^20 empty vectors",
            "(drop (call $write (i32.const 2) (i32.const 65536) (i32.const 1048576) (i32.const 8)))",
        ),
        ("`fd_read`", "(drop (call $read (i32.const 0) (i32.const 24) (i32.const 1) (i32.const 8)))"),
        ("`random_get` of a byte", "(drop (call $random (i32.const 100) (i32.const 1)))"),
        ("`clock_time_get`", "(drop (call $time (i32.const 1) (i64.const 1) (i32.const 400)))"),
        (
            "`poll_oneoff`",
            "(drop (call $poll (i32.const 1000) (i32.const 2000) (i32.const 1) (i32.const 300)))",
        ),
        (
            "`poll_oneoff` of 70,000",
            "(drop (call $poll (i32.const 65536) (i32.const 65536) (i32.const 70000) (i32.const 300)))",
        ),
        ("`environ_sizes_get`", "(drop (call $environ (i32.const 100) (i32.const 104)))"),
        ("`fd_fdstat_get`", "(drop (call $stat (i32.const 1) (i32.const 104)))"),
        (
            "`path_open` of 16,000 letters",
            "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 65536) (i32.const 16000) (i32.const 0)
               (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 100)))",
        ),
        ("`sched_yield`", "(drop (call $yield))"),
        ("`memory.grow` by 0", "(drop (memory.grow (i32.const 0)))"),
        ("`memory.grow` that fails", "(drop (memory.grow (i32.const 65535)))"),
        ("`table.grow` that fails", "(drop (table.grow $t (ref.null func) (i32.const 200000)))"),
        ("`memory.init` of nothing", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))"),
        ("`memory.copy` of nothing", "(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))"),
    ]
    .map(|(name, body)| (name, body.to_owned()))
    .to_vec()
}

/// Files that have as much of something as they may.
fn files() -> Vec<(&'static str, String)> {
    let start = r#"(memory (export "memory") 1) (func (export "_start"))"#;
    let many = |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
    let load = |index: usize| format!("(i64.load (i32.const {}))", index % 8000 * 8);
    let stack = format!("{} {} drop", many(2_000, &load), "i64.add ".repeat(1_999));
    let live = |locals: usize, blocks: usize| {
        let set = many(locals, &|index| format!("(local.set {index} {})", load(index)));
        let get = many(locals, &|index| format!("local.get {index} i64.add "));
        let branches = "(br_if 0 (i32.load (i32.const 0)))".repeat(blocks);
        format!(
            "(module {start} (func (local {}) {set} {branches} i64.const 0 {get} drop))",
            "i64 ".repeat(locals)
        )
    };
    let loops = |locals: usize, loops: usize| {
        let turn = many(loops, &|index| {
            let local = index % locals;
            format!(
                "(loop (local.set {local} (i64.add (local.get {local}) (i64.const 1))) (br_if 0 (i32.load (i32.const 0))))"
            )
        });
        format!("(module {start} (func (local {}) {turn}))", "i64 ".repeat(locals))
    };
    let types = many(9_900, &|index| {
        let mut text = String::from("(type (func (param ");
        for bit in 0..16 {
            let _ = write!(text, "{} ", if index >> bit & 1 == 0 { "i32" } else { "i64" });
        }
        text + ")))"
    });
    vec![
        ("2,000 values on the stack", format!("(module {start} (func {stack}))")),
        ("4,900 locals, live over 2,000 blocks", live(4_900, 2_000)),
        ("330 locals, live over 29,000 blocks", live(330, 29_000)),
        ("9,000 loops over 300 locals", loops(300, 9_000)),
        (
            "20,000 exports",
            format!("(module {start} {})", many(19_990, &|index| format!("(export \"{index}\" (func 0))"))),
        ),
        (
            "20,000 exports of functions of their own",
            format!("(module {start} {})", many(19_990, &|index| format!("(func (export \"f{index}\"))"))),
        ),
        ("10,000 types", format!("(module {start} {types})")),
        ("100,000 functions", format!("(module {start} {})", "(func)".repeat(99_000))),
    ]
}

/// The most bytes that this process ever held.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}
