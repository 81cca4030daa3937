//! Expressions over the outcomes of verifiers: what formulas and conditions have in common.

use std::collections::BTreeMap;
use std::fmt;

use evalexpr::{Context, EvalexprError, EvalexprResult, Node, Operator, Value, build_operator_tree};
use gavel_verify::{Description, Failure, Outcome};

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

/// Why an expression has no value for a submission.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NoValue {
    /// A verifier that it names has no verdict, and says `on_failure = "drop"`.
    Dropped,
    /// A verdict lacks a metric that it names.
    MissingMetric { name: String },
    /// It is infinite or not a number.
    NotFinite { value: f64 },
    /// It cannot be computed for these numbers.
    Failed(EvalexprError),
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => write!(f, "a verifier that it names has no verdict"),
            Self::MissingMetric { name } => write!(f, "the verdict lacks `{name}`"),
            Self::NotFinite { value } => write!(f, "its value is {value}"),
            Self::Failed(error) => f.write_str(&explain(error)),
        }
    }
}

/// An expression over the verifiers of one reward file.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    tree: Node,
    inputs: Vec<Input>,
}

/// A name in the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Input {
    /// As it is written: `accuracy` or `accuracy.some_metric`.
    name: String,
    /// The verifier's place in the reward file.
    verifier: usize,
    /// The metric, unless it is the reward that is meant.
    metric: Option<String>,
}

impl Expression {
    /// Parses an expression over verifiers with these names, and checks everything that does not need the plugins.
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
        if inputs.is_empty() {
            let verifiers = verifiers.iter().map(|&name| name.to_owned()).collect();
            return Err(FormulaError::Constant { verifiers });
        }
        Ok(Self { tree, inputs: inputs.into_values().collect() })
    }

    /// The places of the verifiers that it names.
    pub(crate) fn verifiers(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().map(|input| input.verifier)
    }

    /// Checks the metrics that are read from one verifier against what its plugin declares.
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

    /// Its value for all zeros and for all ones, so that a condition where a number belongs, or two arguments where
    /// one belongs, is found before the first submission.
    pub(crate) fn probe(&self) -> Result<[Value; 2], FormulaError> {
        let probe = |number| self.evaluate(vec![Value::Float(number); self.inputs.len()]);
        Ok([probe(0.0).map_err(FormulaError::Type)?, probe(1.0).map_err(FormulaError::Type)?])
    }

    /// Its value for a submission: `outcome` gives a verifier's outcome and what that is worth without verdict.
    pub(crate) fn value<'a>(
        &self,
        outcome: impl Fn(usize) -> (&'a Outcome, OnFailure),
    ) -> Result<Value, NoValue> {
        let value = |input: &Input| {
            let (outcome, on_failure) = outcome(input.verifier);
            input.value(outcome, on_failure).map(Value::Float)
        };
        let values = self.inputs.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        self.evaluate(values).map_err(NoValue::Failed)
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

    fn value(&self, outcome: &Outcome, on_failure: OnFailure) -> Result<f64, NoValue> {
        match (&outcome.result, &self.metric, on_failure) {
            (Ok(verdict), None, _) => Ok(verdict.reward),
            (Ok(verdict), Some(metric), _) => verdict
                .metrics
                .iter()
                .find(|(name, _)| same_metric(name, metric))
                .map(|&(_, value)| value)
                .ok_or_else(|| NoValue::MissingMetric { name: self.name.clone() }),
            // Nothing went wrong: the file itself says when a verifier is not asked.
            (Err(Failure::Skipped), _, _) => Ok(0.0),
            (Err(_), _, OnFailure::Drop) => Err(NoValue::Dropped),
            (Err(_), None, OnFailure::Reward(reward)) => Ok(reward),
            (Err(_), Some(_), OnFailure::Reward(_)) => Ok(0.0),
        }
    }
}

/// Whether a plugin's metric is the one that an expression names: it writes `-` as `_`, since `-` subtracts.
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

/// The values of an expression's names.
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
