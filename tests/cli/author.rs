//! What the author of a plugin sees: what it wrote, where it broke, which cases ran, and what is not blessed.

use gavel_cli::cases::INVALID_OPTIONS;
use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier};
use gavel_verify::Status;

use crate::gavel::Folder;

const MANIFEST: &str = "manifest_version = 1\n[plugin]\nname = 'talker'\nversion = '0.1.0'\nentry = 'talker.wasm'\n[limits]\nfuel = 1_000_000\n";

/// A command that writes `error` to stderr and `answer` to stdout, then does `end`.
fn talker(error: &str, answer: &str, end: &str) -> Vec<u8> {
    let quoted = |text: &str| text.bytes().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    let vector = |at: usize, text: &str| -> String {
        [at as u32, text.len() as u32]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .map(|b| format!("\\{b:02x}"))
            .collect()
    };
    let (first, second) = (64, 64 + error.len());
    wat::parse_str(format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 3)
             (data (i32.const 0) "{}{}")
             (data (i32.const {first}) "{}{}")
             (func $broken_here {end})
             (func (export "_start")
               (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
               (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))
               (call $broken_here)))"#,
        vector(first, error),
        vector(second, answer),
        quoted(error),
        quoted(answer),
    ))
    .unwrap()
}

const RIGHT: &str = r#"{"reward": 1}"#;

fn folder(wasm: Vec<u8>, cases: &[&str]) -> Folder {
    Folder::new()
        .file("talker/gavel.toml", MANIFEST)
        .file("talker/talker.wasm", wasm)
        .file("talker/cases.jsonl", cases.join("\n") + "\n")
}

const PASSES: &str = r#"{"name": "one", "completion": "a", "expect": {"reward": 1}}"#;
const FAILS: &str = r#"{"name": "two", "completion": "b", "expect": {"reward": 0}}"#;

#[test]
fn what_a_plugin_wrote_stands_below_a_case_that_fails() {
    let folder = folder(talker("looking at it\n\u{1b}[2Jsecond line\n", RIGHT, ""), &[PASSES, FAILS]);
    insta::assert_snapshot!(folder.shown(&["plugin", "test", "talker"]));
    let all = folder.run(&["plugin", "test", "talker", "-v"]);
    assert_eq!(String::from_utf8(all.stdout).unwrap().matches("looking at it").count(), 2);
}

#[test]
fn a_panic_has_its_message_and_the_authors_function() {
    let panic = "panicked at src/lib.rs:37:10:\nindex out of bounds: the len is 0 but the index is 3\n";
    insta::assert_snapshot!(
        folder(talker(panic, "", "unreachable"), &[PASSES]).shown(&["plugin", "test", "talker"])
    );
}

#[test]
fn a_limit_says_where_it_is_raised() {
    let folder = folder(talker("", "", "(loop $again (br $again))"), &[PASSES]);
    insta::assert_snapshot!(folder.shown(&["plugin", "test", "talker"]));
}

#[test]
fn a_recursion_without_end_is_said_to_be_one() {
    let folder = folder(talker("", "", "(call $broken_here)"), &[PASSES]);
    let shown = folder.shown(&["plugin", "test", "talker"]);
    let expected = "call stack exhausted: its functions call one another too deeply, which no limit raises; end the recursion \
                    sooner, or make a loop of it";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn an_answer_that_is_none_shows_what_came_in_its_place() {
    insta::assert_snapshot!(
        folder(talker("", "debug: 7", ""), &[PASSES]).shown(&["plugin", "test", "talker"])
    );
}

#[test]
fn much_is_cut_and_never_ends_the_plugin() {
    let folder = folder(talker(&"x".repeat(100_000), RIGHT, ""), &[PASSES, FAILS]);
    let output = folder.run(&["plugin", "test", "talker"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("1 of 2 cases passed\n") && said.len() < 2000, "{}", said.len());
    assert!(said.contains("bytes before these are lost: 64 KiB are kept)"), "{said}");
}

#[test]
fn cases_are_chosen_by_a_part_of_their_name() {
    let folder = folder(talker("", RIGHT, ""), &[PASSES, FAILS]);
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "test", "talker", "-k", "one", "-q"]),
            folder.shown(&["plugin", "test", "talker", "-k", "tow", "-q"]),
        ]
        .join("\n")
    );
}

#[test]
fn what_broke_is_not_blessed_by_the_way() {
    let folder = folder(talker("", "", "unreachable"), &[PASSES]);
    insta::assert_snapshot!(folder.shown(&["plugin", "test", "talker", "--bless"]));
    assert_eq!(folder.read("talker/cases.jsonl"), format!("{PASSES}\n"));
    assert!(folder.run(&["plugin", "test", "talker", "--bless-broken"]).status.success());
    let blessed = r#"{"name": "one", "completion": "a", "expect": {"status": "trap"}}"#;
    assert_eq!(folder.read("talker/cases.jsonl"), format!("{blessed}\n"));
}

