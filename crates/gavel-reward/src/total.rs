//! How outcomes make one number: by a formula, or as the weighted sum of named components, each a formula of its own.

use std::path::PathBuf;

use gavel_plugins::toml_file::{Field, Place};
use gavel_verify::NoReward;

use crate::error::{FormulaError, RewardError};
use crate::expression::{Formula, Seen};
use crate::file::{expression_error, fitting_name, is_verifier_name, word_at_fault};
use crate::task::Task;

/// The dotted name of the formula.
const FORMULA: &str = "reward.formula";

/// What makes one number of the outcomes.
#[derive(Debug, Clone)]
pub(crate) enum Total {
    /// The value of a formula.
    Formula(PlacedFormula),
    /// The sum of these, each times its weight. At least one, and one weighs something.
    Components(Vec<Component>),
}

/// A formula, and where it stands: its metrics are checked when the plugins are known.
#[derive(Debug, Clone)]
pub(crate) struct PlacedFormula {
    pub(crate) formula: Formula,
    pub(crate) place: Place,
    /// The dotted name.
    pub(crate) field: String,
}

/// A named part of a reward.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) weight: f64,
    value: PlacedFormula,
}

/// The reward, and the values of its components.
pub(crate) type Summed = (Result<f64, NoReward>, Vec<(String, f64)>);

impl Total {
    /// Reads `[reward]`. `place` is the file's; `verifiers` are the names that formulas may use.
    pub(crate) fn read(
        mut place: Place,
        table: Option<Field<'_>>,
        verifiers: &[&str],
    ) -> Result<Self, RewardError> {
        if let Some(table) = table {
            place = table.place();
            let mut table = table.table()?;
            let (formula, components) = (table.take("formula"), table.take("components"));
            table.finish()?;
            match (formula, components) {
                (Some(_), Some(components)) => {
                    return Err(RewardError::TwoRewards { place: components.place() });
                }
                (Some(formula), None) => {
                    let text = formula.string()?;
                    return Ok(Self::Formula(PlacedFormula::parse(&formula, &text, verifiers)?));
                }
                (None, Some(components)) => {
                    return read_components(components, verifiers).map(Self::Components);
                }
                (None, None) => {}
            }
        }
        let formula = match verifiers {
            [name] => Formula::reward_of(name),
            _ => Err(FormulaError::Missing { count: verifiers.len(), example: verifiers.join(" + ") }),
        };
        let field = FORMULA.to_owned();
        match formula {
            Ok(formula) => Ok(Self::Formula(PlacedFormula { formula, place, field })),
            Err(problem) => Err(expression_error(place, FORMULA, problem)),
        }
    }

    /// A formula that stands in no file.
    pub(crate) fn of_formula(formula: Formula) -> Self {
        let place = Place { file: PathBuf::new(), line: 0, column: 0 };
        Self::Formula(PlacedFormula { formula, place, field: FORMULA.to_owned() })
    }

    /// All formulas in it.
    pub(crate) fn formulas(&self) -> Vec<&PlacedFormula> {
        match self {
            Self::Formula(formula) => vec![formula],
            Self::Components(components) => components.iter().map(|component| &component.value).collect(),
        }
    }

    /// The names of its components and their weights.
    pub(crate) fn components(&self) -> Vec<(String, f64)> {
        match self {
            Self::Formula(_) => Vec::new(),
            Self::Components(components) => {
                components.iter().map(|component| (component.name.clone(), component.weight)).collect()
            }
        }
    }

    /// Whether it compares the completions of a prompt with each other.
    pub(crate) fn needs_groups(&self) -> bool {
        self.formulas().iter().any(|placed| placed.formula.needs_groups())
    }

