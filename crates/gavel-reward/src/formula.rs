//! The formula that makes one number of the outcomes of several verifiers.

use std::collections::BTreeMap;
use std::fmt;

use evalexpr::{Context, EvalexprError, EvalexprResult, Node, Operator, Value, build_operator_tree};
use gavel_verify::{Description, Outcome};

use crate::error::{FormulaError, explain};
use crate::source::closest;

/// The functions that a formula may call: those of evalexpr that take and give numbers, and `if`.
pub const FUNCTIONS: [&str; 30] = [
    "if",
    "min",
    "max",
    "floor",
    "round",
    "ceil",
    "math::abs",
    "math::sqrt",
    "math::cbrt",
    "math::pow",
    "math::exp",
    "math::exp2",
    "math::ln",
    "math::log",
    "math::log2",
    "math::log10",
    "math::hypot",
    "math::sin",
    "math::cos",
    "math::tan",
    "math::asin",
    "math::acos",
    "math::atan",
    "math::atan2",
    "math::sinh",
    "math::cosh",
    "math::tanh",
    "math::is_nan",
    "math::is_finite",
    "math::is_infinite",
];

/// What a verifier without verdict is worth to the formula.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum OnFailure {
    /// The submission has no reward: it is left out of its group's baseline and gets advantage 0.
    #[default]
    Drop,
    /// The verifier's reward is this number, and all its metrics are 0.
    Reward(f64),
}

/// Why a formula gives no reward for a submission.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NoReward {
    /// A verifier that it names has no verdict, and says `on_failure = "drop"`.
    Dropped,
    /// A verdict lacks a metric that it names.
    MissingMetric { name: String },
    /// Its value is infinite or not a number.
    NotFinite { value: f64 },
    /// It cannot be computed for these numbers.
    Failed(EvalexprError),
}

impl fmt::Display for NoReward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => write!(f, "a verifier that it names has no verdict"),
            Self::MissingMetric { name } => write!(f, "the verdict lacks `{name}`"),
            Self::NotFinite { value } => write!(f, "its value is {value}"),
            Self::Failed(error) => f.write_str(&explain(error)),
        }
    }
}

/// A formula over the verifiers of one reward file.
#[derive(Debug, Clone)]
pub(crate) struct Formula {
    tree: Node,
    inputs: Vec<Input>,
}

/// A name in the formula.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Input {
    /// As the formula writes it: `accuracy` or `accuracy.some_metric`.
    name: String,
    /// The verifier's place in the reward file.
    verifier: usize,
    /// The metric, unless it is the reward that is meant.
    metric: Option<String>,
}

impl Formula {
    /// Parses a formula over verifiers with these names, and checks everything that does not need the plugins.
    pub(crate) fn parse(text: &str, verifiers: &[&str]) -> Result<Self, FormulaError> {
        let mut tree = build_operator_tree(text).map_err(FormulaError::Syntax)?;
        if tree.iter_write_variable_identifiers().next().is_some() {
            return Err(FormulaError::Assignment);
        }
        if let Some(name) = tree.iter_function_identifiers().find(|name| !FUNCTIONS.contains(name)) {
            return Err(FormulaError::UnknownFunction {
                name: name.to_owned(),
                suggestion: closest(name, FUNCTIONS.into_iter()),
            });
        }
        make_floats(&mut tree);
        let mut inputs = BTreeMap::new();
        for name in tree.iter_read_variable_identifiers() {
            inputs.insert(name.to_owned(), Input::new(name, verifiers)?);
        }
        let formula = Self { tree, inputs: inputs.into_values().collect() };
        if formula.inputs.is_empty() {
            let verifiers = verifiers.iter().map(|&name| name.to_owned()).collect();
            return Err(FormulaError::Constant { verifiers });
        }
        formula.check_types()?;
        Ok(formula)
    }

