//! Formulas and conditions: what they are worth, what they look at, and what is found wrong before the first submission.

use std::time::Duration;

use evalexpr::{Context, EvalexprError, EvalexprResult, Value};
use gavel_verify::{Failure, Outcome, Submission, Verdict};

use super::*;
use crate::expression::{OnFailure, Prices, is_formula_name};
use crate::task::Columns;

const VERIFIERS: [&str; 2] = ["accuracy", "format"];

fn outcome(reward: f64, metrics: &[(&str, f64)]) -> Outcome {
    let metrics = metrics.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    Outcome::verdict(Verdict { reward, reason: None, metrics }, Duration::ZERO)
}

fn failed(failure: Failure) -> Outcome {
    Outcome::failure(failure, Duration::ZERO)
}

fn trapped() -> Outcome {
    failed(Failure::Trap { message: String::new(), backtrace: Vec::new() })
}

/// A formula over these outcomes of `accuracy` and `format`, which have the same prices.
fn reward(formula: &str, outcomes: [Outcome; 2], on_failure: OnFailure) -> Result<f64, NoReward> {
    let prices = Prices { on_failure, on_limit: on_failure };
    let see = |place: usize| Seen { outcome: &outcomes[place], prices, wants: None };
    Formula::parse(formula, &VERIFIERS)
        .unwrap()
        .reward(&Task::of(&Submission::default(), &Columns::new()), see)
}

/// With accuracy 1, its metric near-miss 0.5, and format 0.5.
fn value(formula: &str) -> Result<f64, NoReward> {
    reward(formula, [outcome(1.0, &[("near-miss", 0.5)]), outcome(0.5, &[])], OnFailure::Drop)
}

fn dropped(verifier: &str) -> Result<f64, NoReward> {
    Err(NoReward::Dropped { verifier: verifier.to_owned() })
}

#[track_caller]
fn assert_not_a_number(formula: &str) {
    let value = value(formula);
    assert!(matches!(value, Err(NoReward::NotFinite { value }) if value.is_nan()), "{formula} = {value:?}");
}

#[test]
fn formulas_are_ordinary_arithmetic() {
    for (formula, expected) in [
        ("accuracy + 0.1 * format", 1.05),
        ("accuracy * 1 / 2", 0.5),
        ("accuracy + 1 / 2", 1.5),
        ("accuracy - 1e-3", 0.999),
        ("if(accuracy == 1, format, 0)", 0.5),
        ("if(accuracy > 0 && format >= 0.5, 1, -1)", 1.0),
        ("if((accuracy > 0) == (format > 1) || !(format != 0.5), 2, 3)", 2.0),
        ("if(if(accuracy == 0, accuracy > 0, format < 1), 7, 8)", 7.0),
        ("min(accuracy, format) + max(accuracy, 2)", 2.5),
        ("mean(accuracy, format, 0)", 0.5),
        ("clip(3 * accuracy, 0, 2) + clip(-format, 0, 1)", 2.0),
        ("accuracy.near_miss", 0.5),
        ("math::pow(2, accuracy) - math::abs(-format)", 1.5),
        ("accuracy ^ 2 % 2", 1.0),
        ("accuracy + 2 ^ 3 ^ 2 - 64", 1.0),
        ("accuracy - 2 ^ 2 * -1 - -(2 ^ 2)", 9.0),
        ("-2 ^ 2 * accuracy", -4.0),
        ("accuracy - 7 % 4", -2.0),
        ("accuracy + 0x10", 17.0),
        ("-accuracy", -1.0),
        ("min(accuracy)", 1.0),
    ] {
        assert_eq!(value(formula), Ok(expected), "{formula}");
    }
}

