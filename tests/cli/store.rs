//! `gavel plugin add`, `list`, `remove`, `push` and `pull`: plugins between people.

use std::fs;

use gavel_reward::FirstParty;

use crate::gavel::Folder;

const REWARD: &str = "[verifiers.a]\nplugin = 'mine'\noptions = { kind = 'repetition', ngram_size = 3, max_penalty = -0.1 }\n[reward]\nformula = 'a'\n";

const ROW: &str = "{\"prompt\": \"\", \"completion\": \"a b\"}\n";

/// A folder with a plugin called `mine`, which is `length` under another name.
fn with_plugin() -> Folder {
    let manifest = "manifest_version = 1\n[plugin]\nname = 'mine'\nversion = '0.1.0'\nentry = 'built/length.wasm'\n\
                    [build]\nlanguage = 'rust'\nsource = 'src/lib.rs'\n[limits]\nfuel = 10_000_000\n";
    Folder::with_reward(REWARD)
        .file("author/gavel.toml", manifest)
        .file("author/built/length.wasm", FirstParty::named("length").unwrap().wasm)
}

#[test]
fn a_plugin_that_was_added_is_found_by_every_command() {
    let folder = with_plugin();
    insta::assert_snapshot!(folder.shown(&["plugin", "add", "author"]));
    let manifest = folder.read("data/gavel/plugins/mine/gavel.toml");
    assert!(manifest.contains("entry = \"mine.wasm\"") && !manifest.contains("[build]"), "{manifest}");
    assert!(manifest.contains("fuel = 10_000_000"), "{manifest}");
    let scored = folder.run_with_input(&["score", "--reward", "reward.toml"], ROW);
    assert_eq!(scored.status.code(), Some(0), "{}", String::from_utf8_lossy(&scored.stderr));
    let list = folder.shown(&["plugin", "list"]);
    assert!(list.contains("locked      [FOLDER]/author"), "{list}");
}

#[test]
fn a_file_that_is_not_the_one_that_was_added_is_not_loaded() {
    let folder = with_plugin();
    assert!(folder.run(&["plugin", "add", "author"]).status.success());
    let other = FirstParty::named("format").unwrap().wasm;
    fs::write(folder.path("data/gavel/plugins/mine/mine.wasm"), other).unwrap();
    insta::assert_snapshot!(folder.shown_with_input(&["score", "--reward", "reward.toml"], ROW));
    let list = folder.shown(&["plugin", "list"]);
    assert!(list.contains("changed     [FOLDER]/author"), "{list}");
}

#[test]
fn another_plugin_of_the_same_name_takes_its_place_only_by_force() {
    let folder = with_plugin();
    assert!(folder.run(&["plugin", "add", "author"]).status.success());
    let other = FirstParty::named("format").unwrap().wasm;
    let folder = folder.file("author/built/length.wasm", other);
    let refused = folder.run(&["plugin", "add", "author"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force replaces it"));
    assert!(folder.run(&["plugin", "add", "author", "--force"]).status.success());
    assert_eq!(fs::read(folder.path("data/gavel/plugins/mine/mine.wasm")).unwrap(), other);
}

#[test]
fn what_is_no_plugin_is_not_added() {
    let folder = Folder::new().file("x.wasm", "not WebAssembly");
    insta::assert_snapshot!(
        [folder.shown(&["plugin", "add", "x.wasm"]), folder.shown(&["plugin", "add", "absent"])].join("\n")
    );
    assert!(!folder.path("data").exists());
}

#[test]
fn remove_takes_away_what_add_has_put_there() {
    let folder = with_plugin();
    assert!(folder.run(&["plugin", "add", "author", "--plugin-path", "rewards"]).status.success());
    assert!(folder.path("rewards/mine/mine.wasm").is_file());
    let folder = folder.file("rewards/mine/notes.txt", "somebody else's");
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "remove", "mime", "--plugin-path", "rewards"]),
            folder.shown(&["plugin", "remove", "mine", "--plugin-path", "rewards"]),
        ]
        .join("\n")
    );
    assert!(!folder.path("rewards/mine/mine.wasm").exists());
    assert!(folder.path("rewards/mine/notes.txt").is_file());
}

#[test]
fn list_as_json_says_the_same() {
    let folder = with_plugin();
    assert!(folder.run(&["plugin", "add", "author"]).status.success());
    let output = folder.run(&["plugin", "list", "--json"]);
    let plugins: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plugins[0]["name"], "mine");
    assert_eq!(plugins[0]["state"], "locked");
    let embedded = |plugin: &&serde_json::Value| plugin["state"] == "embedded";
    let count = plugins.as_array().unwrap().iter().filter(embedded).count();
    assert_eq!(count, FirstParty::names().len());
}

#[test]
fn an_address_that_is_none_is_refused() {
    let folder = with_plugin();
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "push", "mine:0.1.0", "author/built/length.wasm"]),
            folder.shown(&["plugin", "pull", "127.0.0.1:1/somebody/mine:0.1.0"]),
        ]
        .join("\n")
    );
}