/// A limit says how much there is of something, and not what the plugin thinks of a completion.
#[test]
fn what_ran_into_a_limit_is_not_blessed_by_the_way() {
    let folder = folder(talker("", "", "(loop $again (br $again))"), &[PASSES]);
    insta::assert_snapshot!(folder.shown(&["plugin", "test", "talker", "--bless"]));
    assert_eq!(folder.read("talker/cases.jsonl"), format!("{PASSES}\n"));
    assert!(folder.run(&["plugin", "test", "talker", "--bless-broken"]).status.success());
    assert!(folder.read("talker/cases.jsonl").contains(r#""expect": {"status": "out-of-fuel"}"#));
}

#[test]
fn a_plugin_that_calls_itself_otherwise_is_an_error() {
    let described =
        r#"{"description": {"name": "talker", "version": "9.9.9", "summary": "", "metrics": []}}"#;
    insta::assert_snapshot!(
        folder(talker("", described, ""), &[PASSES]).shown(&["plugin", "test", "talker", "-q"])
    );
}

#[test]
fn score_shows_what_plugins_wrote_where_it_is_asked_to() {
    let folder = Folder::with_reward("[verifiers.a]\nplugin = 'talker.wasm'\n")
        .file("talker.wasm", talker("looking at it\n", RIGHT, ""));
    let row = "{\"prompt\": \"\", \"completion\": \"a\"}\n";
    let said = |args: &[&str]| {
        let output = folder.run_with_input(args, row);
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&["score", "-r", "reward.toml", "-v"]).contains("stdin:1: a wrote:\n  | looking at it\n"));
    assert!(!said(&["score", "-r", "reward.toml"]).contains("looking at it"));
}

#[test]
fn a_plugin_that_was_added_is_inspected_by_its_name() {
    let manifest = MANIFEST.replace("talker", "mine");
    let folder =
        Folder::new().file("mine/gavel.toml", manifest).file("mine/mine.wasm", talker("", RIGHT, ""));
    assert!(folder.run(&["plugin", "add", "mine"]).status.success());
    std::fs::remove_dir_all(folder.path("mine")).unwrap();
    let shown = folder.shown(&["plugin", "inspect", "mine"]);
    assert!(shown.contains("origin    [FOLDER]/data/gavel/plugins/mine/mine.wasm"), "{shown}");
    insta::assert_snapshot!(folder.shown(&["plugin", "inspect", "mien"]));
}

/// A verifier that answers as the completion says.
struct Echo;

impl Verifier for Echo {
    type Options = NoOptions;
    const NAME: &str = "echo";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Whatever is asked for.";

    fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
        let answer = ANSWERS.iter().find(|(status, _)| submission.completion() == *status);
        match answer {
            Some((_, Some(error))) => Err(error("why".to_owned())),
            _ => Ok(Verdict::right_if(true)),
        }
    }
}

/// What a verifier can answer, by what `gavel plugin test` calls it.
const ANSWERS: [(&str, Option<fn(String) -> Error>); 5] = [
    (VERDICT, None),
    (INVALID_OPTIONS, Some(Error::InvalidOptions)),
    ("invalid-task", Some(Error::InvalidTask)),
    ("abstained", Some(Error::Abstain)),
    ("internal-error", Some(Error::Internal)),
];

const VERDICT: &str = "verdict";

/// The SDK knows nothing of the house, so it has the names of statuses once more: those that a case may expect here mean the
/// same to `cargo test` there.
#[test]
fn the_sdk_and_gavel_call_the_answers_of_a_verifier_alike() {
    let known: Vec<&str> = Status::ALL.iter().map(|status| status.name()).chain([INVALID_OPTIONS]).collect();
    for (status, _) in ANSWERS {
        assert!(known.contains(&status), "{status}");
        let line = format!(
            "{{\"name\": \"a\", \"completion\": \"{status}\", \"expect\": {{\"status\": \"{status}\"}}}}"
        );
        assert_eq!(gavel_plugin::cases::check::<Echo>(&line).map_err(|failed| failed.to_string()), Ok(1));
        assert!(gavel_cli::cases::is_answer(status) || status == Status::InternalError.name(), "{status}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_said_to_be_none() {
    let folder = Folder::new().file("a.wasm", "");
    for (name, what) in [("nofolder", "not there"), ("a.wasm", "a file")] {
        let run = folder.run(&["plugin", "test", name]);
        let expected = format!(
            "error: {name} is {what}: name the folder of a plugin, with its gavel.toml and cases.jsonl\n"
        );
        assert_eq!((run.status.code(), String::from_utf8(run.stderr).unwrap()), (Some(1), expected));
    }
}