/// Precedence and arithmetic are those of evalexpr, which parses: on formulas without what gavel does in its own way,
/// its evaluator must agree.
#[test]
fn the_walk_agrees_with_the_parser_it_comes_after() {
    struct Names;
    impl Context for Names {
        fn get_value(&self, name: &str) -> Option<&Value> {
            Some(if name == "accuracy" { &Value::Float(1.0) } else { &Value::Float(0.5) })
        }
        fn call_function(&self, name: &str, _: &Value) -> EvalexprResult<Value> {
            Err(EvalexprError::FunctionIdentifierNotFound(name.to_owned()))
        }
        fn are_builtin_functions_disabled(&self) -> bool {
            false
        }
        fn set_builtin_functions_disabled(&mut self, _: bool) -> EvalexprResult<()> {
            Ok(())
        }
    }
    /// A few bits of a fixed sequence.
    fn draw(state: &mut u64, below: u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % below
    }
    fn formula(state: &mut u64, depth: u64) -> String {
        if depth == 0 || draw(state, 5) == 0 {
            return ["accuracy", "format", "2.0", "0.25", "3.0"][draw(state, 5) as usize].to_owned();
        }
        let mut part = || formula(state, depth - 1);
        let [a, b, c, d] = [part(), part(), part(), part()];
        match draw(state, 10) {
            0 => format!("({a})"),
            1 => format!("-{a}"),
            2 => format!("if({a} < {b} && !({c} >= {d}), {c}, {b})"),
            3 => format!("floor({a})"),
            _ => {
                let operators = ["+", "-", "*", "/", "%", "^", "+ -"];
                let mut operator = || operators[draw(state, 7) as usize];
                format!("{a} {} {b} {} {c}", operator(), operator())
            }
        }
    }
    let mut state = 1;
    let (mut finite, mut unlike) = (0, 0);
    for _ in 0..2_000 {
        let text = format!("accuracy * ({})", formula(&mut state, 4));
        let expected =
            evalexpr::build_operator_tree(&text).unwrap().eval_number_with_context(&Names).unwrap();
        match value(&text) {
            Ok(found) => {
                finite += 1;
                unlike += usize::from((found - expected).abs() > 1e-9 * (1.0 + expected.abs()));
            }
            // A comparison with NaN has no answer here, and evalexpr's is no.
            Err(NoReward::NotFinite { value }) => assert!(!expected.is_finite() || value.is_nan(), "{text}"),
            Err(other) => panic!("{text}: {other}"),
        }
    }
    assert!(finite > 1_000, "{finite}");
    // Powers may differ in the last bit, of which a remainder or a comparison can make a whole.
    assert!(unlike < 10, "{unlike} of {finite}");
}

#[test]
fn what_is_not_a_number_gives_no_reward_wherever_it_comes_from() {
    for nan in ["((accuracy - 1) / (accuracy - 1))", "(1 / 0 - 1 / 0)", "math::sqrt(-accuracy)", "nan"] {
        for formula in [
            "accuracy * NAN",
            "min(1, NAN * accuracy)",
            "max(NAN, accuracy)",
            "clip(NAN, 0, accuracy)",
            "mean(accuracy, NAN)",
            "NAN ^ 0 * accuracy",
            "1 ^ NAN * accuracy",
            "math::pow(NAN, 0) * accuracy",
            "math::hypot(1 / 0, NAN) * accuracy",
            "if(accuracy > NAN, 1, 0)",
            "if(NAN == NAN, accuracy, 0)",
            "if(NAN != accuracy, 1, 0)",
            "if(accuracy == 1 && format < NAN, 1, 0)",
        ] {
            assert_not_a_number(&formula.replace("NAN", nan));
        }
        assert_eq!(value(&format!("if(math::is_nan({nan}), accuracy, 0)")), Ok(1.0), "it can be asked for");
        assert_eq!(value(&format!("if(accuracy == 0 && {nan} < 1, 1, 0)")), Ok(0.0), "it was not looked at");
        assert_eq!(value(&format!("if(accuracy == 1, format, {nan})")), Ok(0.5), "nor here");
    }
    assert_not_a_number("clip(accuracy, 2, 1)");
}

#[test]
fn what_is_infinite_gives_no_reward_unless_it_is_bounded() {
    let infinite = |formula: &str| match value(formula) {
        Err(NoReward::NotFinite { value }) => value,
        other => panic!("{formula}: {other:?}"),
    };
    assert_eq!(infinite("min(accuracy / 0, 2 / 0)"), f64::INFINITY);
    assert_eq!(infinite("max(-accuracy / 0, -2 / 0)"), f64::NEG_INFINITY);
    assert_eq!(infinite("mean(1e308, 1e308 * accuracy, 1e308)"), f64::INFINITY);
    assert_eq!(value("min(1, accuracy / 0)"), Ok(1.0));
    assert_eq!(value("clip(-accuracy / 0, -2, 2)"), Ok(-2.0));
}

#[test]
fn a_reward_of_minus_zero_is_zero() {
    assert!(value("0 * -accuracy").unwrap().is_sign_positive());
}

