//! Expressions over the outcomes of verifiers: the formula that makes one number of them, and the condition that says
//! whether to ask one at all.

mod foreign;
mod formula;
mod functions;
mod group;
mod tree;

use evalexpr::build_operator_tree;
use gavel_verify::{Failure, NoReward, Outcome, Status};

pub(crate) use formula::{Condition, Formula};

use crate::error::FormulaError;
use crate::task::{Column, PREFIX, Task};
use gavel_files::closest;
use group::Call;
use tree::{Look, Name, Term};

/// The longest expression that is read, in bytes.
const LONGEST: usize = 4096;

/// The names of the functions that a formula may call.
pub fn functions() -> impl Iterator<Item = &'static str> {
    functions::TABLE.iter().map(|function| function.name)
}

/// What a verifier without verdict is worth to the formula.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum OnFailure {
    /// The submission has no reward: it is left out of its group's baseline and gets advantage 0.
    #[default]
    Drop,
    /// The verifier's reward is this number, and all its metrics are 0.
    Reward(f64),
}

/// What the reward file says a verifier without verdict is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Prices {
    pub(crate) on_failure: OnFailure,
    /// Of what a completion can cause by its length or its form; see [`Status::is_limit`].
    pub(crate) on_limit: OnFailure,
}

impl Prices {
    fn of(self, status: Status) -> OnFailure {
        if status.is_limit() { self.on_limit } else { self.on_failure }
    }
}

/// What an expression sees of a verifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) outcome: &'a Outcome,
    pub(crate) prices: Prices,
    /// The verifier for want of whose verdict this one was not asked.
    pub(crate) wants: Option<&'a str>,
}

/// The names in an expression, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    verifiers: Vec<Input>,
    /// Columns of the task, without the prefix.
    columns: Vec<String>,
}

/// A name in an expression: `accuracy`, or `accuracy.some_metric`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Input {
    verifier: String,
    /// The verifier's place in the reward file.
    place: usize,
    /// The metric, unless it is the reward that is meant.
    metric: Option<String>,
}

/// An expression that has been read: the tree, its calls over groups, and what it names.
type Parsed = (Term, Vec<Call>, Inputs);

/// Parses an expression over verifiers with these names, and checks everything that does not need the plugins.
fn parse(text: &str, verifiers: &[&str]) -> Result<Parsed, FormulaError> {
    if text.len() > LONGEST {
        return Err(FormulaError::TooLong { longest: LONGEST });
    }
    parse_short(text, verifiers).map_err(|error| foreign::find(text, verifiers).unwrap_or(error))
}

fn parse_short(text: &str, verifiers: &[&str]) -> Result<Parsed, FormulaError> {
    let text = &double_quoted(text);
    if let Some(mark) = foreign::comment(text) {
        return Err(mark);
    }
    let parsed = build_operator_tree(text).map_err(FormulaError::Syntax)?;
    let mut inputs = Inputs::default();
    let (term, calls) = tree::build(&parsed, &mut |name| match name.strip_prefix(PREFIX) {
        Some(column) => Ok(Name::Column(place(&mut inputs.columns, column.to_owned()))),
        None => Ok(Name::Verifier(place(&mut inputs.verifiers, Input::new(name, verifiers)?))),
    })?;
    Ok((term, calls, inputs))
}

/// The place of a name among others, which is a new one where it has not been named before.
fn place<T: PartialEq>(names: &mut Vec<T>, name: T) -> usize {
    let known = names.iter().position(|known| *known == name);
    known.unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}

/// An expression whose texts stand in double quotes, as evalexpr reads them: in a string of TOML people write single ones.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let mut within = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (within, character) {
            (None, '\'' | '"') => {
                within = Some(character);
                quoted.push('"');
            }
            (Some(quote), character) if character == quote => {
                within = None;
                quoted.push('"');
            }
            (Some('\''), '"') => quoted.push_str("\\\""),
            // evalexpr knows two escapes.
            (Some(_), '\\') => match characters.next() {
                Some('\'') => quoted.push('\''),
                escaped => {
                    quoted.push('\\');
                    quoted.extend(escaped);
                }
            },
            (_, character) => quoted.push(character),
        }
    }
    quoted
}

impl Inputs {
    /// Whether no verifier is named.
    fn name_no_verifier(&self) -> bool {
        self.verifiers.is_empty()
    }

    /// Whether nothing is named, so that the expression says the same of every submission.
    fn name_nothing(&self) -> bool {
        self.verifiers.is_empty() && self.columns.is_empty()
    }

    /// Checks the metrics that are read from the verifier at this place against those that its plugin declares.
    pub(crate) fn check_metrics(
        &self,
        verifier: usize,
        name: &str,
        declared: &[String],
    ) -> Result<(), FormulaError> {
        let read = self.verifiers.iter().filter(|input| input.place == verifier);
        let known = |metric: &&String| declared.iter().any(|declared| same_metric(declared, metric));
        match read.filter_map(|input| input.metric.as_ref()).find(|metric| !known(metric)) {
            None => Ok(()),
            Some(metric) => Err(FormulaError::UnknownMetric {
                verifier: name.to_owned(),
                metric: metric.clone(),
                metrics: declared.to_vec(),
                suggestion: closest(metric, declared.iter().map(String::as_str)).map(str::to_owned),
            }),
        }
    }