    /// The reward of a submission; `see` shows a verifier by its place. A component that weighs nothing is only looked
    /// at: where it has no value, the reward has one all the same.
    pub(crate) fn of<'a>(&self, task: &Task<'_>, see: impl Fn(usize) -> Seen<'a>) -> Summed {
        match self {
            Self::Formula(PlacedFormula { formula, .. }) => (formula.reward(task, see), Vec::new()),
            Self::Components(components) => {
                let values = components.iter().map(|component| component.value.formula.reward(task, &see));
                weighed(components, values)
            }
        }
    }

    /// As [`Total::of`], for all submissions of a group, each with its task and what shows its verifiers.
    pub(crate) fn of_group<'a, F: Fn(usize) -> Seen<'a>>(&self, members: &[(Task<'_>, F)]) -> Vec<Summed> {
        match self {
            Self::Formula(PlacedFormula { formula, .. }) => {
                formula.rewards(members).into_iter().map(|reward| (reward, Vec::new())).collect()
            }
            Self::Components(components) => {
                let mut values: Vec<_> = components
                    .iter()
                    .map(|component| component.value.formula.rewards(members).into_iter())
                    .collect();
                let of_one = |_| weighed(components, values.iter_mut().filter_map(Iterator::next));
                members.iter().map(of_one).collect()
            }
        }
    }
}

/// The sum of the values of these components, each times its weight.
fn weighed(components: &[Component], of_each: impl Iterator<Item = Result<f64, NoReward>>) -> Summed {
    let (mut sum, mut missing, mut values) = (0.0, None, Vec::with_capacity(components.len()));
    for (Component { name, weight, .. }, value) in components.iter().zip(of_each) {
        match value {
            Ok(value) => {
                // What weighs nothing adds nothing.
                sum += weight * value;
                values.push((name.clone(), value));
            }
            Err(problem) if *weight != 0.0 => missing = missing.or(Some(problem)),
            Err(_) => {}
        }
    }
    let reward = match missing {
        Some(problem) => Err(problem),
        None if f64::is_finite(sum) => Ok(sum + 0.0),
        None => Err(NoReward::NotFinite { value: sum }),
    };
    (reward, values)
}

impl PlacedFormula {
    /// The formula that is the text of a field, or what the field's name stands for.
    fn parse(field: &Field<'_>, text: &str, verifiers: &[&str]) -> Result<Self, RewardError> {
        let parsed = Formula::parse(text, verifiers);
        match parsed.and_then(|formula| formula.check_finite().map(|()| formula)) {
            Ok(formula) => Ok(Self { formula, place: field.place(), field: field.name().to_owned() }),
            Err(problem) => {
                Err(expression_error(field.place_of(word_at_fault(&problem)), field.name(), problem))
            }
        }
    }
}

fn read_components(field: Field<'_>, verifiers: &[&str]) -> Result<Vec<Component>, RewardError> {
    let wrong = field.unlike("a table with a component that weighs something");
    let named = field.table()?.into_named();
    let components = named
        .into_iter()
        .map(|(name, place, field)| Component::read(name, place, field, verifiers))
        .collect::<Result<Vec<_>, _>>()?;
    if components.iter().all(|component| component.weight == 0.0) {
        return Err(wrong.into());
    }
    Ok(components)
}

impl Component {
    /// A weight, a formula, or a table of both. Without a formula it is the verifier of its name.
    fn read(name: String, place: Place, field: Field<'_>, verifiers: &[&str]) -> Result<Self, RewardError> {
        if !is_verifier_name(&name) {
            return Err(RewardError::ComponentName {
                place,
                field: field.name().to_owned(),
                suggestion: fitting_name(&name),
            });
        }
        if let Some(weight) = field.number() {
            let value = PlacedFormula::parse(&field, &name, verifiers)?;
            return Ok(Self { name, weight, value });
        }
        if let Ok(text) = field.string() {
            let value = PlacedFormula::parse(&field, &text, verifiers)?;
            return Ok(Self { name, weight: 1.0, value });
        }
        let wrong = field.unlike("a weight, a formula, or a table with both");
        let of_name = PlacedFormula::parse(&field, &name, verifiers);
        let mut table = field.table().map_err(|_| wrong)?;
        let (formula, weight) = (table.take("formula"), table.take("weight"));
        table.finish()?;
        let value = match formula {
            Some(formula) => PlacedFormula::parse(&formula, &formula.string()?, verifiers)?,
            None => of_name?,
        };
        let weight = match weight {
            Some(weight) => weight.number().ok_or_else(|| weight.unlike("a finite number"))?,
            None => 1.0,
        };
        Ok(Self { name, weight, value })
    }
}