#[test]
fn only_what_is_needed_is_looked_at() {
    let lacks = |metric: &str| {
        Err(NoReward::MissingMetric { verifier: "accuracy".to_owned(), metric: metric.to_owned() })
    };
    for (formula, expected) in [
        ("if(accuracy.near_miss == 1, accuracy.absent, -1)", Ok(-1.0)),
        ("if(accuracy.near_miss == 0.5, accuracy.absent, -1)", lacks("absent")),
        ("if(accuracy == 1 || accuracy.absent == 1, 2, 3)", Ok(2.0)),
        ("if(accuracy == 0 && accuracy.absent == 1, 2, 3)", Ok(3.0)),
        ("if(accuracy == 0 || accuracy.absent == 1, 2, 3)", lacks("absent")),
        ("0 * accuracy.absent", lacks("absent")),
    ] {
        assert_eq!(value(formula), expected, "{formula}");
    }
    let broken = |formula: &str| reward(formula, [outcome(1.0, &[]), trapped()], OnFailure::Drop);
    assert_eq!(broken("if(accuracy == 1, 1, format)"), Ok(1.0));
    assert_eq!(broken("if(accuracy == 0, 1, format)"), dropped("format"));
}

#[test]
fn mistakes_are_found_before_the_first_submission() {
    for (formula, expected) in [
        ("accuracy +", "`+` takes 2 operands, found 1"),
        ("(accuracy", "not an expression: a `(` is not closed"),
        ("accuracy)", "not an expression: a `)` was never opened"),
        ("", "a number or a condition is needed where nothing is"),
        ("accuracy * ()", "a number or a condition is needed where nothing is"),
        ("1", "it names no verifier; known here: accuracy, format"),
        (
            "accuracy > 0.5",
            "its value is true or false, not a number; `if(condition, 1, 0)` makes one of a condition",
        ),
        ("accuracy, format", "a number or a condition is needed where a list of values is"),
        ("accuracy; format", "a number or a condition is needed where `;` is"),
        ("x = accuracy", "there is no `=`; write `==`"),
        ("accuracy + \"1\"", "a number or a condition is needed where text is"),
        ("min(accuracy, (format, 1))", "a number or a condition is needed where a list of values is"),
        (
            "accuracy + true",
            "a number is needed where `true` is; `if(condition, 1, 0)` makes one of a condition",
        ),
        (
            "min(accuracy, format > 1)",
            "a number is needed where `>` is; `if(condition, 1, 0)` makes one of a condition",
        ),
        ("if(accuracy, 1, 0)", "a condition is needed where `accuracy` is; compare it with a number"),
        (
            "if(accuracy == 1, 1, format > 0)",
            "a number is needed where `>` is; `if(condition, 1, 0)` makes one of a condition",
        ),
        (
            "if(accuracy == (format > 1), 1, 0)",
            "a number is needed where `>` is; `if(condition, 1, 0)` makes one of a condition",
        ),
        ("!accuracy", "a condition is needed where `accuracy` is; compare it with a number"),
        (
            "if(accuracy < 1 || min(format, 1), 1, 0)",
            "a condition is needed where `min(…)` is; compare it with a number",
        ),
        ("if(accuracy == 1, 1)", "`if` takes 3 arguments, found 2"),
        ("clip(accuracy)", "`clip` takes 3 arguments, found 1"),
        ("math::exp(accuracy, 1)", "`math::exp` takes 1 argument, found 2"),
        ("accuracy + min()", "`min` takes at least 1, found 0"),
        ("system(accuracy)", "unknown function `system`"),
        ("flor(accuracy)", "unknown function `flor` (did you mean `floor`?)"),
        ("rank(accuracy)", "unknown function `rank` (did you mean `group::rank`?)"),
        ("group::size(accuracy)", "`group::size` takes 0 arguments, found 1"),
        ("group::rank(accuracy, format)", "`group::rank` takes 1 argument, found 2"),
        (
            "group::mean(accuracy > 0)",
            "a number is needed where `>` is; `if(condition, 1, 0)` makes one of a condition",
        ),
        ("group::size()", "it names no verifier; known here: accuracy, format"),
        ("abs(accuracy)", "unknown function `abs` (did you mean `math::abs`?)"),
        ("log(accuracy, 2)", "unknown function `log` (did you mean `math::log`?)"),
        ("accuracy ? 1 : 0", "there is no `? :`; write `if(condition, a, b)`"),
        (
            "acuracy + format",
            "unknown verifier `acuracy` (did you mean `accuracy`?); known here: accuracy, format",
        ),
    ] {
        assert_eq!(Formula::parse(formula, &VERIFIERS).unwrap_err().to_string(), expected, "{formula}");
    }
}

