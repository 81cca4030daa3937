//! The cache of compiled plugins: used when whole, never trusted when not.

use std::fs;
use std::path::{Path, PathBuf};

use gavel_host::{Host, HostConfig, HostWarning, Limits};
use gavel_verify::{Submission, Verifier};

/// A command that gives the reward 1 to everything.
fn plugin() -> Vec<u8> {
    wat::parse_str(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 16) "{\"reward\":1}")
             (data (i32.const 0) "\10\00\00\00\0c\00\00\00")
             (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    )
    .unwrap()
}

fn with_cache(folder: &Path) -> HostConfig {
    HostConfig { cache_dir: Some(folder.to_owned()), slots: 1, ..HostConfig::default() }
}

/// Loads and runs the plugin on a new host with this cache.
fn reward(cache: &Path) -> Option<f64> {
    let host = Host::new(with_cache(cache)).unwrap();
    let verifier = host.load(&plugin(), "one.wasm").unwrap().verifier("{}", &Limits::default()).unwrap();
    verifier.verify(&Submission::default()).reward()
}

fn files(cache: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn a_plugin_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("not/yet/there");
    assert_eq!(reward(&cache), Some(1.0));
    let [code] = &files(&cache, "cwasm")[..] else { panic!() };
    let first = fs::metadata(code).unwrap().modified().unwrap();
    assert_eq!(reward(&cache), Some(1.0));
    assert_eq!(fs::metadata(code).unwrap().modified().unwrap(), first, "compiled again");
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 2, "a temporary file was left behind");
}

#[test]
fn a_damaged_entry_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(reward(folder.path()), Some(1.0));
    let [code] = &files(folder.path(), "cwasm")[..] else { panic!() };
    let [sum] = &files(folder.path(), "sum")[..] else { panic!() };
    let (whole, checksum) = (fs::read(code).unwrap(), fs::read(sum).unwrap());
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b""] {
        fs::write(code, damaged).unwrap();
        assert_eq!(reward(folder.path()), Some(1.0));
        assert_eq!(fs::read(code).unwrap(), whole, "the entry was not repaired");
    }
    for damaged in [&b"1 2\n"[..], b""] {
        fs::write(sum, damaged).unwrap();
        assert_eq!(reward(folder.path()), Some(1.0));
        assert_eq!(fs::read(sum).unwrap(), checksum, "the checksum was not repaired");
    }
    fs::remove_file(code).unwrap();
    assert_eq!(reward(folder.path()), Some(1.0));
}

#[test]
fn a_cache_that_cannot_be_written_does_not_stop_anyone() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let host = Host::new(with_cache(&cache)).unwrap();
    fs::remove_dir(&cache).unwrap();
    let verifier = host.load(&plugin(), "one.wasm").unwrap().verifier("{}", &Limits::default()).unwrap();
    assert_eq!(verifier.verify(&Submission::default()).reward(), Some(1.0));
}

#[test]
fn a_file_in_the_way_is_a_warning() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = file.path().join("cache");
    let host = Host::new(with_cache(&cache)).unwrap();
    let [HostWarning::Cache { path, .. }] = host.warnings() else { panic!("{:?}", host.warnings()) };
    assert_eq!(*path, cache);
    assert_eq!(reward(&cache), Some(1.0));
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_can_write_to_is_not_used_and_the_next_one_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let own = tempfile::tempdir().unwrap();
    for mode in [0o770, 0o702, 0o1777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let fallback = Some(own.path().join(format!("{mode:o}")));
        let config = HostConfig { cache_fallback_dir: fallback.clone(), ..with_cache(folder.path()) };
        let host = Host::new(config).unwrap();
        let [HostWarning::SharedCache { path, problem }] = host.warnings() else {
            panic!("{mode:o}: {:?}", host.warnings())
        };
        assert_eq!(path, folder.path());
        assert_eq!(*problem, format!("can be written to by others (mode {mode:o})"));
        host.load(&plugin(), "one.wasm").unwrap();
        assert_eq!(files(folder.path(), "cwasm").len(), 0);
        assert_eq!(files(&fallback.unwrap(), "cwasm").len(), 1);
    }
    for mode in [0o700, 0o755] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(reward(folder.path()), Some(1.0));
        let [code] = &files(folder.path(), "cwasm")[..] else { panic!() };
        // Who may read the folder may read what is in it: a cache that was filled for an image is for its users.
        assert_eq!(fs::metadata(code).unwrap().permissions().mode() & 0o777, 0o600 | mode & 0o044);
        fs::remove_file(code).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn an_entry_that_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for extension in ["cwasm", "sum"] {
        assert_eq!(reward(folder.path()), Some(1.0));
        let [entry] = &files(folder.path(), extension)[..] else { panic!() };
        fs::remove_file(entry).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(entry).status().unwrap().success());
        assert_eq!(reward(folder.path()), Some(1.0));
        let [entry] = &files(folder.path(), extension)[..] else { panic!() };
        fs::remove_file(entry).unwrap();
        std::os::unix::fs::symlink("/dev/zero", entry).unwrap();
        assert_eq!(reward(folder.path()), Some(1.0));
    }
}

#[test]
fn a_cache_without_room_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new(HostConfig { cache_size: 100, ..with_cache(folder.path()) }).unwrap();
    host.load(&plugin(), "one.wasm").unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