    /// The formula of a file that has one verifier and says nothing: its reward.
    pub(crate) fn reward_of(verifier: &str) -> Result<Self, FormulaError> {
        Self::parse(verifier, &[verifier])
    }

    /// Checks the metrics that the formula reads from one verifier against what its plugin declares.
    /// A plugin that declares none is not held to it.
    pub(crate) fn check_metrics(
        &self,
        verifier: usize,
        name: &str,
        description: &Description,
    ) -> Result<(), FormulaError> {
        if description.metrics.is_empty() {
            return Ok(());
        }
        let read = self.inputs.iter().filter(|input| input.verifier == verifier);
        let known =
            |metric: &&String| description.metrics.iter().any(|declared| same_metric(declared, metric));
        match read.filter_map(|input| input.metric.as_ref()).find(|metric| !known(metric)) {
            None => Ok(()),
            Some(metric) => Err(FormulaError::UnknownMetric {
                verifier: name.to_owned(),
                metric: metric.clone(),
                metrics: description.metrics.clone(),
                suggestion: closest(metric, description.metrics.iter().map(String::as_str)),
            }),
        }
    }

    /// The reward of a submission: `outcomes` and `on_failure` are those of every verifier, in the file's order.
    pub(crate) fn reward(
        &self,
        outcomes: &[(String, Outcome)],
        on_failure: &[OnFailure],
    ) -> Result<f64, NoReward> {
        let values = self
            .inputs
            .iter()
            .map(|input| {
                input.value(&outcomes[input.verifier].1, on_failure[input.verifier]).map(Value::Float)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let reward = self.evaluate(values).and_then(|value| value.as_number()).map_err(NoReward::Failed)?;
        if reward.is_finite() { Ok(reward) } else { Err(NoReward::NotFinite { value: reward }) }
    }

    /// Computes the formula for all zeros and for all ones, so that a condition where a number belongs, or two
    /// arguments where one belongs, is found before the first submission.
    fn check_types(&self) -> Result<(), FormulaError> {
        for probe in [0.0, 1.0] {
            let value =
                self.evaluate(vec![Value::Float(probe); self.inputs.len()]).map_err(FormulaError::Type)?;
            let found = match value {
                Value::Float(_) | Value::Int(_) => continue,
                Value::Boolean(_) => "true or false",
                Value::String(_) => "text",
                Value::Tuple(_) => "several values",
                Value::Empty => "nothing",
            };
            return Err(FormulaError::NotANumber { found });
        }
        Ok(())
    }

    fn evaluate(&self, values: Vec<Value>) -> EvalexprResult<Value> {
        self.tree.eval_with_context(&Numbers { inputs: &self.inputs, values })
    }
}

impl Input {
    fn new(name: &str, verifiers: &[&str]) -> Result<Self, FormulaError> {
        let (verifier, metric) = match name.split_once('.') {
            Some((verifier, metric)) => (verifier, Some(metric.to_owned())),
            None => (name, None),
        };
        match verifiers.iter().position(|&known| known == verifier) {
            Some(index) => Ok(Self { name: name.to_owned(), verifier: index, metric }),
            None => Err(FormulaError::UnknownVerifier {
                name: verifier.to_owned(),
                verifiers: verifiers.iter().map(|&name| name.to_owned()).collect(),
                suggestion: closest(verifier, verifiers.iter().copied()),
            }),
        }
    }

    fn value(&self, outcome: &Outcome, on_failure: OnFailure) -> Result<f64, NoReward> {
        match (&outcome.result, &self.metric, on_failure) {
            (Ok(verdict), None, _) => Ok(verdict.reward),
            (Ok(verdict), Some(metric), _) => verdict
                .metrics
                .iter()
                .find(|(name, _)| same_metric(name, metric))
                .map(|&(_, value)| value)
                .ok_or_else(|| NoReward::MissingMetric { name: self.name.clone() }),
            (Err(_), _, OnFailure::Drop) => Err(NoReward::Dropped),
            (Err(_), None, OnFailure::Reward(reward)) => Ok(reward),
            (Err(_), Some(_), OnFailure::Reward(_)) => Ok(0.0),
        }
    }
}

/// Whether a plugin's metric is the one that a formula names: a formula writes `-` as `_`, since `-` subtracts.
fn same_metric(declared: &str, written: &str) -> bool {
    declared.len() == written.len()
        && declared.bytes().zip(written.bytes()).all(|(d, w)| d == w || (d == b'-' && w == b'_'))
}

/// Whether evalexpr reads `name` as a name, rather than as a number or a truth value.
pub(crate) fn is_formula_name(name: &str) -> bool {
    build_operator_tree(name).is_ok_and(|tree| tree.iter_read_variable_identifiers().eq([name]))
}

/// Makes every constant a float: `1/2` is a half, as everybody expects of a formula over rewards.
fn make_floats(node: &mut Node) {
    if let Operator::Const { value: value @ Value::Int(_) } = node.operator_mut()
        && let Value::Int(number) = *value
    {
        *value = Value::Float(number as f64);
    }
    node.children_mut().iter_mut().for_each(make_floats);
}

/// The values of a formula's names.
struct Numbers<'a> {
    inputs: &'a [Input],
    values: Vec<Value>,
}

impl Context for Numbers<'_> {
    fn get_value(&self, identifier: &str) -> Option<&Value> {
        let index = self.inputs.iter().position(|input| input.name == identifier)?;
        self.values.get(index)
    }

