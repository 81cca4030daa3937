//! What a reward file may say, and the error for what it may not.

use super::*;
use gavel_plugins::ProgramLimitSettings;
use std::time::Duration;

fn parse(text: &str) -> Result<RewardFile, RewardError> {
    RewardFile::parse(Path::new("reward.toml"), text)
}

/// The error and its causes, as the command line shows them.
fn error(text: &str) -> String {
    let error = parse(text).unwrap_err();
    match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn every_field_is_read() {
    let file = parse(
        r#"
        [verifiers.accuracy]
        plugin = "math"
        options = { mode = "boxed", tolerance = 1e-6, order = ["a", 0x10, true] }
        limits = { fuel = 2_000_000_000, memory = "256MiB", timeout = "1500ms", output = 4096, input = "1MiB" }
        grant = ["interpreter"]
        on_failure = -0.5
        on_limit = "drop"

        [verifiers.format]
        plugin = "./format.wasm"
        when = "accuracy < 1"

        [verifiers.format.limits.programs]
        fuel = 1_000_000
        memory = "64MiB"
        timeout = 2
        output = "1KiB"
        runs = 3
        total_timeout = "20s"

        [reward]
        formula = "accuracy + 0.1 * format"
        "#,
    )
    .unwrap();
    let [accuracy, format] = &file.verifiers[..] else { panic!("two verifiers") };
    assert_eq!(accuracy.name, "accuracy");
    assert_eq!(accuracy.options, r#"{"mode":"boxed","tolerance":1e-6,"order":["a",16,true]}"#);
    assert_eq!(
        accuracy.limits,
        LimitSettings {
            fuel: Some(2_000_000_000),
            memory: Some(256 << 20),
            timeout: Some(Duration::from_millis(1500)),
            input: Some(1 << 20),
            output: Some(4096),
            programs: ProgramLimitSettings::default(),
        }
    );
    assert_eq!(
        format.limits.programs,
        ProgramLimitSettings {
            fuel: Some(1_000_000),
            memory: Some(64 << 20),
            timeout: Some(Duration::from_secs(2)),
            output: Some(1024),
            runs: Some(3),
            total_fuel: None,
            total_timeout: Some(Duration::from_secs(20)),
        }
    );
    assert_eq!((&accuracy.grant[..], &format.grant[..]), (&[Capability::Interpreter][..], &[][..]));
    assert_eq!((accuracy.on_failure, accuracy.on_limit), (OnFailure::Reward(-0.5), OnFailure::Drop));
    assert_eq!((format.plugin.as_deref(), format.options.as_str()), (Some("./format.wasm"), "{}"));
    assert_eq!((format.on_failure, format.on_limit), (OnFailure::Drop, OnFailure::Drop));
    assert!(accuracy.when.is_none() && format.when.is_some());
}

#[test]
fn a_limit_is_worth_what_a_failure_is_unless_the_file_says_more() {
    let worth = |lines: &str| {
        let file = parse(&format!("[verifiers.a]\nplugin = 'math'\n{lines}")).unwrap();
        (file.verifiers[0].on_failure, file.verifiers[0].on_limit)
    };
    assert_eq!(worth(""), (OnFailure::Drop, OnFailure::Drop));
    assert_eq!(worth("on_failure = 0"), (OnFailure::Reward(0.0), OnFailure::Reward(0.0)));
    assert_eq!(worth("on_limit = -1"), (OnFailure::Drop, OnFailure::Reward(-1.0)));
    assert_eq!(worth("on_failure = 0\non_limit = 'drop'"), (OnFailure::Reward(0.0), OnFailure::Drop));
}

#[test]
fn a_mistake_in_components_names_line_and_field() {
    let two = "[verifiers.a]\nplugin = 'x'\n[verifiers.b]\nplugin = 'x'\n[reward]\n";
    for (reward, expected) in [
        (
            "formula = 'a'\ncomponents = { a = 1 }",
            "reward.toml:7:14: `reward.formula` and `reward.components` both say what the reward is: keep one of them",
        ),
        (
            "components = {}",
            "reward.toml:6:14: `reward.components` must be a table with a component that weighs something, found {}",
        ),
        (
            "components = { a = 0 }",
            "reward.toml:6:14: `reward.components` must be a table with a component that weighs something, found { a = 0 }",
        ),
        (
            "[reward.components]\nbb = 1",
            "reward.toml:7:6: `reward.components.bb`: unknown verifier `bb` (did you mean `b`?); known here: a, b",
        ),
        (
            "[reward.components]\nhalf = { formula = 'a / c' }",
            "reward.toml:7:25: `reward.components.half.formula`: unknown verifier `c`",
        ),
        (
            "[reward.components]\na = { weigth = 2 }",
            "reward.toml:7:7: unknown field `reward.components.a.weigth` (did you mean `weight`?)",
        ),
        (
            "[reward.components]\na = { weight = 'much' }",
            "reward.toml:7:16: `reward.components.a.weight` must be a finite number, found 'much'",
        ),
        (
            "[reward.components]\na = [1]",
            "reward.toml:7:5: `reward.components.a` must be a weight, a formula, or a table with both, found [1]",
        ),
        (
            "[reward.components]\nMy-Part = 'a'",
            "reward.toml:7:1: `reward.components.My-Part`: a component's name",
        ),
        (
            "component = { a = 1 }",
            "reward.toml:6:1: unknown field `reward.component` (did you mean `components`?)",
        ),
    ] {
        let said = error(&format!("{two}{reward}"));
        assert!(said.starts_with(expected), "{said} for {reward}");
    }
}

#[test]
fn one_verifier_needs_no_formula() {
    parse("[verifiers.accuracy]\nplugin = 'math'").unwrap();
}

#[test]
fn a_mistake_names_file_line_and_field() {
    for (text, expected) in [
        ("verifiers = 1", "reward.toml:1:13: `verifiers` must be a table, found 1"),
        ("", "reward.toml:1:1: missing field `verifiers`"),
        (
            "[verifier.a]\nplugin = 'x'",
            "reward.toml:1:2: unknown field `verifier` (did you mean `verifiers`?)",
        ),
        (
            "[verifiers.a]\nplugn = 'x'",
            "reward.toml:2:1: unknown field `verifiers.a.plugn` (did you mean `plugin`?)",
        ),
        (
            "[verifiers.a]\nplugin = 'x'\n[reward]\nformula = 'a / 0'",
            "reward.toml:4:11: `reward.formula`: its value is never a finite number, so that no submission would have a \
             reward: with 1 for every name it is inf",
        ),
        ("[verifiers]", "reward.toml:1:1: `verifiers` is empty: name at least one, as `[verifiers.NAME]`"),
        ("[verifiers.a]\n", "reward.toml:1:1: missing field `verifiers.a.plugin`"),
        (
            "[verifiers.a]\nplugin = 'math'\noptionz = {}",
            "reward.toml:3:1: unknown field `verifiers.a.optionz` (did you mean `options`?)",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\n[rewards]\nformula = 'a'",
            "reward.toml:3:2: unknown field `rewards` (did you mean `reward`?)",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\nlimits = { memory = 'lots' }",
            "reward.toml:3:21: `verifiers.a.limits.memory` must be a size such as \"256MiB\", or a number of \
             bytes, found 'lots'",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\nlimits = { fuel = 0 }",
            "reward.toml:3:19: `verifiers.a.limits.fuel` must be a whole number of at least 1, found 0",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\nlimits = { timeout = '10 parsecs' }",
            "reward.toml:3:22: `verifiers.a.limits.timeout` must be a time such as \"10s\" or \"500ms\", or a \
             number of seconds, found '10 parsecs'",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\non_failure = 'zero'",
            "reward.toml:3:14: `verifiers.a.on_failure` must be \"drop\" or a finite number, found 'zero'",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\non_limit = []",
            "reward.toml:3:12: `verifiers.a.on_limit` must be \"drop\" or a finite number, found []",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\non_failure = nan",
            "reward.toml:3:14: `verifiers.a.on_failure` must be \"drop\" or a finite number, found nan",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\ngrant = ['network']",
            "reward.toml:3:9: `verifiers.a.grant` must be a list of the capabilities that gavel knows \
             (\"interpreter\", \"endpoint\"), found ['network']",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\ngrant = true",
            "reward.toml:3:9: `verifiers.a.grant` must be a list of the capabilities that gavel knows \
             (\"interpreter\", \"endpoint\"), found true",
        ),
        (
            "[verifiers.a]\nplugin = 'math'\nlimits.programs.runs = 5_000_000_000",
            "reward.toml:3:24: `verifiers.a.limits.programs.runs` must be a whole number of at most 4294967295, \
             found 5_000_000_000",
        ),
        ("[verifiers.a]\nplugin = 3", "reward.toml:2:10: `verifiers.a.plugin` must be a string, found 3"),
        (
            "[verifiers.a]\nplugin = 'math'\noptions = [1]",
            "reward.toml:3:11: `verifiers.a.options` must be a table, found [1]",
        ),
    ] {
        assert_eq!(error(text), expected, "for {text:?}");
    }
}

#[test]
fn a_name_that_a_formula_cannot_use_is_refused() {
    let refused = error("[verifiers.near-miss]\nplugin = 'math'");
    assert!(refused.starts_with("reward.toml:1:12: `verifiers.near-miss`: "), "{refused}");
    assert!(refused.ends_with("(did you mean `near_miss`?)"), "{refused}");
    assert!(error("[verifiers.nan]\nplugin = 'math'").starts_with("reward.toml:1:12: `verifiers.nan`"));
}

#[test]
fn an_error_in_the_formula_points_at_the_word() {
    let two = "[verifiers.accuracy]\nplugin = 'math'\n[verifiers.format]\nplugin = 'format'\n[reward]\n";
    assert_eq!(
        error(&format!("{two}formula = 'accuracy + 0.1 * fromat'")),
        "reward.toml:6:29: `reward.formula`: unknown verifier `fromat` (did you mean `format`?); known here: \
         accuracy, format"
    );
    assert_eq!(
        error(&format!("{two}formula = 'if(accuracy, 1, 0)'")),
        "reward.toml:6:11: `reward.formula`: a condition is needed where `accuracy` is; compare it with a number"
    );
    assert_eq!(
        error(two),
        "reward.toml:5:1: `reward.formula`: there are 2 verifiers: say how they make one number, such as \
         \"accuracy + format\""
    );
}

#[test]
fn an_error_in_a_condition_points_at_the_word() {
    let two = |when: &str| {
        error(&format!(
            "[verifiers.cheap]\nplugin = 'math'\n[verifiers.dear]\nplugin = 'math'\nwhen = '{when}'\n\
             [reward]\nformula = 'max(cheap, dear)'"
        ))
    };
    assert_eq!(
        two("1 > chap"),
        "reward.toml:5:13: `verifiers.dear.when`: unknown verifier `chap` (did you mean `cheap`?); known here: \
         cheap"
    );
    assert_eq!(
        two("dear < 1"),
        "reward.toml:5:9: `verifiers.dear.when`: `dear` does not stand above it: a condition looks at verifiers \
         that were asked before"
    );
    assert_eq!(
        two("cheap"),
        "reward.toml:5:8: `verifiers.dear.when`: its value is a number, not true or false; compare it with a \
         number, as in `accuracy < 1`"
    );
}

#[test]
fn what_is_not_toml_is_said_with_its_place() {
    let broken = error("[verifiers.a]\nplugin = ");
    assert!(broken.starts_with("reward.toml:2:10: not TOML: "), "{broken}");
}

#[test]
fn a_function_is_no_plugin_and_has_none_of_its_settings() {
    let file = parse("[verifiers.mine]\nfunction = true\non_failure = 0.5\nmax_concurrency = 1\n").unwrap();
    assert_eq!(file.verifiers[0].plugin, None);
    for setting in ["plugin = 'math'", "options = {}", "limits = { fuel = 1 }", "grant = ['interpreter']"] {
        let name = setting.split(' ').next().unwrap();
        let said = error(&format!("[verifiers.mine]\nfunction = true\n{setting}\n"));
        assert_eq!(
            said,
            format!(
                "reward.toml:3:{}: `verifiers.mine.{name}` is for plugins, and this verifier is a function",
                name.len() + 4
            )
        );
    }
    assert!(error("[verifiers.mine]\nfunction = false\n").contains("missing field `verifiers.mine.plugin`"));
    assert!(error("[verifiers.mine]\nfunction = 'f'\n").contains("true or false"));
}
