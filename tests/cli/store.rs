//! `gavel plugin add`, `list`, `remove`, `push` and `pull`: plugins between people.

use std::fs;

use gavel_plugins::FirstParty;

use crate::gavel::Folder;
use crate::reload::always;

const REWARD: &str = "[verifiers.a]\nplugin = 'mine'\noptions = { kind = 'repetition', ngram_size = 3, max_penalty = -0.1 }\n[reward]\nformula = 'a'\n";

const ROW: &str = "{\"prompt\": \"\", \"completion\": \"a b\"}\n";

/// A folder with a plugin called `mine`.
fn with_plugin() -> Folder {
    let manifest = "manifest_version = 1\n[plugin]\nname = 'mine'\nversion = '0.1.0'\nentry = 'built/plugin.wasm'\n\
                    [build]\nlanguage = 'rust'\nsource = 'src/lib.rs'\n[limits]\nfuel = 10_000_000\n";
    Folder::with_reward(REWARD)
        .file("author/src/lib.rs", "")
        .file("author/gavel.toml", manifest)
        .file("author/built/plugin.wasm", always(1))
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
    let other = always(2);
    let folder = folder.file("author/built/plugin.wasm", &other);
    let refused = folder.run(&["plugin", "add", "author"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force replaces it"));
    assert!(folder.run(&["plugin", "add", "author", "--force"]).status.success());
    assert_eq!(fs::read(folder.path("data/gavel/plugins/mine/mine.wasm")).unwrap(), other);
}

/// What the manifest says is built is older than the manifest, so that it has to be built again.
fn touch(folder: &Folder, file: &str) {
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    fs::File::options().append(true).open(folder.path(file)).unwrap().set_modified(later).unwrap();
}

/// There is no source, so that building says so at once.
#[test]
fn what_is_older_than_its_sources_is_built_before_it_is_added() {
    let folder = with_plugin();
    fs::remove_dir_all(folder.path("author/src")).unwrap();
    touch(&folder, "author/gavel.toml");
    let manifest = folder.read("author/gavel.toml").replace("built/plugin.wasm", "plugin.wasm");
    let folder = folder.file("flat/plugin.wasm", always(1)).file("flat/gavel.toml", manifest);
    touch(&folder, "flat/gavel.toml");
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "add", "author"]),
            folder.shown(&["plugin", "push", "localhost:1/a/b:1", "author"]),
            folder.shown(&["plugin", "add", "flat/plugin.wasm"]),
        ]
        .join("\n")
    );
}

#[test]
fn a_plugin_that_calls_itself_otherwise_is_neither_added_nor_pushed() {
    let folder = with_plugin().file("author/built/plugin.wasm", FirstParty::named("length").unwrap().wasm);
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "add", "author"]),
            folder.shown(&["plugin", "push", "localhost:1/a/b:1", "author"]),
        ]
        .join("\n")
    );
    assert!(!folder.path("data").exists());
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
fn a_name_that_is_nearly_right_is_told_the_right_one() {
    let folder = with_plugin();
    let removed = folder.shown(&["plugin", "remove", "mth"]);
    assert!(removed.contains("no plugin called `mth` has been added (did you mean `math`?)"), "{removed}");
    let embedded = folder.shown(&["plugin", "remove", "math"]);
    assert!(embedded.contains("`math` comes with gavel"), "{embedded}");
}

/// What changes after a plugin has been added, and what scoring says then.
fn after(harm: impl FnOnce(&Folder)) -> String {
    let folder = with_plugin();
    assert!(folder.run(&["plugin", "add", "author"]).status.success());
    harm(&folder);
    folder.shown_with_input(&["score", "--reward", "reward.toml"], ROW)
}

#[test]
fn what_is_used_is_what_the_lock_says() {
    let plugins = |folder: &Folder, name: &str| folder.path("data/gavel/plugins").join(name);
    let beside =
        |folder: &Folder| drop(fs::copy(plugins(folder, "mine/mine.wasm"), plugins(folder, "mine.wasm")));
    let edited = |from: &'static str, to: &'static str| {
        move |folder: &Folder| {
            let manifest = plugins(folder, "mine/gavel.toml");
            let text = fs::read_to_string(&manifest).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(manifest, text.replace(from, to)).unwrap();
        }
    };
    insta::assert_snapshot!(
        [
            after(beside),
            after(edited("fuel = 10_000_000", "fuel = 9_000_000_000")),
            after(edited("entry = \"mine.wasm\"", "entry = \"x/../mine.wasm\"")),
            after(|folder| fs::remove_file(plugins(folder, "mine/gavel.toml")).unwrap()),
            after(|folder| fs::remove_file(plugins(folder, "mine/mine.wasm")).unwrap()),
        ]
        .join("\n")
    );
}