    fn call_function(&self, identifier: &str, _argument: &Value) -> EvalexprResult<Value> {
        Err(EvalexprError::FunctionIdentifierNotFound(identifier.to_owned()))
    }

    fn are_builtin_functions_disabled(&self) -> bool {
        false
    }

    fn set_builtin_functions_disabled(&mut self, disabled: bool) -> EvalexprResult<()> {
        if disabled { Err(EvalexprError::BuiltinFunctionsCannotBeDisabled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_verify::{Failure, Verdict};
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
    ) -> Result<f64, NoReward> {
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
        match formula.check_metrics(0, "accuracy", &description) {
            Err(FormulaError::UnknownMetric { metric, suggestion, .. }) => {
                assert_eq!((metric.as_str(), suggestion.as_deref()), ("near_mis", Some("near-miss")));
            }
            other => panic!("{other:?}"),
        }
        formula.check_metrics(1, "format", &Description::default()).unwrap();
    }

    #[test]
    fn a_failure_drops_the_submission_or_is_worth_what_the_file_says() {
        let with = |on_failure| reward("accuracy + format", failed(), outcome(0.5, &[]), on_failure);
        assert_eq!(with(OnFailure::Drop), Err(NoReward::Dropped));
        assert_eq!(with(OnFailure::Reward(-1.0)), Ok(-0.5));
    }

    #[test]
    fn a_failed_verifier_that_the_formula_does_not_name_changes_nothing() {
        assert_eq!(reward("format", failed(), outcome(0.5, &[]), OnFailure::Drop), Ok(0.5));
    }

    #[test]
    fn a_missing_metric_or_an_infinite_value_is_no_reward() {
        let missing = reward("accuracy.absent", outcome(1.0, &[]), outcome(0.5, &[]), OnFailure::Drop);
        assert_eq!(missing, Err(NoReward::MissingMetric { name: "accuracy.absent".to_owned() }));
        let infinite = reward("1 / accuracy", outcome(0.0, &[]), outcome(0.5, &[]), OnFailure::Drop);
        assert_eq!(infinite, Err(NoReward::NotFinite { value: f64::INFINITY }));
    }

    #[test]
    fn numbers_and_truth_values_are_no_names() {
        for name in ["true", "false", "inf", "nan", "infinity"] {
            assert!(!is_formula_name(name), "{name}");
        }
        assert!(is_formula_name("accuracy_2"));
    }
}