#[test]
fn a_formula_is_bounded_before_it_is_parsed() {
    let parse = |text: String| Formula::parse(&text, &VERIFIERS).map(|_| ());
    let nested = |levels: usize| format!("{}accuracy{}", "math::abs(".repeat(levels), ")".repeat(levels));
    parse(nested(300)).unwrap();
    parse(format!("accuracy{}", "+1".repeat(400))).unwrap();
    assert!(matches!(parse(nested(400)), Err(FormulaError::TooLong { longest: 4096 })));
    for deep in [format!("{}accuracy", "-".repeat(4000)), format!("accuracy{}", "+1".repeat(2000))] {
        assert!(matches!(parse(deep), Err(FormulaError::TooDeep { .. })));
    }
    parse(format!("{}accuracy{}", "(".repeat(2000), ")".repeat(2000))).unwrap();
}

#[test]
fn metrics_are_checked_against_the_plugin() {
    let formula = Formula::parse("accuracy.near_mis + format.anything", &VERIFIERS).unwrap();
    match formula.inputs().check_metrics(0, "accuracy", &["near-miss".to_owned()]) {
        Err(FormulaError::UnknownMetric { metric, suggestion, .. }) => {
            assert_eq!((metric.as_str(), suggestion.as_deref()), ("near_mis", Some("near-miss")));
        }
        other => panic!("{other:?}"),
    }
    let none = formula.inputs().check_metrics(1, "format", &[]).unwrap_err().to_string();
    assert_eq!(none, "unknown metric `anything` of `format`; its plugin has none");
}

#[test]
fn a_failure_drops_the_submission_or_is_worth_what_the_file_says() {
    let with = |formula, on_failure| reward(formula, [trapped(), outcome(0.5, &[])], on_failure);
    assert_eq!(with("accuracy + format", OnFailure::Drop), dropped("accuracy"));
    assert_eq!(with("accuracy + format", OnFailure::Reward(-1.0)), Ok(-0.5));
    assert_eq!(with("accuracy.any + format", OnFailure::Reward(-1.0)), Ok(0.5), "all its metrics are 0");
    assert_eq!(with("format", OnFailure::Drop), Ok(0.5), "the formula does not name it");
}

#[test]
fn a_limit_has_a_price_of_its_own() {
    let prices = Prices { on_failure: OnFailure::Drop, on_limit: OnFailure::Reward(-1.0) };
    let formula = Formula::parse("accuracy", &VERIFIERS).unwrap();
    let reward = |failure| {
        let outcome = &failed(failure);
        formula.reward(&Task::of(&Submission::default(), &Columns::new()), |_| Seen {
            outcome,
            prices,
            wants: None,
        })
    };
    let text = String::new;
    for failure in [
        Failure::OutOfFuel { limit: 1 },
        Failure::OutOfMemory { limit: 1 },
        Failure::OutputTooLarge { limit: 1 },
    ] {
        assert_eq!(reward(failure), Ok(-1.0));
    }
    for failure in [
        Failure::Deadline { limit: Duration::ZERO },
        Failure::Refused(text()),
        Failure::Abstained(text()),
        Failure::InvalidTask(text()),
        Failure::InternalError(text()),
    ] {
        assert_eq!(reward(failure), dropped("accuracy"));
    }
}

#[test]
fn no_price_covers_a_machine_that_could_not_judge() {
    let host_failed = || failed(Failure::HostFailed("no memory".to_owned()));
    let with = |formula| reward(formula, [host_failed(), outcome(0.5, &[])], OnFailure::Reward(0.0));
    let expected = Err(NoReward::HostFailed { verifier: "accuracy".to_owned() });
    assert_eq!(with("accuracy + format"), expected);
    assert_eq!(with("accuracy.any"), expected);
    assert_eq!(with("if(format < 1, format, accuracy)"), Ok(0.5), "it was not needed");
}

#[test]
fn numbers_and_truth_values_are_no_names() {
    for name in ["true", "false", "inf", "nan", "infinity"] {
        assert!(!is_formula_name(name), "{name}");
    }
    assert!(is_formula_name("accuracy_2"));
}

