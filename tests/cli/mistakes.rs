//! Mistakes in a reward file: one error each, that names file, line and field.

use crate::gavel::Folder;

fn mistake(reward: &str) -> String {
    Folder::with_reward(reward).file("not.wasm", "<html>").shown(&["score", "--reward", "reward.toml"])
}

const TWO: &str =
    "[verifiers.accuracy]\nplugin = 'countdown'\n\n[verifiers.format]\nplugin = 'format'\n\n[reward]\n";

#[test]
fn no_such_file() {
    insta::assert_snapshot!(Folder::new().shown(&["score", "--reward", "absent.toml"]));
}

#[test]
fn a_typo_in_a_field() {
    insta::assert_snapshot!(mistake("[verifiers.accuracy]\nplugin = 'countdown'\nlimit = { fuel = 1 }"));
}

#[test]
fn an_unknown_verifier_in_the_formula() {
    insta::assert_snapshot!(mistake(&format!("{TWO}formula = 'acuracy + 0.1 * format'")));
}

#[test]
fn an_unknown_metric_in_the_formula() {
    insta::assert_snapshot!(mistake(&format!("{TWO}formula = 'accuracy.corect + 0.1 * format'")));
}

#[test]
fn a_formula_that_gives_no_number() {
    insta::assert_snapshot!(mistake(&format!("{TWO}formula = 'accuracy > 0.5'")));
}

#[test]
fn a_missing_plugin() {
    insta::assert_snapshot!(mistake("[verifiers.accuracy]\nplugin = 'countdwon'"));
}

#[test]
fn a_missing_file() {
    insta::assert_snapshot!(mistake("[verifiers.accuracy]\nplugin = 'plugins/mine.wasm'"));
}

#[test]
fn a_file_that_is_no_plugin() {
    insta::assert_snapshot!(mistake("[verifiers.accuracy]\nplugin = 'not.wasm'"));
}

#[test]
fn bad_options() {
    insta::assert_snapshot!(mistake("[verifiers.accuracy]\nplugin = 'countdown'\noptions = { us = 'all' }"));
}

#[test]
fn an_option_and_a_limit_beside_their_tables() {
    let of = |line: &str| mistake(&format!("[verifiers.accuracy]\nplugin = 'math'\n{line}"));
    insta::assert_snapshot!([of("strict = true"), of("timeout = '1s'")].join("\n"));
}

#[test]
fn too_little_memory_to_start() {
    insta::assert_snapshot!(mistake(
        "[verifiers.accuracy]\nplugin = 'countdown'\nlimits = { memory = '64KiB' }"
    ));
}

#[test]
fn no_toml() {
    insta::assert_snapshot!(mistake("[verifiers.accuracy]\nplugin = countdown"));
}

#[test]
fn a_folder_that_is_not_built() {
    let manifest = "manifest_version = 1\n[plugin]\nname = 'mine'\nversion = '0.1.0'\nentry = 'mine.wasm'\n";
    let folder = Folder::with_reward("[verifiers.mine]\nplugin = 'mine'").file("mine/gavel.toml", manifest);
    insta::assert_snapshot!(folder.shown(&["score", "--reward", "reward.toml"]));
}

#[test]
fn names_and_forms_of_other_languages_lead_to_gavels() {
    let formulas = [
        "abs(accuracy)",
        "accuracy > 0 ? 1 : 0",
        "accuracy / 0",
        "if(accuracy > 0 and format > 0, 1, 0)",
        "accuracy**2",
        "0.5accuracy + format",
        "if(accuracy = 1, 1, 0)",
    ];
    let of_formulas = formulas.map(|formula| mistake(&format!("{TWO}formula = '{formula}'")));
    let of_tables = mistake("[verifier.accuracy]\nplugin = 'countdown'");
    insta::assert_snapshot!([of_formulas.join("\n"), of_tables].join("\n"));
}

#[test]
fn what_is_no_run_has_no_report() {
    let output = Folder::new().run(&["report", "emp"]);
    let expected = "error: emp is no run: it has no metrics.jsonl; name the folder that `output_dir` in a run's settings names\n";
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(1), expected));
}
