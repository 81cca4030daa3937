//! What the machine lacks or does besides is never a verdict: memory that it does not give, address space that is
//! limited, a cache that belongs to somebody else, other work on every core.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::gavel::{Folder, GAVEL, first_party_folder, repository};
use crate::programs::{GRANTED, asking, with_interpreter};
use crate::reload::always;

const SUBMISSION: &str = "{\"prompt\": \"\", \"completion\": \"\"}\n";

/// A folder whose reward file has one verifier, `./a.wasm`, with these limits.
fn judging(plugin: &[u8], limits: &str) -> Folder {
    let reward = format!("[verifiers.a]\nplugin = './a.wasm'\non_failure = 0\nlimits = {{ {limits} }}\n");
    Folder::with_reward(&reward).file("a.wasm", plugin).file("in.jsonl", SUBMISSION)
}

/// `gavel score` of that folder under one of the shell's limits, in KiB.
fn limited(folder: &Folder, limit: &str) -> Output {
    limited_with(folder, limit, &["--jobs", "1"])
}

/// The same with these flags.
fn limited_with(folder: &Folder, limit: &str, flags: &[&str]) -> Output {
    let gavel = folder.gavel(&[]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{limit} && exec \"$0\" score -r reward.toml in.jsonl \"$@\""), GAVEL])
        .args(flags);
    shell.current_dir(folder.path("."));
    for (name, value) in gavel.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}

fn scored(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    line(output)
}

fn line(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A command that grows its memory page by page to `pages`. Its verdict is 1 when it has got them, and 0 when a page
/// was refused.
fn growing(pages: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 0) "\10\00\00\00\0c\00\00\00\20\00\00\00\0c\00\00\00")
             (data (i32.const 16) "{{\"reward\":1}}")
             (data (i32.const 32) "{{\"reward\":0}}")
             (func (export "_start") (local $verdict i32)
               (block $end
                 (loop $more
                   (br_if $end (i32.ge_u (memory.size) (i32.const {pages})))
                   (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
                   (local.set $verdict (i32.const 8))))
               (drop (call $write (i32.const 1) (local.get $verdict) (i32.const 1) (i32.const 64)))))"#
    ))
    .unwrap()
}

/// The kernel counts memory that can be written to against a limit on data, so it refuses a growth that a plugin's own
/// limit allows. `on_failure` would price an outcome of the plugin's with 0.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_the_machine_does_not_give_is_no_verdict() {
    let folder = judging(&growing(24 << 10), "memory = '2GiB', fuel = 20_000_000_000");
    let there = scored(&limited(&folder, "true"));
    assert_eq!(there["reward"], 1.0, "{there}");
    let output = limited(&folder, "ulimit -d 1000000");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let refused = line(&output);
    assert_eq!(refused["reward"], Value::Null, "{refused}");
    assert_eq!(refused["outcomes"]["a"]["status"], "host-failed", "{refused}");
}

#[cfg(target_os = "linux")]
#[test]
fn little_address_space_is_enough() {
    let folder = judging(&always(1), "");
    for gibibytes in [32, 10] {
        let scored = scored(&limited(&folder, &format!("ulimit -v {}", gibibytes << 20)));
        assert_eq!(scored["reward"], 1.0, "{gibibytes} GiB: {scored}");
    }
}

/// Sixteen threads with a program each would reserve some hundreds of gibibytes. What they say is the same to the byte.
#[cfg(target_os = "linux")]
#[test]
fn little_address_space_is_enough_for_programs_on_many_threads() {
    let row = |number| format!("{{\"prompt\": \"{number}\", \"completion\": \"print {number}\"}}\n");
    let folder = with_interpreter(asking())
        .file("reward.toml", GRANTED)
        .file("in.jsonl", (0..64).map(row).collect::<String>());
    let flags = ["--jobs", "16", "--no-timing", "--plugin-path", "path"];
    let there = limited_with(&folder, "true", &flags);
    assert_eq!(
        String::from_utf8_lossy(&there.stdout).matches("\"status\":\"verdict\"").count(),
        64,
        "{there:?}"
    );
    for gibibytes in [32, 8] {
        let little = limited_with(&folder, &format!("ulimit -v {}", gibibytes << 20), &flags);
        assert_eq!(little.stdout, there.stdout, "{gibibytes} GiB: {little:?}");
        let said = String::from_utf8_lossy(&little.stderr).into_owned();
        assert!(said.contains(&format!("{gibibytes} GiB of address space (`ulimit -v`)")), "{said}");
    }
}