#[test]
fn a_lock_of_before_is_read_and_says_how_to_renew_it() {
    let folder = with_plugin();
    assert!(folder.run(&["plugin", "add", "author"]).status.success());
    let lock = folder.path("data/gavel/plugins/gavel.lock");
    let text = fs::read_to_string(&lock).unwrap();
    let old: String = text
        .lines()
        .filter(|line| !line.starts_with("manifest_digest"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(old, text);
    fs::write(&lock, old).unwrap();
    let scored = folder.run_with_input(&["score", "--reward", "reward.toml"], ROW);
    assert_eq!(scored.status.code(), Some(0));
    let said = String::from_utf8_lossy(&scored.stderr);
    assert!(said.contains("has no `manifest_digest`") && said.contains("`gavel plugin add "), "{said}");
    assert!(folder.shown(&["plugin", "list"]).contains("old lock"));
    assert!(folder.run(&["plugin", "add", "author"]).status.success());
    assert_eq!(fs::read_to_string(&lock).unwrap(), text, "renewed");
}

#[test]
fn sources_are_neither_written_over_nor_removed() {
    let build = "manifest_version = 1\n[plugin]\nname = 'mine'\nversion = '0.1.0'\nentry = 'built/plugin.wasm'\n\
                 [build]\nlanguage = 'rust'\nsource = 'src/lib.rs'\n";
    let folder = with_plugin().file("plugins/mine/src/lib.rs", "").file("plugins/mine/gavel.toml", build);
    let folder = folder.file("plugins/mine/built/plugin.wasm", always(1));
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "add", "plugins/mine", "--plugin-path", "plugins"]),
            folder.shown(&["plugin", "add", "plugins/mine", "--plugin-path", "plugins", "--force"]),
            folder.shown(&["plugin", "remove", "mine", "--plugin-path", "plugins"]),
        ]
        .join("\n")
    );
    assert_eq!(folder.read("plugins/mine/gavel.toml"), build);
    assert!(!folder.path("plugins/mine/mine.wasm").exists());
}

#[test]
fn what_was_changed_is_neither_removed_nor_lost() {
    let folder = with_plugin();
    assert!(folder.run(&["plugin", "add", "author"]).status.success());
    let manifest = folder.path("data/gavel/plugins/mine/gavel.toml");
    let edited = fs::read_to_string(&manifest).unwrap() + "# mine now\n";
    fs::write(&manifest, &edited).unwrap();
    insta::assert_snapshot!(
        [folder.shown(&["plugin", "remove", "mine"]), folder.shown(&["plugin", "add", "author"])].join("\n")
    );
    assert_eq!(fs::read_to_string(&manifest).unwrap(), edited);
    let forced = folder.shown(&["plugin", "add", "author", "--force"]);
    assert!(
        forced.contains("put back")
            && forced.contains("replaced [FOLDER]/data/gavel/plugins/mine/gavel.toml")
    );
}

#[test]
fn a_lock_that_leads_elsewhere_is_refused() {
    let lock = format!(
        "version = 1\n[plugins.mine]\nversion = '1'\nfile = '../victim.txt'\ndigest = 'sha256:{}'\nsource = ''\n",
        "0".repeat(64)
    );
    let folder = with_plugin().file("plugins/gavel.lock", lock).file("victim.txt", "years of work");
    insta::assert_snapshot!(folder.shown(&["plugin", "remove", "mine", "--plugin-path", "plugins"]));
    assert_eq!(folder.read("victim.txt"), "years of work");
}

#[test]
fn one_broken_plugin_does_not_hide_the_others() {
    let folder =
        with_plugin().file("plugins/broken/gavel.toml", "nonsense").file("plugins/good.wasm", "\0asm");
    let list = folder.shown(&["plugin", "list", "--plugin-path", "plugins"]);
    assert!(list.contains("exit code 0") && list.contains("not locked  plugins/good.wasm"), "{list}");
    assert!(list.contains("broken      plugins/broken/gavel.toml:1:"), "{list}");
    let json = folder.run(&["plugin", "list", "--plugin-path", "plugins", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json[0]["state"], json[0]["problem"].is_string()), (&"broken".into(), true));
}

#[test]
fn a_wish_is_shown_before_anybody_grants_it() {
    let manifest = "manifest_version = 1\n[plugin]\nname = 'mine'\nversion = '0.1.0'\nentry = 'built/plugin.wasm'\n\
                    [limits]\ntimeout = '1000h'\nmemory = '64GiB'\n";
    let folder = with_plugin().file("author/gavel.toml", manifest);
    for args in [["plugin", "add", "author"], ["plugin", "inspect", "author"]] {
        let shown = folder.shown(&args);
        assert!(
            shown.contains("memory = \"64GiB\", and gets \"256MiB\"") && shown.contains(", and gets \"10s\""),
            "{shown}"
        );
        assert!(shown.contains("only `limits` in a reward file grants more"), "{shown}");
    }
}

/// A command that says `description` of itself.
fn saying(description: &serde_json::Value) -> Vec<u8> {
    let text = serde_json::json!({ "description": description, "reward": 1 }).to_string();
    let bytes = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    let length = u32::try_from(text.len()).unwrap();
    wat::parse_str(format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 8)
             (data (i32.const 16) "{}")
             (data (i32.const 0) "\10\00\00\00{}")
             (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
        bytes(text.as_bytes()),
        bytes(&length.to_le_bytes()),
    ))
    .unwrap()
}

