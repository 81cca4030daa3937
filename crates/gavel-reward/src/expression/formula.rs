//! The formula that makes one number of the outcomes of several verifiers, and the condition that says whether to
//! ask one at all.

use evalexpr::Value;
use gavel_verify::Outcome;

use crate::error::FormulaError;
use crate::expression::{Expression, NoValue, OnFailure};

/// A formula over the verifiers of one reward file: its value is a number.
#[derive(Debug, Clone)]
pub(crate) struct Formula(Expression);

impl Formula {
    /// Parses a formula over verifiers with these names, and checks everything that does not need the plugins.
    pub(crate) fn parse(text: &str, verifiers: &[&str]) -> Result<Self, FormulaError> {
        let expression = Expression::parse(text, verifiers)?;
        match expression.probe()?.iter().find(|value| !value.is_number()) {
            Some(other) => Err(FormulaError::NotANumber { found: kind(other) }),
            None => Ok(Self(expression)),
        }
    }

    /// The formula of a file that has one verifier and says nothing: its reward.
    pub(crate) fn reward_of(verifier: &str) -> Result<Self, FormulaError> {
        Self::parse(verifier, &[verifier])
    }

    /// What it reads, and how.
    pub(crate) fn expression(&self) -> &Expression {
        &self.0
    }

    /// The reward of a submission: `outcomes` and `on_failure` are those of every verifier, in the file's order.
    pub(crate) fn reward(
        &self,
        outcomes: &[(String, Outcome)],
        on_failure: &[OnFailure],
    ) -> Result<f64, NoValue> {
        let value = self.0.value(|verifier| (&outcomes[verifier].1, on_failure[verifier]))?;
        let reward = value.as_number().map_err(NoValue::Failed)?;
        if reward.is_finite() { Ok(reward) } else { Err(NoValue::NotFinite { value: reward }) }
    }
}

/// When to ask a verifier: a condition over verifiers that were asked before.
#[derive(Debug, Clone)]
pub(crate) struct Condition(Expression);

impl Condition {
    /// Parses a condition over the verifiers `above` it in the file; `rest` are the others' names.
    pub(crate) fn parse(text: &str, above: &[&str], rest: &[&str]) -> Result<Self, FormulaError> {
        let expression = Expression::parse(text, above).map_err(|error| match error {
            FormulaError::UnknownVerifier { name, .. } if rest.contains(&name.as_str()) => {
                FormulaError::NotAbove { name }
            }
            other => other,
        })?;
        match expression.probe()?.iter().find(|value| !value.is_boolean()) {
            Some(other) => Err(FormulaError::NotACondition { found: kind(other) }),
            None => Ok(Self(expression)),
        }
    }

    /// What it reads, and how.
    pub(crate) fn expression(&self) -> &Expression {
        &self.0
    }

    /// Whether it holds for a submission; `None` while a verifier that it names has no outcome yet.
    ///
    /// A verifier that failed and drops its submission leaves nothing to find out: it does not hold then.
    pub(crate) fn holds(
        &self,
        outcomes: &[Option<Outcome>],
        on_failure: &[OnFailure],
    ) -> Option<Result<bool, NoValue>> {
        if self.0.verifiers().any(|verifier| outcomes[verifier].is_none()) {
            return None;
        }
        let outcome = |verifier: usize| {
            (outcomes[verifier].as_ref().expect("all that it names are there"), on_failure[verifier])
        };
        Some(match self.0.value(outcome) {
            Ok(value) => value.as_boolean().map_err(NoValue::Failed),
            Err(NoValue::Dropped) => Ok(false),
            Err(problem) => Err(problem),
        })
    }
}