/// Whether a condition holds for these outcomes of `accuracy` and `format`, and a task with these columns.
fn holds(
    condition: &str,
    outcomes: [Outcome; 2],
    on_failure: OnFailure,
    columns: &str,
) -> Result<bool, NoReward> {
    let prices = Prices { on_failure, on_limit: on_failure };
    let see = |place: usize| Seen { outcome: &outcomes[place], prices, wants: None };
    let submission = Submission { metadata: columns.to_owned(), ..Submission::default() };
    Condition::parse(condition, &VERIFIERS, &[]).unwrap().holds(&Task::of(&submission, &Columns::new()), see)
}

#[test]
fn a_condition_looks_at_what_it_needs() {
    let condition = "accuracy < 1 && format.near_miss == 0";
    let holds = |accuracy, format| holds(condition, [outcome(accuracy, &[]), format], OnFailure::Drop, "");
    let format = || outcome(1.0, &[("near-miss", 0.0)]);
    assert_eq!(holds(0.0, format()), Ok(true));
    assert_eq!(holds(1.0, format()), Ok(false));
    assert_eq!(holds(1.0, outcome(1.0, &[])), Ok(false), "not looked at");
    let missing = NoReward::MissingMetric { verifier: "format".to_owned(), metric: "near_miss".to_owned() };
    assert_eq!(holds(0.0, outcome(1.0, &[])), Err(missing));
}

#[test]
fn a_failed_verifier_counts_in_a_condition_as_it_does_in_the_formula() {
    let holds = |on_failure| holds("accuracy < 1", [trapped(), trapped()], on_failure, "");
    assert_eq!(holds(OnFailure::Drop), dropped("accuracy").map(|_| true));
    assert_eq!(holds(OnFailure::Reward(0.0)), Ok(true));
    assert_eq!(holds(OnFailure::Reward(1.0)), Ok(false));
}

/// Whether a condition holds for a task of GSM8K, as verl writes it.
fn of_task(condition: &str) -> Result<bool, NoReward> {
    let columns = r#"{"data_source": "openai/gsm8k", "level": 3, "hard": false, "none": null, "it's": "a \"b\"",
        "extra_info": {"split": "train", "index": 3, "list": []}}"#;
    holds(condition, [outcome(1.0, &[]), outcome(1.0, &[])], OnFailure::Drop, columns)
}

