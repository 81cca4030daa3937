//! `gavel plugin add`, `list`, `remove`, `push` and `pull`: plugins on a path of one's own, and in a real registry.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::gavel::Folder;
use crate::registry::{PASSWORD, Server, USER};
use crate::reload::always;

const REWARD: &str = "[verifiers.a]\nplugin = 'always'\n";
const LINE: &str = "{\"prompt\": \"\", \"completion\": \"\"}\n";

/// A folder with a plugin whose verdict is 3, and a reward file that asks for it by name.
fn folder() -> Folder {
    Folder::with_reward(REWARD).file("made/always.wasm", always(3))
}

fn ok(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// What the reward file comes to, or why it is refused.
fn scored(folder: &Folder) -> Result<Value, String> {
    let output = folder.run_with_input(&["score", "-r", "reward.toml"], LINE);
    if output.status.success() {
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        return Ok(line["reward"].clone());
    }
    Err(String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_is_added_is_found_by_name_until_it_is_removed() {
    let folder = folder();
    assert!(scored(&folder).unwrap_err().contains("always"));
    let added = ok(folder.run(&["plugin", "add", "made/always.wasm"]));
    assert!(added.starts_with("always sha256:"), "{added}");
    assert_eq!(scored(&folder), Ok(3.0.into()));
    ok(folder.run(&["plugin", "remove", "always"]));
    assert!(scored(&folder).unwrap_err().contains("always"));
}

#[test]
fn a_file_that_is_not_what_was_added_is_not_loaded() {
    let folder = folder();
    ok(folder.run(&["plugin", "add", "made/always.wasm", "--plugin-path", "kept"]));
    let file = folder.path("kept/always/always.wasm");
    fs::write(&file, always(4)).unwrap();
    let score = ["score", "-r", "reward.toml", "--plugin-path", "kept"];
    let output = folder.run_with_input(&score, LINE);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    for said in ["always.wasm", "gavel.lock", "sha256:", "gavel plugin add"] {
        assert!(error.contains(said), "{said}: {error}");
    }
    let listed = ok(folder.run(&["plugin", "list", "--json", "--plugin-path", "kept"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&"always".into(), &"changed".into()));
    // Put back, it is loaded again.
    fs::write(&file, always(3)).unwrap();
    ok(folder.run_with_input(&score, LINE));
}

#[test]
fn another_plugin_of_the_same_name_takes_force() {
    let folder = folder().file("other/always.wasm", always(4));
    ok(folder.run(&["plugin", "add", "made/always.wasm"]));
    ok(folder.run(&["plugin", "add", "made/always.wasm"]));
    let refused = folder.run(&["plugin", "add", "other/always.wasm"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--force"));
    assert_eq!(scored(&folder), Ok(3.0.into()));
    ok(folder.run(&["plugin", "add", "--force", "other/always.wasm"]));
    assert_eq!(scored(&folder), Ok(4.0.into()));
}

#[test]
fn what_is_no_plugin_is_not_added() {
    let folder = folder().file("text.wasm", "no WebAssembly");
    let output = folder.run(&["plugin", "add", "text.wasm", "--plugin-path", "kept"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!folder.path("kept").exists());
}

#[test]
fn remove_takes_only_what_was_added() {
    let folder = folder();
    ok(folder.run(&["plugin", "add", "made/always.wasm", "--plugin-path", "kept"]));
    fs::write(folder.path("kept/always/notes.txt"), "mine").unwrap();
    insta::assert_snapshot!(folder.shown(&["plugin", "remove", "alwys", "--plugin-path", "kept"]));
    ok(folder.run(&["plugin", "remove", "always", "--plugin-path", "kept"]));
    assert_eq!(folder.read("kept/always/notes.txt"), "mine");
    assert!(!folder.path("kept/always/always.wasm").exists());
}

#[test]
fn list_shows_what_is_added_and_what_is_embedded() {
    let folder = folder();
    ok(folder.run(&["plugin", "add", "made/always.wasm"]));
    let listed: Value = serde_json::from_str(&ok(folder.run(&["plugin", "list", "--json"]))).unwrap();
    let state = |name: &str| {
        let row = listed.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        row["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((state("always"), state("countdown")), ("locked".to_owned(), "embedded".to_owned()));
    let table = ok(folder.run(&["plugin", "list"]));
    assert!(table.starts_with("name") && table.contains("always") && table.contains("countdown"), "{table}");
}

#[test]
fn a_plugin_goes_to_a_registry_and_comes_back() {
    let Some(server) = Server::start() else { return };
    let manifest = "manifest_version = 1\n\n[plugin]\nname = \"always\"\nversion = \"0.2.0\"\nentry = \
                    \"always.wasm\"\n\n[limits]\nmemory = \"48 MiB\"\n";
    let folder = folder().file("made/gavel.toml", manifest);
    let tag = server.at("somebody/always:0.2.0");
    let by_digest = ok(folder.run(&["plugin", "push", &tag, "made"]));
    let by_digest = by_digest.trim();
    assert!(by_digest.contains("/somebody/always@sha256:"), "{by_digest}");
    for (address, file) in [(tag.as_str(), "tag.wasm"), (by_digest, "digest.wasm")] {
        ok(folder.run(&["plugin", "pull", address, "-o", file]));
        assert_eq!(fs::read(folder.path(file)).unwrap(), always(3), "{address}");
    }
    ok(folder.run(&["plugin", "add", &tag, "--plugin-path", "kept"]));
    let (lock, kept) = (folder.read("kept/gavel.lock"), folder.read("kept/always/gavel.toml"));
    assert!(lock.contains(by_digest) && lock.contains("0.2.0"), "{lock}");
    assert!(kept.contains("memory = \"48 MiB\""), "{kept}");
    ok(folder.run_with_input(&["score", "-r", "reward.toml", "--plugin-path", "kept"], LINE));
}

#[test]
fn a_tag_that_is_not_there() {
    let Some(server) = Server::start() else { return };
    let address = server.at("somebody/always:9");
    let output = folder().run(&["plugin", "pull", &address]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&address), "{error}");
}

#[test]
fn the_login_is_that_of_docker() {
    let Some(server) = Server::start_locked() else { return };
    let folder = folder();
    let address = server.at("ali/always:0.1.0");
    let push = ["plugin", "push", &address, "made/always.wasm"];
    let refused = folder.gavel(&push).env("DOCKER_CONFIG", folder.path("docker")).output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains(&format!("docker login {}", server.host())), "{error}");
    // What `docker login` writes: base64 of USER:PASSWORD.
    assert_eq!((USER, PASSWORD), ("ali", "open sesame"));
    let config = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"YWxpOm9wZW4gc2VzYW1l\"}}}}}}", server.host());
    let folder = folder.file("docker/config.json", config);
    ok(folder.gavel(&push).env("DOCKER_CONFIG", folder.path("docker")).output().unwrap());
}