    /// What the names are worth for one submission; `see` shows a verifier by its place.
    fn look<'i, 't, 'a, F: Fn(usize) -> Seen<'a>>(&'i self, task: &'i Task<'t>, see: F) -> Sight<'i, 't, F> {
        Sight { inputs: self, task, see }
    }
}

/// One submission, as an expression sees it.
struct Sight<'i, 't, F> {
    inputs: &'i Inputs,
    task: &'i Task<'t>,
    see: F,
}

impl<'a, F: Fn(usize) -> Seen<'a>> Look for Sight<'_, '_, F> {
    fn input(&self, place: usize) -> Result<f64, NoReward> {
        let input = &self.inputs.verifiers[place];
        input.value((self.see)(input.place))
    }

    fn number_in(&self, column: usize) -> Result<f64, NoReward> {
        match self.column(column, "a number")? {
            Column::Number(number) => Ok(number),
            other => Err(self.unlike(column, &other, "a number")),
        }
    }

    fn truth_in(&self, column: usize) -> Result<bool, NoReward> {
        match self.column(column, "true or false")? {
            Column::Truth(truth) => Ok(truth),
            other => Err(self.unlike(column, &other, "true or false")),
        }
    }

    fn text_is(&self, column: usize, text: &str) -> Result<bool, NoReward> {
        match self.column(column, "text")? {
            Column::Text(column) => Ok(column == text),
            // Equal to nothing, and nothing is wrong with it.
            Column::Null => Ok(false),
            other => Err(self.unlike(column, &other, "text")),
        }
    }

    fn are_the_same(&self, columns: [usize; 2]) -> Result<bool, NoReward> {
        let [one, other] = columns.map(|column| self.column(column, "there"));
        let (one, other) = (one?, other?);
        // Null is equal to nothing, another null included: two tasks that both lack an answer do not agree on it.
        Ok(one == other && !matches!(one, Column::Null))
    }
}

impl<F> Sight<'_, '_, F> {
    /// The column at this place; `wanted` is what it should hold, for the error where there is none.
    fn column(&self, place: usize, wanted: &'static str) -> Result<Column, NoReward> {
        let name = &self.inputs.columns[place];
        self.task.column(name).ok_or_else(|| NoReward::TaskColumn {
            column: name.clone(),
            found: format!("no such column{}", self.task.described(name)),
            wanted,
        })
    }

    fn unlike(&self, place: usize, found: &Column, wanted: &'static str) -> NoReward {
        NoReward::TaskColumn {
            column: self.inputs.columns[place].clone(),
            found: found.kind().to_owned(),
            wanted,
        }
    }
}

impl Input {
    fn new(name: &str, verifiers: &[&str]) -> Result<Self, FormulaError> {
        let (verifier, metric) = match name.split_once('.') {
            Some((verifier, metric)) => (verifier, Some(metric.to_owned())),
            None => (name, None),
        };
        match verifiers.iter().position(|&known| known == verifier) {
            Some(place) => Ok(Self { verifier: verifier.to_owned(), place, metric }),
            None => Err(FormulaError::UnknownVerifier {
                name: verifier.to_owned(),
                verifiers: verifiers.iter().map(|&name| name.to_owned()).collect(),
                suggestion: closest(verifier, verifiers.iter().copied()).map(str::to_owned),
            }),
        }
    }

    fn value(&self, Seen { outcome, prices, wants }: Seen<'_>) -> Result<f64, NoReward> {
        let verifier = || self.verifier.clone();
        match (&outcome.result, &self.metric) {
            (Ok(verdict), None) => Ok(verdict.reward),
            (Ok(verdict), Some(metric)) => verdict
                .metrics
                .iter()
                .find(|(name, _)| same_metric(name, metric))
                .map(|&(_, value)| value)
                .ok_or_else(|| NoReward::MissingMetric { verifier: verifier(), metric: metric.clone() }),
            (Err(Failure::Skipped | Failure::ConditionUnknown { .. }), _) => match wants {
                // Nothing went wrong: the file itself says when a verifier is not asked.
                None => Ok(0.0),
                Some(wanted) => Err(NoReward::Dropped { verifier: wanted.to_owned() }),
            },
            (Err(Failure::HostFailed(_)), _) => Err(NoReward::HostFailed { verifier: verifier() }),
            (Err(failure), metric) => match (prices.of(failure.status()), metric) {
                (OnFailure::Drop, _) => Err(NoReward::Dropped { verifier: verifier() }),
                (OnFailure::Reward(reward), None) => Ok(reward),
                (OnFailure::Reward(_), Some(_)) => Ok(0.0),
            },
        }
    }
}

/// Whether a plugin's metric is the one that an expression names: it writes `-` as `_`, since `-` subtracts.
fn same_metric(declared: &str, written: &str) -> bool {
    declared.len() == written.len()
        && declared.bytes().zip(written.bytes()).all(|(d, w)| d == w || (d == b'-' && w == b'_'))
}

/// Whether evalexpr reads `name` as a name, rather than as a number or a truth value, and it is not that of the task.
pub(crate) fn is_formula_name(name: &str) -> bool {
    name != PREFIX.trim_end_matches('.')
        && build_operator_tree(name).is_ok_and(|tree| tree.iter_read_variable_identifiers().eq([name]))
}