#[test]
fn a_condition_may_look_at_the_task() {
    for (condition, expected) in [
        ("task.data_source == 'openai/gsm8k'", true),
        (r#"task.data_source == "openai/gsm8k""#, true),
        ("'math' == task.data_source", false),
        ("task.data_source != 'math'", true),
        ("task.extra_info.split == 'train' && accuracy > 0", true),
        ("task.level >= 3 && task.level == task.extra_info.index", true),
        ("task.level + 1 == 4", true),
        ("!task.hard", true),
        ("task.hard", false),
        ("task.hard == false", true),
        // A column without a value is no text, and nothing is wrong with it.
        ("task.none == 'x'", false),
        ("task.none != 'x'", true),
        ("task.none == task.none", false),
        ("task.none == task.level", false),
        ("task.none != task.none", true),
        ("if(task.hard, accuracy, 5) == 5", true),
        ("if(task.hard, 1, task.level) == 3", true),
    ] {
        assert_eq!(of_task(condition), Ok(expected), "{condition}");
    }
}

#[test]
fn a_column_that_is_not_there_or_is_something_else_gives_no_value() {
    let there = "(there are `data_source`, `extra_info`, `hard`, `it's`, `level`, `none`)";
    let [source, level] =
        ["data_source", "level"].map(|near| format!("no such column, did you mean `{near}`? {there}"));
    for (condition, column, found, wanted) in [
        ("task.datasource == 'openai/gsm8k'", "datasource", &*source, "text"),
        ("task.level == '3'", "level", "a number", "text"),
        ("task.data_source > 1", "data_source", "text", "a number"),
        ("task.extra_info.list == 'x'", "extra_info.list", "a list or an object", "text"),
        ("task.level", "level", "a number", "true or false"),
        ("task.none > 1", "none", "null", "a number"),
        ("task.level == task.levl", "levl", &*level, "there"),
    ] {
        let expected = NoReward::TaskColumn { column: column.to_owned(), found: found.to_owned(), wanted };
        assert_eq!(of_task(condition), Err(expected), "{condition}");
    }
}

#[test]
fn texts_are_compared_with_columns_and_nothing_else() {
    let error = |text: &str| Condition::parse(text, &["accuracy"], &[]).unwrap_err();
    assert!(matches!(error("accuracy == 'x'"), FormulaError::ColumnNeeded { .. }));
    assert!(matches!(error("'x' == 'y'"), FormulaError::ColumnNeeded { .. }));
    assert!(matches!(error("'x' == accuracy"), FormulaError::ColumnNeeded { .. }));
    assert!(matches!(error("task.a < 'x'"), FormulaError::NotAValue { .. }));
    assert!(matches!(error("task.a == 'x"), FormulaError::Syntax(_)));
    assert!(matches!(error("'x'"), FormulaError::Constant { .. }));
    let formula = |text: &str| Formula::parse(text, &["accuracy"]).unwrap_err();
    assert!(matches!(formula("task.level"), FormulaError::Constant { .. }), "it names no verifier");
    assert!(!is_formula_name("task"));
}

#[test]
fn a_formula_may_weigh_by_the_task() {
    let submission =
        Submission { metadata: r#"{"weight": 0.5, "q": "it's"}"#.to_owned(), ..Submission::default() };
    let (one, zero) = (outcome(1.0, &[]), outcome(0.0, &[]));
    let see = |place: usize| Seen { outcome: [&one, &zero][place], prices: Prices::default(), wants: None };
    let value = |text: &str| {
        Formula::parse(text, &VERIFIERS).unwrap().reward(&Task::of(&submission, &Columns::new()), see)
    };
    assert_eq!(value("accuracy * task.weight"), Ok(0.5));
    assert_eq!(value(r#"if(task.q == "it's", accuracy, -1)"#), Ok(1.0));
    assert_eq!(value(r"if(task.q == 'it\'s', accuracy, -1)"), Ok(1.0));
    for formula in
        ["accuracy * task.weight", "if(task.q == 'x', accuracy, 0.5)", "if(task.hard, accuracy, 1 / 0)"]
    {
        assert!(Formula::parse(formula, &VERIFIERS).unwrap().check_finite().is_ok(), "{formula}");
    }
}

#[test]
fn a_condition_is_true_or_false_and_looks_up() {
    let error = |text: &str| Condition::parse(text, &["accuracy"], &["format"]).unwrap_err();
    assert!(matches!(error("accuracy"), FormulaError::NotACondition));
    assert!(matches!(error("format < 1"), FormulaError::NotAbove { name } if name == "format"));
    assert!(matches!(error("acuracy < 1"), FormulaError::UnknownVerifier { .. }));
    assert!(matches!(error("true"), FormulaError::Constant { .. }));
    assert!(matches!(error("accuracy < group::mean(accuracy)"), FormulaError::GroupInCondition));
}

#[test]
fn a_verifier_that_was_not_asked_is_worth_nothing_and_drops_nothing() {
    let formula = "max(accuracy, format + format.x)";
    let skipped = failed(Failure::Skipped);
    assert_eq!(reward(formula, [outcome(1.0, &[]), skipped.clone()], OnFailure::Drop), Ok(1.0));
    // Unless it was not asked because nobody knew whether to.
    let see = |_| Seen { outcome: &skipped, prices: Prices::default(), wants: Some("accuracy") };
    let formula = Formula::parse("format", &VERIFIERS).unwrap();
    assert_eq!(formula.reward(&Task::of(&Submission::default(), &Columns::new()), see), dropped("accuracy"));
}

#[test]
fn what_can_be_finite_is_a_formula() {
    let check = |formula: &str| Formula::parse(formula, &VERIFIERS).unwrap().check_finite();
    for formula in [
        "1 / accuracy",
        "accuracy / format",
        "min(1, accuracy / 0)",
        "math::ln(accuracy - 5)",
        // Among completions that are all alike it is not a number.
        "(accuracy - group::mean(accuracy)) / group::std(accuracy)",
        "(group::rank(accuracy) - 1) / (group::size() - 1)",
    ] {
        assert!(check(formula).is_ok(), "{formula}");
    }
    for formula in [
        "accuracy / 0",
        "accuracy / (format - format)",
        "0 / 0 + accuracy",
        "math::ln(-2 - format ^ 2)",
        "group::max(accuracy / 0)",
    ] {
        assert!(matches!(check(formula), Err(FormulaError::NeverFinite { .. })), "{formula}");
    }
}
