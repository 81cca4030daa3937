//! The formula of a reward file, whose value is a number, and the condition of a verifier, which holds or does not.

use gavel_verify::NoReward;

#[cfg(test)]
use super::functions::Body;
use super::tree::{Look, Number, Term, Truth};
use super::{Inputs, Seen, parse};
use crate::error::FormulaError;
use crate::task::Task;

/// A formula over the verifiers of one reward file: its value is a number.
#[derive(Debug, Clone)]
pub(crate) struct Formula {
    tree: Number,
    inputs: Inputs,
}

impl Formula {
    /// Parses a formula over verifiers with these names, and checks everything that does not need the plugins.
    pub(crate) fn parse(text: &str, verifiers: &[&str]) -> Result<Self, FormulaError> {
        match parse(text, verifiers)? {
            (_, inputs) if inputs.name_no_verifier() => {
                let verifiers = verifiers.iter().map(|&name| name.to_owned()).collect();
                Err(FormulaError::Constant { verifiers })
            }
            (Term::Number(tree), inputs) => Ok(Self { tree, inputs }),
            (Term::Column(_), _) => unreachable!("a column alone names no verifier"),
            (Term::Truth(_) | Term::Text(_), _) => Err(FormulaError::NotANumber),
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

    /// Checks that some usual rewards and metrics make a finite number of it: with `a / 0` no submission would ever have
    /// a reward.
    pub(crate) fn check_finite(&self) -> Result<(), FormulaError> {
        let of = |value: &dyn Fn(usize) -> f64| self.tree.value(&Supposed(value)).unwrap_or(f64::NAN);
        let alike = USUAL.iter().map(|&usual| of(&|_| usual));
        let mixed = (0..USUAL.len()).map(|shift| of(&|place| USUAL[(place + shift) % USUAL.len()]));
        if alike.chain(mixed).any(f64::is_finite) {
            return Ok(());
        }
        Err(FormulaError::NeverFinite { value: of(&|_| 1.0) })
    }

    /// The reward of a submission; `see` shows a verifier by its place.
    pub(crate) fn reward<'a>(
        &self,
        task: &Task<'_>,
        see: impl Fn(usize) -> Seen<'a>,
    ) -> Result<f64, NoReward> {
        let value = self.tree.value(&self.inputs.look(task, see))?;
        // Adding 0 makes 0 of -0, which is the same number and would be written another way.
        if value.is_finite() { Ok(value + 0.0) } else { Err(NoReward::NotFinite { value }) }
    }
}

/// What rewards and metrics usually are.
const USUAL: [f64; 7] = [0.0, 1.0, 0.5, -1.0, 2.0, 10.0, 1000.0];

/// What the names of an expression would be worth.
struct Supposed<'a>(&'a dyn Fn(usize) -> f64);

impl Look for Supposed<'_> {
    fn input(&self, place: usize) -> Result<f64, NoReward> {
        Ok(self.0(place))
    }

    fn number_in(&self, column: usize) -> Result<f64, NoReward> {
        Ok(self.0(column))
    }

    fn truth_in(&self, column: usize) -> Result<bool, NoReward> {
        Ok(self.0(column) > 0.5)
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
        let (term, inputs) = parse(text, above).map_err(|error| match error {
            FormulaError::UnknownVerifier { name, .. } if rest.contains(&name.as_str()) => {
                FormulaError::NotAbove { name }
            }
            other => other,
        })?;
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
        Self { tree: Number::Call(body, vec![Number::Constant(1.0)]), inputs: Inputs::default() }
    }
}

#[cfg(test)]
impl Condition {
    /// As [`Formula::that_panics`].
    pub(crate) fn that_panics() -> Self {
        let Formula { tree, inputs } = Formula::that_panics();
        Self { tree: Truth::Is(f64::is_nan, Box::new(tree)), inputs }
    }
}

#[cfg(test)]
mod tests;