/// Images are built by root and run as somebody else, who can read the cache in them and not write to it.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_cache_of_roots_serves_other_users() {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: a cache of root's, read by another user: only root can become another user");
        return;
    }
    let folder = judging(&always(1), "").file("new.wasm", always(2));
    let everybody = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    // The binary may be in a folder of root's.
    fs::copy(GAVEL, folder.path("gavel")).unwrap();
    for path in [folder.path("."), folder.path("gavel")] {
        everybody(&path, 0o755);
    }
    // Entries can be read by whoever can read the folder.
    fs::create_dir(folder.path("cache")).unwrap();
    everybody(&folder.path("cache"), 0o755);
    let warm = folder.run(&["cache", "warm", "reward.toml", "--cache-dir", "cache"]);
    assert_eq!(warm.status.code(), Some(0), "{warm:?}");
    let names = || {
        let names = fs::read_dir(folder.path("cache")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let before = names();
    let as_nobody = |reward: &str| {
        let mut gavel = Command::new(folder.path("gavel"));
        gavel.args(["score", "-r", reward, "in.jsonl", "--cache-dir", "cache", "--no-timing"]);
        gavel.current_dir(folder.path(".")).env_clear().uid(NOBODY).gid(NOBODY);
        gavel.output().unwrap()
    };
    let output = as_nobody("reward.toml");
    assert_eq!(String::from_utf8_lossy(&output.stderr).matches("cache").count(), 0, "{output:?}");
    assert_eq!(scored(&output)["reward"], 1.0);
    // A plugin that is not in it is compiled and judges all the same.
    fs::write(folder.path("other.toml"), "[verifiers.a]\nplugin = './new.wasm'\n").unwrap();
    assert_eq!(scored(&as_nobody("other.toml"))["reward"], 2.0);
    assert_eq!(names(), before, "somebody else has written to it");
}

/// The cases of `code`, scored twice: alone, and with eight threads that do nothing but compute.
#[test]
fn a_busy_machine_changes_no_verdict() {
    let cases = fs::read_to_string(first_party_folder("code").join("cases.jsonl")).unwrap();
    // Every fourth case and every verdict kind among them; all of them would take minutes here.
    let rows: String = cases.lines().step_by(4).map(|case| row(case) + "\n").collect();
    let reward = "[verifiers.code]\nplugin = 'code'\ngrant = ['interpreter']\n[reward]\nformula = 'code'\n";
    let folder = Folder::with_reward(reward).file("in.jsonl", rows);
    let interpreters = repository().join("plugins/interpreters");
    let score = || {
        let interpreters = interpreters.to_str().unwrap();
        let args = ["score", "-r", "reward.toml", "in.jsonl", "--no-timing", "--plugin-path", interpreters];
        let output = folder.run(&args);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let alone = score();
    let done = AtomicBool::new(false);
    let busy = thread::scope(|scope| {
        // Also when scoring panics, or the threads would be waited for without end.
        let _end = End(&done);
        for _ in 0..8 {
            scope.spawn(|| while !done.load(Ordering::Relaxed) {});
        }
        score()
    });
    assert!(alone.lines().count() > 40, "{alone}");
    for (alone, busy) in alone.lines().zip(busy.lines()) {
        assert_eq!(alone, busy);
    }
    assert_eq!(alone.len(), busy.len());
}

/// Ends the threads that watch this when it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A case of `plugin test` as a line for `score`.
fn row(case: &str) -> String {
    let case: Value = serde_json::from_str(case).unwrap();
    let mut row =
        json!({"prompt": case["prompt"].as_str().unwrap_or_default(), "completion": case["completion"]});
    if let Some(reference) = case.get("reference") {
        row["reference"] = reference.clone();
    }
    for (name, value) in case["metadata"].as_object().into_iter().flatten() {
        row[name] = value.clone();
    }
    row.to_string()
}
