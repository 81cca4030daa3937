//! `gavel plugin push`, `pull` and `add` with a real registry.

use std::fs;
use std::process::Output;

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
fn what_a_lock_names_is_installed_from_where_it_came() {
    let Some(server) = Server::start() else { return };
    let folder = folder();
    let tag = server.at("somebody/always:0.1.0");
    ok(folder.run(&["plugin", "push", &tag, "made/always.wasm"]));
    ok(folder.run(&["plugin", "add", &tag, "--plugin-path", "kept"]));
    fs::copy(folder.path("made/always.wasm"), folder.path("made/other.wasm")).unwrap();
    ok(folder.run(&["plugin", "add", "made/other.wasm", "--plugin-path", "kept"]));
    let install = |more: &[&str]| {
        let output =
            folder.run(&[&["plugin", "install", "--locked", "--plugin-path", "kept"], more].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = install(&[]);
    assert!(status == Some(0) && said.contains("always ") && said.contains(" is there"), "{said}");
    let lock = folder.read("kept/gavel.lock");
    // As somebody has it who has checked out nothing but the lock.
    for name in ["always", "other"] {
        fs::remove_dir_all(folder.path(&format!("kept/{name}"))).unwrap();
    }
    let (status, said) = install(&[]);
    assert!(status == Some(0) && said.contains("other ") && said.contains(" installed, in kept"), "{said}");
    assert_eq!(folder.read("kept/gavel.lock"), lock);
    ok(folder.run_with_input(&["score", "-r", "reward.toml", "--plugin-path", "kept"], LINE));
    // What is changed stays, unless it is to be written over.
    fs::write(folder.path("kept/always/always.wasm"), always(4)).unwrap();
    let (status, said) = install(&[]);
    assert!(status == Some(1) && said.contains("`plugins.always`: ") && said.contains("--force"), "{said}");
    assert_eq!(install(&["--force"]).0, Some(0));
    assert_eq!(fs::read(folder.path("kept/always/always.wasm")).unwrap(), always(3));
    // What its source gives now is another plugin.
    fs::write(folder.path("made/other.wasm"), always(5)).unwrap();
    fs::remove_dir_all(folder.path("kept/other")).unwrap();
    let (status, said) = install(&[]);
    assert!(status == Some(1) && said.contains("kept/gavel.lock: `plugins.other`: `digest` is "), "{said}");
    assert!(!folder.path("kept/other").exists() && folder.read("kept/gavel.lock") == lock);
    let (status, said) = {
        let output = folder.run(&["plugin", "install", "--locked", "--plugin-path", "empty"]);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(status == Some(1) && said.contains("no lock names a plugin (empty/gavel.lock)"), "{said}");
}

#[test]
fn the_same_plugin_has_the_same_digest_and_is_not_pulled_over_another_file() {
    let Some(server) = Server::start() else { return };
    let folder = folder().file("mine.wasm", "somebody's");
    let push = |tag: &str| ok(folder.run(&["plugin", "push", &server.at(tag), "made/always.wasm"]));
    let digest = |address: String| address.rsplit_once('@').unwrap().1.to_owned();
    assert_eq!(digest(push("somebody/always:1")), digest(push("somebody/always:2")));
    let tag = server.at("somebody/always:1");
    let refused = folder.run(&["plugin", "pull", &tag, "-o", "mine.wasm"]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && error.contains("mine.wasm is there"), "{error}");
    assert_eq!(folder.read("mine.wasm"), "somebody's");
    ok(folder.run(&["plugin", "pull", &tag, "-o", "mine.wasm", "--force"]));
    ok(folder.run(&["plugin", "pull", &tag, "-o", "mine.wasm"]));
    assert_eq!(fs::read(folder.path("mine.wasm")).unwrap(), always(3));
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
