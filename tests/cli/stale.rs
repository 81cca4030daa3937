//! What `gavel score` says before it judges: plugins that are older than their sources, and outputs that are there already.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::gavel::Folder;
use crate::reload::always;

#[test]
fn a_plugin_that_is_older_than_its_sources_is_said() {
    let manifest = "manifest_version = 1\n[plugin]\nname = \"mine\"\nversion = \"0.1.0\"\nentry = \"mine.wasm\"\n\
                    [build]\nlanguage = \"c\"\nsource = \"mine.c\"\n";
    let folder = Folder::with_reward("[verifiers.mine]\nplugin = './mine/'\n")
        .file("elsewhere/by-name.toml", "[verifiers.mine]\nplugin = 'mine'\n")
        .file("in.jsonl", "{\"prompt\": \"\", \"completion\": \"\"}\n")
        .file("mine/gavel.toml", manifest)
        .file("mine/mine.c", "int main;")
        .file("mine/mine.wasm", always(1));
    let change = |name: &str, seconds: u64| {
        let file = File::options().append(true).open(folder.path(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    };
    let said = |reward: &str| {
        let run = folder.run(&["score", "-r", reward, "in.jsonl"]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stderr).unwrap()
    };
    // The manifest belongs to what is built.
    change("mine/gavel.toml", 1_000_000_000);
    change("mine/mine.c", 1_000_000_000);
    change("mine/mine.wasm", 1_000_000_001);
    assert!(!said("reward.toml").contains("warning"));
    let added = folder.run(&["plugin", "add", "mine"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    assert!(!said("elsewhere/by-name.toml").contains("warning"));

    change("mine/mine.c", 1_000_000_002);
    let stale = said("reward.toml");
    assert!(stale.contains("mine.wasm is older than its sources: `gavel plugin build "), "{stale}");
    let stale = said("elsewhere/by-name.toml");
    let from = folder.path("mine").canonicalize().unwrap().display().to_string();
    let expected = format!(
        "warning: mine was added from {from}, which has changed since: `gavel plugin add --force {from}` takes that up"
    );
    assert!(stale.contains(&expected), "{stale}");
}

#[test]
fn a_plugin_that_hides_one_of_gavels_own_is_said() {
    let reward = "[verifiers.a]\nplugin = 'math'\n[verifiers.b]\nplugin = './math.wasm'\n[reward]\nformula = 'a + b'\n";
    let folder = Folder::with_reward(reward)
        .file("in.jsonl", "{\"prompt\": \"\", \"completion\": \"\"}\n")
        .file("math.wasm", always(1));
    let run = folder.run(&["score", "-r", "reward.toml", "in.jsonl"]);
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{said}");
    let warnings: Vec<_> = said.lines().filter(|line| line.starts_with("warning: ")).collect();
    let expected = "warning: `math` is math.wasm, which hides gavel's own plugin of that name";
    assert_eq!(warnings, [expected], "a path hides nothing");
}

#[test]
fn an_output_that_is_there_is_said_to_be_written_over_and_none_is_compressed() {
    let folder = Folder::with_reward("[verifiers.a]\nplugin = 'format'\n").file("in.jsonl", "");
    let folder = folder.file("out.jsonl", "of an earlier run\n").file("empty.jsonl", "");
    let score = |output: &str| {
        let run = folder.run(&["score", "-r", "reward.toml", "in.jsonl", "-o", output]);
        (run.status.code(), String::from_utf8(run.stderr).unwrap())
    };
    let (code, said) = score("out.jsonl");
    assert!(said.starts_with("out.jsonl is there already, and is written over\n"), "{said}");
    assert_eq!((code, folder.read("out.jsonl").as_str()), (Some(0), ""));
    for fresh in ["new.jsonl", "empty.jsonl"] {
        assert!(!score(fresh).1.contains("written over"), "{fresh}");
    }
    let (code, said) = score("out.jsonl.bz2");
    let expected = "error: out.jsonl.bz2 would not be compressed, as its name says: write to a name without `.bz2`, and compress \
                    that by `bzip2`\n";
    assert_eq!((code, said.as_str()), (Some(1), expected));
    assert!(!folder.path("out.jsonl.bz2").exists());
}
