//! The commands of README and docs, run as they are printed: a block of the language `console` has commands behind `$ ` and
//! what they write. Where a tool that a block uses is not on this machine, the block is skipped, and said to be.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gavel_verify::Status;

use crate::gavel::{Folder, GAVEL, repository, without_measurements};

/// The pages whose blocks are run. `examples/add-a-reward` builds a plugin, and has a test of its own.
fn pages() -> Vec<PathBuf> {
    let folders =
        ["docs", "docs/integrations"].map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    let docs = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.push(repository().join("README.md"));
    pages.sort();
    pages
}

/// The sessions of a page.
fn sessions(page: &str) -> Vec<&str> {
    page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Something that a command needs and a machine may lack.
fn lacks(session: &str) -> Option<&'static str> {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let python = repository().join("plugins/interpreters/python/python.wasm");
    if session.contains("| jq") && !has("jq") {
        Some("jq")
    } else if session.contains("plugins/interpreters") && !python.exists() {
        Some("the interpreters, which `cargo xtask plugins` builds")
    } else {
        None
    }
}

/// Runs the commands of a session in one shell, in the repository, and shows it as the page does.
fn run(session: &str) -> String {
    let mut script = String::new();
    for command in session.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let quoted = command.replace('\'', "'\\''");
        // What goes to stderr is shown behind what goes to stdout, whichever of two programs is quicker.
        script.push_str(&format!(
            "printf '%s\\n' '$ {quoted}'\n{{ {command}\n}} 2>\"$ERRORS\"; cat \"$ERRORS\"\n"
        ));
    }
    let errors = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(repository())
        .env("ERRORS", errors.path())
        .env("PATH", with_gavel())
        .env("GAVEL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache"))
        .env("XDG_DATA_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-plugins"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// `PATH` with the gavel under test at its beginning.
fn with_gavel() -> OsString {
    let binaries = Path::new(GAVEL).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    std::env::join_paths([binaries].into_iter().chain(std::env::split_paths(&others))).unwrap()
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn every_session_goes_as_it_is_printed() {
    let mut count = 0;
    for path in pages() {
        for session in sessions(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            if let Some(what) = lacks(session) {
                println!("skipped: a session of {}, which needs {what}", path.display());
                continue;
            }
            // A blank line parts commands for the eye.
            let shown = session.replace("\n\n$ ", "\n$ ");
            assert_eq!(
                without_measurements(&run(session)),
                without_measurements(&shown),
                "{}",
                path.display()
            );
        }
    }
    assert!(count >= 4, "the pages have lost their sessions");
}

#[test]
fn every_status_is_on_the_page() {
    let page = fs::read_to_string(repository().join("docs/score.md")).unwrap();
    for status in Status::ALL {
        assert!(page.contains(&format!("\n| `{status}` | ")), "{status}");
    }
    for kind in ["dropped", "missing-metric", "not-finite", "host-failed", gavel_wire::BAD_LINE] {
        assert!(page.contains(&format!("\n| `{kind}` | ")), "{kind}");
    }
}

/// What `gavel docs` calls a page.
fn name_of(page: &Path) -> String {
    let within = page.strip_prefix(repository().join("docs")).unwrap().with_extension("");
    within.to_str().unwrap().to_owned()
}

/// Every page of `docs/` is named on the first one, which the README names on its first screen.
#[test]
fn the_index_has_every_page() {
    let index = fs::read_to_string(repository().join("docs/README.md")).unwrap();
    for page in pages() {
        if page.ends_with("README.md") {
            continue;
        }
        let name = format!("{}.md", name_of(&page));
        assert!(index.contains(&format!("]({name})")), "{name}");
    }
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let place = readme.lines().position(|line| line.contains("(docs/README.md)")).unwrap();
    assert!(place < 25, "line {place}");
}

/// Whoever has the binary has the pages, each as it is.
#[test]
fn gavel_shows_every_page() {
    let listed = String::from_utf8(Folder::new().run(&["docs"]).stdout).unwrap();
    for path in pages().iter().filter(|path| !path.ends_with("README.md")) {
        let name = &*name_of(path);
        assert!(listed.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
        let shown = String::from_utf8(Folder::new().run(&["docs", name]).stdout).unwrap();
        assert_eq!(shown, fs::read_to_string(path).unwrap(), "{name}");
    }
    insta::assert_snapshot!(Folder::new().shown(&["docs", "trian"]));
}

/// Likewise those of the languages.
#[test]
fn gavel_shows_the_page_of_every_sdk() {
    let sdk = repository().join("sdk");
    let folders = fs::read_dir(&sdk).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    for page in folders.map(|folder| folder.join("README.md")).filter(|page| page.exists()) {
        let name = page.parent().unwrap().strip_prefix(repository()).unwrap().display().to_string();
        let shown = String::from_utf8(Folder::new().run(&["docs", &name]).stdout).unwrap();
        assert_eq!(shown, fs::read_to_string(&page).unwrap(), "{name}");
        count += 1;
    }
    assert!(count >= 10, "{count} languages");
}

/// The Python of `docs/own-loop.md`, with a reward file and rows as a trainer would have them.
#[test]
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn the_loop_of_the_page_gets_its_rewards() {
    let page = fs::read_to_string(repository().join("docs/own-loop.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [loop_, trl, verl] = blocks[..] else { panic!("three blocks") };
    let use_it = r#"
print(judge([{"prompt": "", "completion": "\\boxed{2}", "reference": "2"}, {"no": "submission"}]))
print(gavel_reward(["", ""], ["\\boxed{2}", "\\boxed{3}"], reference=["2", "2"], trainer_state=None))
print(compute_score("gsm8k", "\\boxed{2}", 2, {"split": "train"}))
print(compute_score("else", "\\boxed{2}", 2, {"split": "train"}))
try:
    compute_score("gsm8k", "\\boxed{2}", None, {"split": "train"})
except ValueError as error:
    print(error)
judge = Gavel("reward.toml", "--reference-column", "answer")
columns = {"answer": ["2", "2"], "data_source": ["gsm8k"] * 2, "extra_info": [{"split": "train"}] * 2}
print(gavel_reward(["", ""], ["\\boxed{2}", "\\boxed{3}"], **columns))
many = Gavel("reward.toml")
print(sum(many([{"prompt": "", "completion": "x y " * 2000 + "\\boxed{2}", "reference": "2"}] * 300)))
asked = Gavel("reward.toml")
row = {"prompt": "", "completion": "\\boxed{2}", "reference": "2"}
try:
    asked([row, {**row, "image": object()}])
except AttributeError:
    print(asked([{**row, "completion": "\\boxed{3}"}]))
wrong = Gavel("no-such-file.toml")
for _ in range(2):
    try:
        wrong([{"prompt": "", "completion": ""}])
    except RuntimeError as error:
        print(error)
"#;
    let reward = "[verifiers.accuracy]\nplugin = 'math'\n[verifiers.other]\nplugin = 'math'\n\
                  when = \"task.extra_info.split == 'train'\"\n[route]\nby = 'data_source'\ndefault = 'accuracy'\n\
                  [route.to]\nelse = 'other'\n[reward]\nformula = 'accuracy + 0.5 * other'\n";
    let folder = Folder::with_reward(reward).file("loop.py", [loop_, trl, verl, use_it].concat());
    let template = folder.gavel(&[]);
    let mut python = Command::new("python3");
    python.arg("loop.py").current_dir(folder.path(".")).env("PATH", with_gavel());
    python.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(output) = python.output() else {
        println!("skipped: there is no python3");
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let expected = "[1.0, None]\n[1.0, 0.0]\n1.0\n0.5\n\
                    a completion has no reward: say with `on_failure` in the reward file what it is worth\n\
                    [1.0, 0.0]\n\
                    300.0\n\
                    [0.0]\n\
                    gavel has ended with exit code 1; what it wrote to stderr says why\n\
                    gavel has ended with exit code 1; what it wrote to stderr says why\n";
    assert_eq!(said, expected, "{errors}");
    assert!(
        errors.contains("UserWarning: no reward: {'kind': 'dropped', 'verifier': 'accuracy'} accuracy: "),
        "{errors}"
    );
}
