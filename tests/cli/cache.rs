//! The cache of compiled plugins, shared by many processes at the same time.

use std::fs;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::add_a_reward::digest;
use crate::gavel::Folder;
use crate::reload::always;

/// The files of a cache, by extension.
fn files(folder: &Folder, extension: &str) -> Vec<u64> {
    let files = fs::read_dir(folder.path("cache")).unwrap().map(Result::unwrap);
    let files = files.filter(|file| file.path().extension().is_some_and(|found| found == extension));
    files.map(|file| file.metadata().unwrap().len()).collect()
}

#[test]
fn processes_share_a_cache_that_is_too_small_for_them() {
    let mut folder = Folder::new();
    let names: Vec<String> = (0..6).map(|digit| format!("{digit}.wasm")).collect();
    for (digit, name) in names.iter().enumerate() {
        folder = folder.file(name, always(digit as u8));
    }
    // Room for two of the six.
    folder.run(&["plugin", "inspect", "0.wasm", "--cache-dir", "cache"]);
    let [bytes] = files(&folder, "cwasm")[..] else { panic!() };
    let room = bytes * 5 / 2;
    let inspect = |name: &str| {
        let mut command = folder.gavel(&["plugin", "inspect", name, "--json", "--cache-dir", "cache"]);
        command.env("GAVEL_CACHE_SIZE", room.to_string());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let ends_well = |name: &str, child: Child| {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{name}");
        let plugin: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(plugin["digest"], digest(&folder.path(name)));
    };
    for _ in 0..3 {
        // All at once, each twice: some compile what others compile, map what others remove.
        let running: Vec<_> = names.iter().chain(&names).map(|name| (name, inspect(name))).collect();
        running.into_iter().for_each(|(name, child)| ends_well(name, child));
        let bytes: u64 = files(&folder, "cwasm").into_iter().chain(files(&folder, "sum")).sum();
        assert!(bytes <= room, "{bytes} of {room}");
    }
    // Halves of pairs that several processes removed and wrote at the same time are the first to go.
    names.iter().for_each(|name| ends_well(name, inspect(name)));
    assert_eq!((files(&folder, "cwasm").len(), files(&folder, "sum").len()), (2, 2));
    assert_eq!(fs::read_dir(folder.path("cache")).unwrap().count(), 4, "a temporary file was left behind");
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    fs::create_dir(folder.path("cache")).unwrap();
    fs::set_permissions(folder.path("cache"), fs::Permissions::from_mode(0o777)).unwrap();
    insta::assert_snapshot!(folder.shown(&["plugin", "inspect", "countdown", "--cache-dir", "cache"]));
}

#[test]
fn a_size_that_is_none() {
    insta::assert_snapshot!(Folder::new().shown(&["plugin", "inspect", "countdown", "--cache-size", "lots"]));
}

#[test]
fn a_warm_cache_has_all_that_a_reward_file_needs() {
    let reward = "[verifiers.a]\nplugin = 'countdown'\non_failure = 0\n\
                  [verifiers.b]\nplugin = 'mine'\n[reward]\nformula = 'a + b'\n";
    let folder = Folder::with_reward(reward).file("mine.wasm", always(1));
    let warm = folder.run(&["cache", "warm", "reward.toml", "--cache-dir", "cache"]);
    let said = String::from_utf8(warm.stdout).unwrap();
    assert_eq!(warm.status.code(), Some(0), "{}", String::from_utf8_lossy(&warm.stderr));
    assert!(said.contains(&format!("b sha256:{}\n", digest(&folder.path("mine.wasm")))), "{said}");
    let before = files(&folder, "cwasm").len();
    assert_eq!(before, 2);
    let args = ["score", "-r", "reward.toml", "--cache-dir", "cache", "--jobs", "3"];
    let scored = folder.run_with_input(&args, "{\"prompt\": \"\", \"completion\": \"\"}\n");
    assert_eq!(scored.status.code(), Some(0), "{}", String::from_utf8_lossy(&scored.stderr));
    assert_eq!(files(&folder, "cwasm").len(), before, "nothing was left to compile");
}

#[test]
fn a_cache_that_keeps_nothing_is_not_warm() {
    let folder = Folder::with_reward("[verifiers.b]\nplugin = 'mine'\n").file("mine.wasm", always(1));
    let warm = folder.shown(&["cache", "warm", "reward.toml", "--cache-dir", "cache", "--cache-size", "10B"]);
    assert!(warm.contains("exit code 2") && warm.contains("`b` could not be kept in cache"), "{warm}");
}