/// Whether a terminal would take something of this as a command, or be filled by a single name.
fn is_harmless(said: &str) -> bool {
    let command =
        |letter: char| letter != '\n' && letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter);
    !said.contains(command) && said.len() < 20_000
}

const HOSTILE: &str = "1\u{1b}[2J\u{9b}31m\u{202e}\nerror: forged";

#[test]
fn nothing_of_a_plugin_is_a_command_to_the_terminal() {
    let long = "x".repeat(90_000);
    let manifest = |version: &str| {
        format!(
            "manifest_version = 1\n[plugin]\nname = 'mine'\nversion = {}\nentry = 'built/mine.wasm'\n",
            serde_json::to_string(version).unwrap().replace('\u{9b}', "\\u009b")
        )
    };
    let cases = format!(
        "{}\n{}\n",
        serde_json::json!({ "name": HOSTILE, "completion": "", "expect": { "reward": 0, "metrics": { HOSTILE: 1 } } }),
        serde_json::json!({ "name": "without", "completion": "" }),
    );
    for version in [HOSTILE, &long] {
        let description = serde_json::json!({
            "name": version, "version": version, "summary": "s", "options": {}, "metrics": [],
        });
        let folder = with_plugin()
            .file("author/gavel.toml", manifest(version))
            .file("author/built/mine.wasm", saying(&description))
            .file("author/cases.jsonl", &cases)
            .file(
                "said.wasm",
                saying(&serde_json::json!({ "name": "said", "version": version, "summary": "s" })),
            );
        for args in [
            &["plugin", "add", "author"][..],
            &["plugin", "add", "said.wasm"],
            &["plugin", "list"],
            &["plugin", "list", "--json"],
            &["plugin", "inspect", "author"],
            &["plugin", "test", "author", "-v"],
            &["plugin", "bench", "author", "--seconds", "0.01"],
        ] {
            let shown = folder.shown(args);
            let is_json = args.contains(&"--json");
            assert!(is_harmless(&shown) || is_json && shown.len() > 20_000, "{args:?}: {shown:?}");
            assert!(!shown.contains("\nerror: forged"), "{args:?}: {shown:?}");
        }
    }
}

#[test]
fn the_name_of_an_import_is_not_a_command_to_the_terminal() {
    for name in [HOSTILE, &"x".repeat(90_000)] {
        let bytes: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let module = format!(
            r#"(module (import "wasi_snapshot_preview1" "{bytes}" (func)) (func (export "_start")))"#
        );
        let folder = Folder::new().file("x.wasm", wat::parse_str(module).unwrap());
        for args in [["plugin", "inspect", "x.wasm"], ["plugin", "add", "x.wasm"]] {
            let shown = folder.shown(&args);
            assert!(shown.contains("exit code 1") && is_harmless(&shown), "{shown:?}");
            assert!(!shown.contains("\nerror: forged"), "{shown:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_named_at_once() {
    let folder = with_plugin();
    std::os::unix::fs::symlink("/dev/zero", folder.path("zero.wasm")).unwrap();
    let sparse = fs::File::create(folder.path("sparse.wasm")).unwrap();
    sparse.set_len(2 << 30).unwrap();
    let large = fs::File::create(folder.path("large.wasm")).unwrap();
    std::io::Write::write_all(&mut &large, b"\0asm\x01\0\0\0").unwrap();
    large.set_len(2 << 30).unwrap();
    fs::create_dir(folder.path("piped")).unwrap();
    let pipe = folder.path("piped/gavel.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink(&pipe, folder.path("author/cases.jsonl")).unwrap();
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "inspect", "zero.wasm"]),
            folder.shown(&["plugin", "inspect", "sparse.wasm"]),
            folder.shown(&["plugin", "inspect", "large.wasm"]),
            folder.shown(&["plugin", "inspect", "piped"]),
            folder.shown(&["plugin", "add", "piped"]),
            folder.shown(&["plugin", "build", "piped"]),
            folder.shown(&["plugin", "test", "author"]),
            folder.shown(&["score", "--reward", "piped/gavel.toml"]),
        ]
        .join("\n")
    );
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
            folder.shown(&["plugin", "push", "mine:0.1.0", "author/built/plugin.wasm"]),
            folder.shown(&["plugin", "pull", "127.0.0.1:1/somebody/mine:0.1.0"]),
        ]
        .join("\n")
    );
}

#[test]
fn a_plugin_with_the_name_of_gavels_own_is_added_with_a_word() {
    let manifest =
        "manifest_version = 1\n[plugin]\nname = 'length'\nversion = '0.1.0'\nentry = 'length.wasm'\n";
    let folder = Folder::new()
        .file("length/gavel.toml", manifest)
        .file("length/length.wasm", FirstParty::named("length").unwrap().wasm);
    let added = folder.shown(&["plugin", "add", "length"]);
    assert!(
        added.contains("`length` comes with gavel, and from now on reward files find this one"),
        "{added}"
    );
}
