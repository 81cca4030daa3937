//! Tests of adding, removing and listing, with harm done to the folder.

use super::*;
use crate::error::PluginError;
use crate::lock::LockError;
use crate::lookup::FoundPlugin;
use crate::watched::WatchedFiles;

const WASM: &[u8] = b"\0asm\x01\0\0\0";

fn manifest(name: &str) -> String {
    format!("manifest_version = 1\n[plugin]\nname = '{name}'\nversion = '0.1.0'\nentry = '{name}.wasm'\n")
}

fn candidate() -> Candidate {
    Candidate {
        name: "mine".to_owned(),
        version: "0.1.0".to_owned(),
        wasm: WASM.to_vec(),
        manifest: manifest("mine"),
        source: "../author".to_owned(),
    }
}

/// A folder to which `mine` was added.
fn with_mine() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(add(folder.path(), &candidate(), false).unwrap().replaced, [""; 0].map(PathBuf::from));
    folder
}

fn state(folder: &Path) -> State {
    let entries = entries(folder);
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].state
}

/// What lookup makes of `mine`.
fn found(folder: &Path) -> Result<PathBuf, LockError> {
    let files = WatchedFiles::default();
    let found = FoundPlugin::called("mine", folder, &[], &files);
    match found.and_then(|found| found.read(&files).map(|_| found)) {
        Ok(found) => Ok(found.shown().into()),
        Err(PluginError::Lock(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_was_added_is_found_listed_and_taken_away() {
    let folder = with_mine();
    assert_eq!(found(folder.path()).unwrap(), folder.path().join("mine/mine.wasm"));
    assert_eq!(state(folder.path()), State::Locked);
    assert!(add(folder.path(), &candidate(), false).unwrap().before.is_some(), "the same again");
    remove(folder.path(), "mine").unwrap();
    assert!(!folder.path().join("mine").exists() && entries(folder.path()).is_empty());
    assert!(matches!(remove(folder.path(), "mine"), Err(StoreError::Unknown { .. })));
}

#[test]
fn a_name_that_was_added_is_that_file_with_that_manifest_or_an_error() {
    let other = [WASM, b"\0\x02\x01x"].concat();
    let edited = manifest("mine") + "[limits]\nfuel = 9_000_000_000\n";
    let elsewhere = manifest("mine").replace("mine.wasm'", "other.wasm'");
    type Harm<'a> = (&'a str, &'a [u8], fn(&LockError) -> bool, State);
    let harms: [Harm<'_>; 5] = [
        (
            "mine/mine.wasm",
            &other,
            |e| matches!(e, LockError::Changed { field: "digest", .. }),
            State::Changed,
        ),
        (
            "mine/gavel.toml",
            edited.as_bytes(),
            |e| matches!(e, LockError::Changed { field: "manifest_digest", .. }),
            State::Changed,
        ),
        (
            "mine/gavel.toml",
            elsewhere.as_bytes(),
            |e| matches!(e, LockError::Changed { field: "manifest_digest", .. }),
            State::Changed,
        ),
        ("mine.wasm", WASM, |e| matches!(e, LockError::Ambiguous { .. }), State::Changed),
        ("mine/mine.wasm", b"", |e| matches!(e, LockError::Missing { .. }), State::Missing),
    ];
    for (file, content, is_expected, listed) in harms {
        let folder = with_mine();
        let path = folder.path().join(file);
        if content.is_empty() {
            fs::remove_file(&path).unwrap()
        } else {
            fs::write(&path, content).unwrap()
        }
        let error = found(folder.path()).unwrap_err();
        assert!(is_expected(&error), "{file}: {error}");
        assert!(error.to_string().contains("gavel.lock") && error.to_string().contains(file), "{error}");
        assert_eq!(state(folder.path()), listed, "{file}");
    }
}

#[test]
fn a_path_to_what_was_added_is_checked_as_the_name_is() {
    let folder = with_mine();
    fs::create_dir(folder.path().join("mine/x")).unwrap();
    fs::write(folder.path().join("mine/mine.wasm"), [WASM, b"\0\x02\x01x"].concat()).unwrap();
    for path in ["./mine", "mine/mine.wasm", "mine/x/../mine.wasm", "mine/../mine/"] {
        let files = WatchedFiles::default();
        let found = FoundPlugin::called(path, folder.path(), &[], &files);
        let read = found.and_then(|found| found.read(&files).map(drop));
        assert!(matches!(read, Err(PluginError::Lock(LockError::Changed { .. }))), "{path}: {read:?}");
    }
}

#[test]
fn an_entry_written_in_another_way_is_not_the_locks() {
    let folder = with_mine();
    let text = manifest("mine").replace("'mine.wasm'", "'x/../mine.wasm'");
    fs::create_dir(folder.path().join("mine/x")).unwrap();
    fs::write(folder.path().join("mine/gavel.toml"), &text).unwrap();
    let change = |lock: &mut Lock| {
        lock.plugins.get_mut("mine").unwrap().manifest_digest = Some(sha256(&text));
        Ok::<(), PluginError>(())
    };
    Lock::change(folder.path(), change).unwrap();
    let error = found(folder.path()).unwrap_err();
    assert!(matches!(error, LockError::OtherEntry { .. }), "{error}");
    assert!(error.to_string().contains("`plugin.entry`"), "{error}");
}

#[test]
fn an_old_lock_is_read_and_renewed() {
    let folder = with_mine();
    let change = |lock: &mut Lock| {
        lock.plugins.get_mut("mine").unwrap().manifest_digest = None;
        Ok::<(), PluginError>(())
    };
    Lock::change(folder.path(), change).unwrap();
    found(folder.path()).unwrap();
    assert_eq!(state(folder.path()), State::OldLock);
    add(folder.path(), &candidate(), false).unwrap();
    assert_eq!(state(folder.path()), State::Locked);
}

#[test]
fn another_plugin_or_manifest_takes_its_place_only_by_force() {
    let folder = with_mine();
    let wasm = Candidate { wasm: [WASM, b"\0\x02\x01x"].concat(), ..candidate() };
    let limits = Candidate { manifest: manifest("mine") + "[limits]\nfuel = 1\n", ..candidate() };
    for other in [wasm, limits] {
        let error = add(folder.path(), &other, false).unwrap_err();
        assert!(matches!(error, StoreError::Another { .. }), "{error}");
        let added = add(folder.path(), &other, true).unwrap();
        assert_eq!((added.replaced.len(), state(folder.path())), (1, State::Locked));
        add(folder.path(), &candidate(), true).unwrap();
    }
}

#[test]
fn what_was_not_added_is_not_written_over() {
    let occupied = |force_helps: bool| move |error: &StoreError| matches!(error, StoreError::Occupied { force_helps: f, .. } if *f == force_helps);
    let sources = manifest("mine") + "[build]\nlanguage = 'rust'\nsource = 'x.rs'\n";
    for (file, content, by_force) in [
        ("mine/gavel.toml", sources.as_str(), false),
        ("mine/gavel.toml", "half a manif", false),
        ("mine/mine.wasm", "somebody's", true),
        ("mine/thesis.tex", "years of work", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mine")).unwrap();
        fs::write(folder.path().join(file), content).unwrap();
        let error = add(folder.path(), &candidate(), false).unwrap_err();
        assert!(occupied(by_force)(&error), "{file}: {error}");
        let forced = add(folder.path(), &candidate(), true);
        match forced {
            Ok(added) => {
                assert!(by_force);
                let replaced = added.replaced.iter().any(|path| path.ends_with(file));
                assert_eq!(replaced, file.ends_with(".wasm"), "{file}");
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Sources { .. }) && !by_force, "{error}");
                assert_eq!(fs::read_to_string(folder.path().join(file)).unwrap(), content);
            }
        }
    }
    for file in ["mine", "mine.wasm"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(file), "somebody's").unwrap();
        for force in [false, true] {
            let error = add(folder.path(), &candidate(), force).unwrap_err();
            assert!(occupied(false)(&error), "{file}: {error}");
        }
    }
}

#[test]
fn what_has_become_sources_is_not_written_over_by_force() {
    let folder = with_mine();
    let sources = manifest("mine") + "[build]\nlanguage = 'rust'\nsource = 'x.rs'\n";
    fs::write(folder.path().join("mine/gavel.toml"), sources).unwrap();
    let error = add(folder.path(), &candidate(), true).unwrap_err();
    assert!(matches!(error, StoreError::Sources { .. }), "{error}");
}

#[test]
fn only_what_was_added_and_is_unchanged_is_removed() {
    for file in ["mine/mine.wasm", "mine/gavel.toml"] {
        let folder = with_mine();
        fs::write(folder.path().join(file), "changed").unwrap();
        let error = remove(folder.path(), "mine").unwrap_err();
        assert!(matches!(error, StoreError::Changed { .. }), "{error}");
        assert!(
            folder.path().join("mine/mine.wasm").exists() && folder.path().join("mine/gavel.toml").exists()
        );
        assert!(Lock::read(folder.path()).unwrap().plugins.contains_key("mine"));
        fs::remove_file(folder.path().join(file)).unwrap();
        remove(folder.path(), "mine").unwrap();
    }
    let folder = with_mine();
    fs::write(folder.path().join("mine/notes.txt"), "somebody's").unwrap();
    remove(folder.path(), "mine").unwrap();
    assert_eq!(fs::read_dir(folder.path().join("mine")).unwrap().count(), 1);
}

#[test]
fn a_lock_that_leads_out_of_its_folder_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    fs::write(folder.path().join("victim"), "years of work").unwrap();
    let lock = format!(
        "version = 1\n[plugins.mine]\nversion = '1'\nfile = '../victim'\ndigest = 'sha256:{}'\nsource = ''\n",
        sha256("years of work")
    );
    fs::write(plugins.join(LOCK), lock).unwrap();
    let error = remove(&plugins, "mine").unwrap_err();
    assert!(error.to_string().contains("gavel.lock:4:8: `plugins.mine.file`"), "{error}");
    assert!(folder.path().join("victim").exists());
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    let folder = with_mine();
    let elsewhere = tempfile::tempdir().unwrap();
    let place = folder.path().join("mine");
    fs::rename(&place, elsewhere.path().join("mine")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("mine"), &place).unwrap();
    for error in
        [remove(folder.path(), "mine").unwrap_err(), add(folder.path(), &candidate(), true).unwrap_err()]
    {
        assert!(matches!(error, StoreError::Link { .. }), "{error}");
    }
    assert!(elsewhere.path().join("mine/mine.wasm").exists());
}

#[test]
fn what_is_broken_is_an_entry_beside_the_others() {
    let folder = with_mine();
    for (file, content) in [("broken/gavel.toml", "nonsense"), ("good.wasm", "\0asm"), ("not.wasm", "<html>")]
    {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let states: Vec<_> = entries(folder.path()).into_iter().map(|entry| (entry.name, entry.state)).collect();
    let expected =
        [("mine", State::Locked), ("broken", State::Broken), ("good", State::Loose), ("not", State::Broken)];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state)));
    fs::write(folder.path().join(LOCK), "nonsense").unwrap();
    let listed = entries(folder.path());
    assert_eq!((listed[0].name.as_str(), listed[0].state), (LOCK, State::Broken));
    assert!(listed.iter().any(|entry| entry.name == "good" && entry.state == State::Loose), "{listed:?}");
}
