//! The formula of a reward file, whose value is a number, and the condition of a verifier, which holds or does not.

use gavel_verify::NoReward;

#[cfg(test)]
use super::functions::Body;
use super::group::{self, Call};
use super::tree::{Look, Number, Term, Truth};
use super::{Inputs, Seen, parse};
use crate::error::FormulaError;
use crate::task::Task;

/// A formula over the verifiers of one reward file: its value is a number.
#[derive(Debug, Clone)]
pub(crate) struct Formula {
    tree: Number,
    /// Its calls over the completions of a group, each behind those in its argument.
    calls: Vec<Call>,
    inputs: Inputs,
}

impl Formula {
    /// Parses a formula over verifiers with these names, and checks everything that does not need the plugins.
    pub(crate) fn parse(text: &str, verifiers: &[&str]) -> Result<Self, FormulaError> {
        match parse(text, verifiers)? {
            (_, _, inputs) if inputs.name_no_verifier() => {
                let verifiers = verifiers.iter().map(|&name| name.to_owned()).collect();
                Err(FormulaError::Constant { verifiers })
            }
            (Term::Number(tree), calls, inputs) => Ok(Self { tree, calls, inputs }),
            (Term::Column(_), ..) => unreachable!("a column alone names no verifier"),
            (Term::Truth(_) | Term::Text(_), ..) => Err(FormulaError::NotANumber),
        }
    }

    /// The formula of a file that has one verifier and says nothing: its reward.
    pub(crate) fn reward_of(verifier: &str) -> Result<Self, FormulaError> {
        Self::parse(verifier, &[verifier])
    }

    /// What it reads.
    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Whether it compares the completions of a prompt with each other.
    pub(crate) fn needs_groups(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Checks that some usual rewards and metrics make a finite number of it: with `a / 0` no submission would ever have
    /// a reward.
    pub(crate) fn check_finite(&self) -> Result<(), FormulaError> {
        let alike = USUAL.map(Supposed::Alike);
        let mixed: [_; USUAL.len()] = std::array::from_fn(Supposed::Mixed);
        let of = |group: &[Supposed]| {
            let looks: Vec<&dyn Look> = group.iter().map(|supposed| supposed as &dyn Look).collect();
            group::values(&self.tree, &self.calls, &looks)
        };
        let is_finite = |value: &Result<f64, NoReward>| value.as_ref().is_ok_and(|value| value.is_finite());
        if [alike, mixed].iter().any(|group| of(group).iter().any(is_finite)) {
            return Ok(());
        }
        let value = of(&[Supposed::Alike(1.0)]).remove(0).unwrap_or(f64::NAN);
        Err(FormulaError::NeverFinite { value })
    }

    /// The reward of a submission; `see` shows a verifier by its place.
    pub(crate) fn reward<'a>(
        &self,
        task: &Task<'_>,
        see: impl Fn(usize) -> Seen<'a>,
    ) -> Result<f64, NoReward> {
        finite(self.tree.value(&self.inputs.look(task, see)))
    }

    /// The rewards of all submissions of a group, each with its task and what shows its verifiers.
    pub(crate) fn rewards<'a, F: Fn(usize) -> Seen<'a>>(
        &self,
        members: &[(Task<'_>, F)],
    ) -> Vec<Result<f64, NoReward>> {
        let sights: Vec<_> = members.iter().map(|(task, see)| self.inputs.look(task, see)).collect();
        let looks: Vec<&dyn Look> = sights.iter().map(|sight| sight as &dyn Look).collect();
        group::values(&self.tree, &self.calls, &looks).into_iter().map(finite).collect()
    }
}

/// A value as a reward. Adding 0 makes 0 of -0, which is the same number and would be written another way.
fn finite(value: Result<f64, NoReward>) -> Result<f64, NoReward> {
    let value = value?;
    if value.is_finite() { Ok(value + 0.0) } else { Err(NoReward::NotFinite { value }) }
}

/// What rewards and metrics usually are.
const USUAL: [f64; 7] = [0.0, 1.0, 0.5, -1.0, 2.0, 10.0, 1000.0];

/// What the names of an expression would be worth.
#[derive(Debug, Clone, Copy)]
enum Supposed {
    /// All the same.
    Alike(f64),
    /// One another, by their places; the first is the usual value at this place.
    Mixed(usize),
}

impl Supposed {
    fn of(self, place: usize) -> f64 {
        match self {
            Self::Alike(value) => value,
            Self::Mixed(shift) => USUAL[(place + shift) % USUAL.len()],
        }
    }
}

impl Look for Supposed {
    fn input(&self, place: usize) -> Result<f64, NoReward> {
        Ok(self.of(place))
    }

    fn number_in(&self, column: usize) -> Result<f64, NoReward> {
        Ok(self.of(column))
    }

    fn truth_in(&self, column: usize) -> Result<bool, NoReward> {
        Ok(self.of(column) > 0.5)
    }

    fn text_is(&self, column: usize, _: &str) -> Result<bool, NoReward> {
        self.truth_in(column)
    }

    fn are_the_same(&self, [one, _]: [usize; 2]) -> Result<bool, NoReward> {
        self.truth_in(one)
    }
}

/// When to ask a verifier: a condition over the task, and over verifiers that were asked before.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    tree: Truth,
    inputs: Inputs,
}

impl Condition {
    /// Parses a condition over the verifiers `above` it in the file; `rest` are the others' names.
    pub(crate) fn parse(text: &str, above: &[&str], rest: &[&str]) -> Result<Self, FormulaError> {
        let (term, calls, inputs) = parse(text, above).map_err(|error| match error {
            FormulaError::UnknownVerifier { name, .. } if rest.contains(&name.as_str()) => {
                FormulaError::NotAbove { name }
            }
            other => other,
        })?;
        if !calls.is_empty() {
            return Err(FormulaError::GroupInCondition);
        }
        if inputs.name_nothing() {
            let verifiers = above.iter().map(|&name| name.to_owned()).collect();
            return Err(FormulaError::Constant { verifiers });
        }
        match term {
            Term::Truth(tree) => Ok(Self { tree, inputs }),
            Term::Column(column) => Ok(Self { tree: Truth::Column(column), inputs }),
            Term::Number(_) | Term::Text(_) => Err(FormulaError::NotACondition),
        }
    }

    /// What it reads.
    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Whether it holds for a submission, once every verifier above has an outcome.
    pub(crate) fn holds<'a>(
        &self,
        task: &Task<'_>,
        see: impl Fn(usize) -> Seen<'a>,
    ) -> Result<bool, NoReward> {
        self.tree.holds(&self.inputs.look(task, see))
    }
}

#[cfg(test)]
impl Formula {
    /// A formula with a bug of gavel's in it.
    pub(crate) fn that_panics() -> Self {
        let body = Body::Many(|_| panic!("a bug in a function"));
        let tree = Number::Call(body, vec![Number::Constant(1.0)]);
        Self { tree, calls: Vec::new(), inputs: Inputs::default() }
    }

    /// Makes it one that compares completions, whatever it computes.
    pub(crate) fn compare_groups(&mut self) {
        self.calls.push(Call { function: group::GroupFunction::Size, argument: None });
    }
}

#[cfg(test)]
impl Condition {
    /// As [`Formula::that_panics`].
    pub(crate) fn that_panics() -> Self {
        let Formula { tree, inputs, .. } = Formula::that_panics();
        Self { tree: Truth::Is(f64::is_nan, Box::new(tree)), inputs }
    }
}

#[cfg(test)]
mod tests;
