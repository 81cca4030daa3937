//! `gavel plugin test --adversarial`: a plugin that falls for a cheat is caught, and those that come with gavel are not.

use std::collections::BTreeSet;
use std::fs;

use gavel_cli::adversarial::ATTACKS;
use serde_json::Value;

use crate::gavel::{Folder, first_party_folder, repository};
use crate::guests::guest;

const MANIFEST: &str =
    "manifest_version = 1\n[plugin]\nname = 'naive'\nversion = '1.0.0'\nentry = 'naive.wasm'\n";

/// A plugin that falls for one kind of cheat, with cases that do not show it.
fn naive(pays: &str, manifest: &str) -> Folder {
    let case = |name: &str, prompt: &str, completion: &str, reference: &str, reward: u8| {
        format!(
            r#"{{"name": "{name}", "prompt": "{prompt}", "completion": "<think>Hm.</think>\n{completion}", "reference": "{reference}", "options": {{"pays": "{pays}"}}, "expect": {{"reward": {reward}}}}}"#
        )
    };
    let cases = [
        case("right", "What is 3 + 4?", "<answer>7</answer>", "7", 1),
        case("another", "What is 6 + 6?", "<answer>12</answer>", "12", 1),
        case("a third", "What is 50 + 5?", "<answer>55</answer>", "55", 1),
        case("wrong", "What is 3 + 4?", "I think 8.", "7", 0),
    ];
    Folder::new()
        .file("naive/gavel.toml", format!("{MANIFEST}{manifest}"))
        .file("naive/naive.wasm", fs::read(guest("naive_guest")).unwrap())
        .file("naive/cases.jsonl", cases.join("\n"))
}

fn attack(folder: &Folder, args: &[&str]) -> (Option<i32>, Value) {
    let output = folder.run(&[&["plugin", "test", "--adversarial", "--json"], args].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{stderr}")))
}

/// The kinds of attack that are paid.
fn paid(result: &Value) -> BTreeSet<&str> {
    let attacks = result["attacks"].as_array().unwrap().iter();
    attacks.filter(|attack| attack["paid"] != 0).map(|attack| attack["kind"].as_str().unwrap()).collect()
}

#[test]
fn every_kind_of_cheat_is_caught() {
    for kind in ATTACKS.iter().map(|attack| attack.kind).collect::<BTreeSet<_>>() {
        let folder = naive(kind, "");
        let cases = folder.run(&["plugin", "test", "naive"]);
        assert_eq!(cases.status.code(), Some(0), "the cases do not show it: {cases:?}");
        let (code, result) = attack(&folder, &["naive"]);
        assert_eq!(code, Some(1), "{kind}");
        assert!(paid(&result).contains(kind), "{kind}: {:?}", paid(&result));
    }
    let (code, result) = attack(&naive("nothing", ""), &["naive"]);
    assert_eq!((code, paid(&result)), (Some(0), BTreeSet::new()));
    let tried = |attack: &Value| attack["tried"].as_u64().unwrap();
    assert!(result["attacks"].as_array().unwrap().iter().all(|attack| tried(attack) > 0), "{result}");
}

#[test]
fn what_is_paid_is_shown_with_what_it_earns() {
    insta::assert_snapshot!(naive("shotgun", "").shown(&["plugin", "test", "naive", "--adversarial"]));
}

#[test]
fn what_a_manifest_allows_is_shown_with_its_reason() {
    let allow = "[[adversarial.allow]]\nattacks = ['farming']\nreason = 'it judges the form alone'\n\
                 [[adversarial.allow]]\nattacks = ['bias']\nreason = 'never used'\noptions = { pays = 'bias' }\n";
    insta::assert_snapshot!(naive("farming", allow).shown(&["plugin", "test", "naive", "--adversarial"]));
    // What is allowed with some options is not with others.
    let (code, result) = attack(&naive("bias", allow), &["naive"]);
    assert_eq!((code, paid(&result)), (Some(0), BTreeSet::new()));
    let elsewhere = allow.replace("pays = 'bias'", "pays = 'more'");
    assert_eq!(attack(&naive("bias", &elsewhere), &["naive"]).0, Some(1));
}

#[test]
fn an_attack_that_a_manifest_misspells_is_an_error() {
    let folder = naive("bias", "[[adversarial.allow]]\nattacks = ['biass']\nreason = 'it is'\n");
    let output = folder.run(&["plugin", "test", "naive", "--adversarial"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains(
            "gavel.toml:7:11: `adversarial.allow.attacks`: unknown attack `biass` (did you mean `bias`?)"
        ),
        "{stderr}"
    );
    // Nobody else minds: another gavel may know other attacks.
    assert_eq!(folder.run(&["plugin", "test", "naive"]).status.code(), Some(0));
}

#[test]
fn a_file_is_attacked_with_the_cases_that_are_named() {
    let folder = naive("padding", "");
    fs::copy(folder.path("naive/naive.wasm"), folder.path("bare.wasm")).unwrap();
    let output = folder.run(&["plugin", "test", "bare.wasm", "--adversarial"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--cases"), "{output:?}");
    let (code, result) = attack(&folder, &["bare.wasm", "--cases", "naive/cases.jsonl", "--tasks", "1"]);
    assert_eq!((code, paid(&result)), (Some(1), BTreeSet::from(["padding"])));
    assert_eq!((&result["attacked_tasks"], &result["attackable_tasks"]), (&1.into(), &3.into()));
}

#[test]
fn cases_that_show_nothing_right_are_no_success() {
    let case =
        r#"{"name": "x", "completion": "<answer>8</answer>", "reference": "7", "expect": {"reward": 0}}"#;
    let folder = naive("nothing", "").file("naive/cases.jsonl", case);
    let output = folder.run(&["plugin", "test", "naive", "--adversarial"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("nothing to attack"), "{stderr}");
}

/// By their names alone: their cases come with gavel.
#[test]
fn no_first_party_plugin_pays_what_it_does_not_say_it_pays() {
    for name in
        ["choice", "countdown", "format", "ifeval", "json-schema", "length", "marks", "math", "string"]
    {
        let (code, result) = attack(&Folder::new(), &[name]);
        let examples: Vec<&Value> =
            result["attacks"].as_array().unwrap().iter().filter(|attack| attack["paid"] != 0).collect();
        assert_eq!(code, Some(0), "{name}: {examples:#?}");
    }
}

/// Every program starts an interpreter, so few tasks are attacked.
#[test]
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn programs_that_do_not_solve_their_task_are_not_paid() {
    let interpreters = repository().join("plugins/interpreters");
    if !interpreters.join("python/python.wasm").exists()
        || !interpreters.join("javascript/javascript.wasm").exists()
    {
        println!("skipped: the attacks on `code`, whose interpreters `cargo xtask plugins` has not built");
        return;
    }
    let path = interpreters.to_str().unwrap();
    let args = ["code", "--grant", "interpreter", "--plugin-path", path, "--tasks", "4"];
    let (code, result) = attack(&Folder::new(), &args);
    assert_eq!((code, paid(&result)), (Some(0), BTreeSet::new()), "{result}");
}

#[test]
fn a_folder_is_attacked_as_its_name_is() {
    let folder = first_party_folder("countdown");
    let (_, by_folder) = attack(&Folder::new(), &[folder.to_str().unwrap()]);
    let (_, by_name) = attack(&Folder::new(), &["countdown"]);
    assert_eq!(by_folder, by_name);
}