/// What a value is, for somebody who expected another.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Float(_) | Value::Int(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::String(_) => "text",
        Value::Tuple(_) => "several values",
        Value::Empty => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{FUNCTIONS, is_formula_name};
    use gavel_verify::{Description, Failure, Verdict};
    use std::time::Duration;

    const VERIFIERS: [&str; 2] = ["accuracy", "format"];

    fn outcome(reward: f64, metrics: &[(&str, f64)]) -> Outcome {
        let metrics = metrics.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        Outcome::verdict(Verdict { reward, reason: None, metrics }, Duration::ZERO)
    }

    fn failed() -> Outcome {
        Outcome::failure(Failure::OutOfFuel { limit: 1 }, Duration::ZERO)
    }

    fn reward(
        formula: &str,
        accuracy: Outcome,
        format: Outcome,
        on_failure: OnFailure,
    ) -> Result<f64, NoValue> {
        let outcomes = [("accuracy".to_owned(), accuracy), ("format".to_owned(), format)];
        Formula::parse(formula, &VERIFIERS).unwrap().reward(&outcomes, &[on_failure; 2])
    }

    fn value(formula: &str) -> f64 {
        reward(formula, outcome(1.0, &[("near-miss", 0.5)]), outcome(0.5, &[]), OnFailure::Drop).unwrap()
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
            ("min(accuracy, format) + max(accuracy, 2)", 2.5),
            ("accuracy.near_miss", 0.5),
            ("math::pow(2, accuracy) - math::abs(-format)", 1.5),
            ("accuracy ^ 2 % 2", 1.0),
            ("-accuracy", -1.0),
        ] {
            assert!((value(formula) - expected).abs() < 1e-12, "{formula} = {}", value(formula));
        }
    }

    #[test]
    fn every_offered_function_exists() {
        for name in FUNCTIONS {
            let arguments = match name {
                "if" => "(accuracy == 0, 1, 2)",
                "min" | "max" | "math::pow" | "math::log" | "math::hypot" | "math::atan2" => "(accuracy, 2)",
                _ => "(accuracy)",
            };
            let formula = format!("if({name}{arguments} == 0, 1, 2)");
            let is = name.starts_with("math::is_");
            let formula = if is { format!("if({name}{arguments}, 1, 2)") } else { formula };
            Formula::parse(&formula, &VERIFIERS).unwrap_or_else(|error| panic!("{formula}: {error}"));
        }
    }

    #[test]
    fn mistakes_are_found_before_the_first_submission() {
        let error = |formula: &str| Formula::parse(formula, &VERIFIERS).unwrap_err();
        assert!(matches!(error("accuracy +"), FormulaError::Type(_) | FormulaError::Syntax(_)));
        assert!(matches!(error("(accuracy"), FormulaError::Syntax(_)));
        assert!(matches!(error(""), FormulaError::Constant { .. }));
        assert!(matches!(error("1"), FormulaError::Constant { .. }));
        assert!(matches!(error("accuracy > 0.5"), FormulaError::NotANumber { found: "true or false" }));
        assert!(matches!(error("accuracy, format"), FormulaError::NotANumber { found: "several values" }));
        assert!(matches!(error("accuracy + \"1\""), FormulaError::Type(_)));
        assert!(matches!(error("x = accuracy; x"), FormulaError::Assignment));
        assert!(matches!(error("system(accuracy)"), FormulaError::UnknownFunction { .. }));
        assert!(matches!(error("random() * accuracy"), FormulaError::UnknownFunction { .. }));
        match error("acuracy + format") {
            FormulaError::UnknownVerifier { name, suggestion, .. } => {
                assert_eq!((name.as_str(), suggestion.as_deref()), ("acuracy", Some("accuracy")));
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn metrics_are_checked_against_the_plugin() {
        let formula = Formula::parse("accuracy.near_mis + format.anything", &VERIFIERS).unwrap();
        let description = Description { metrics: vec!["near-miss".to_owned()], ..Description::default() };
        match formula.expression().check_metrics(0, "accuracy", &description) {
            Err(FormulaError::UnknownMetric { metric, suggestion, .. }) => {
                assert_eq!((metric.as_str(), suggestion.as_deref()), ("near_mis", Some("near-miss")));
            }
            other => panic!("{other:?}"),
        }
        formula.expression().check_metrics(1, "format", &Description::default()).unwrap();
    }

    #[test]
    fn a_failure_drops_the_submission_or_is_worth_what_the_file_says() {
        let with = |on_failure| reward("accuracy + format", failed(), outcome(0.5, &[]), on_failure);
        assert_eq!(with(OnFailure::Drop), Err(NoValue::Dropped));
        assert_eq!(with(OnFailure::Reward(-1.0)), Ok(-0.5));
    }

    #[test]
    fn a_failed_verifier_that_the_formula_does_not_name_changes_nothing() {
        assert_eq!(reward("format", failed(), outcome(0.5, &[]), OnFailure::Drop), Ok(0.5));
    }

    #[test]
    fn a_missing_metric_or_an_infinite_value_is_no_reward() {
        let missing = reward("accuracy.absent", outcome(1.0, &[]), outcome(0.5, &[]), OnFailure::Drop);
        assert_eq!(missing, Err(NoValue::MissingMetric { name: "accuracy.absent".to_owned() }));
        let infinite = reward("1 / accuracy", outcome(0.0, &[]), outcome(0.5, &[]), OnFailure::Drop);
        assert_eq!(infinite, Err(NoValue::NotFinite { value: f64::INFINITY }));
    }

    #[test]
    fn numbers_and_truth_values_are_no_names() {
        for name in ["true", "false", "inf", "nan", "infinity"] {
            assert!(!is_formula_name(name), "{name}");
        }
        assert!(is_formula_name("accuracy_2"));
    }

    #[test]
    fn a_condition_waits_for_the_verifiers_that_it_names() {
        let condition = Condition::parse("accuracy < 1 && format.near_miss == 0", &VERIFIERS, &[]).unwrap();
        let holds = |accuracy: Option<Outcome>, format: Option<Outcome>| {
            condition.holds(&[accuracy, format], &[OnFailure::Drop; 2])
        };
        let format = || Some(outcome(1.0, &[("near-miss", 0.0)]));
        assert_eq!(holds(None, format()), None);
        assert_eq!(holds(Some(outcome(0.0, &[])), None), None);
        assert_eq!(holds(Some(outcome(0.0, &[])), format()), Some(Ok(true)));
        assert_eq!(holds(Some(outcome(1.0, &[])), format()), Some(Ok(false)));
        let missing = Err(NoValue::MissingMetric { name: "format.near_miss".to_owned() });
        assert_eq!(holds(Some(outcome(0.0, &[])), Some(outcome(1.0, &[]))), Some(missing));
    }

    #[test]
    fn a_failed_verifier_counts_in_a_condition_as_it_does_in_the_formula() {
        let condition = Condition::parse("accuracy < 1", &VERIFIERS, &[]).unwrap();
        let holds = |outcome, on_failure| condition.holds(&[Some(outcome), None], &[on_failure; 2]);
        assert_eq!(holds(failed(), OnFailure::Drop), Some(Ok(false)));
        assert_eq!(holds(failed(), OnFailure::Reward(0.0)), Some(Ok(true)));
        assert_eq!(holds(failed(), OnFailure::Reward(1.0)), Some(Ok(false)));
    }

    #[test]
    fn a_condition_is_true_or_false_and_looks_up() {
        let error = |text: &str| Condition::parse(text, &["accuracy"], &["format"]).unwrap_err();
        assert!(matches!(error("accuracy"), FormulaError::NotACondition { found: "a number" }));
        assert!(matches!(error("format < 1"), FormulaError::NotAbove { name } if name == "format"));
        assert!(matches!(error("acuracy < 1"), FormulaError::UnknownVerifier { .. }));
        assert!(matches!(error("true"), FormulaError::Constant { .. }));
    }

    #[test]
    fn a_verifier_that_was_not_asked_is_worth_nothing_and_drops_nothing() {
        let skipped = Outcome::failure(Failure::Skipped, Duration::ZERO);
        let value = reward("max(accuracy, format + format.x)", outcome(1.0, &[]), skipped, OnFailure::Drop);
        assert_eq!(value, Ok(1.0));
    }
}
