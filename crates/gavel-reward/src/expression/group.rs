//! What a formula may ask of all completions of one prompt: `group::mean(accuracy)`.
//!
//! Every call is computed once for the whole group, the inner ones first, so that a group costs as much as its completions
//! do one by one, however deep its calls are nested. A completion whose argument has no value (a verifier that dropped, a
//! metric that is missing) is left out of what the others are compared with, and has no value itself.

use gavel_verify::NoReward;

use super::tree::{Look, Number};

/// What a call is worth to one completion.
type Value = Result<f64, NoReward>;

/// A function over the completions of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupFunction {
    Mean,
    Max,
    Min,
    /// The sample standard deviation, which divides by one less than there are.
    Std,
    /// The place among the others, the least first, from 1; equal values share the mean of their places.
    Rank,
    /// The share of completions with the same value, its own among them.
    ShareEqual,
    /// How many completions there are, with a value or without.
    Size,
}

/// A call of one of them in a formula.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) function: GroupFunction,
    /// What it is computed of; `None` where it takes nothing.
    pub(super) argument: Option<Number>,
}

/// The values of a formula for the completions of a group. `calls` has each call behind those in its argument.
pub(super) fn values(tree: &Number, calls: &[Call], members: &[&dyn Look]) -> Vec<Value> {
    let mut known: Vec<Vec<Value>> = members.iter().map(|_| Vec::with_capacity(calls.len())).collect();
    for Call { function, argument } in calls {
        let each = members.iter().zip(&known);
        let of = |(&look, known): (&&dyn Look, &Vec<Value>)| {
            argument.as_ref().map_or(Ok(0.0), |argument| argument.value(&Within { look, known }))
        };
        let values = function.of(each.map(of).collect());
        known.iter_mut().zip(values).for_each(|(known, value)| known.push(value));
    }
    members.iter().zip(&known).map(|(&look, known)| tree.value(&Within { look, known })).collect()
}

impl GroupFunction {
    /// How many arguments it takes.
    pub(super) fn arguments(self) -> usize {
        usize::from(self != Self::Size)
    }

    /// What it is for each completion, from the values of its argument. The order of the completions does not matter to a
    /// single bit of it.
    fn of(self, values: Vec<Value>) -> Vec<Value> {
        let count = values.len();
        if self == Self::Size {
            return vec![Ok(count as f64); count];
        }
        // What this machine could not judge would be missing from what the others are compared with.
        if let Some(failed) = values.iter().find(|value| matches!(value, Err(NoReward::HostFailed { .. }))) {
            return vec![failed.clone(); count];
        }
        // Adding 0 makes 0 of -0, which is equal to it and would stand before it.
        let there = values.iter().flatten().filter(|value| !value.is_nan()).map(|value| value + 0.0);
        let mut sorted: Vec<f64> = there.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let compared = |value: f64| if value.is_nan() { value } else { self.among(&sorted, value + 0.0) };
        values.into_iter().map(|value| value.map(compared)).collect()
    }

    /// What it is for a completion with this value, which is one of those that are `sorted`.
    fn among(self, sorted: &[f64], value: f64) -> f64 {
        let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
        let count = sorted.len() as f64;
        let below = || sorted.partition_point(|other| *other < value);
        let up_to = || sorted.partition_point(|other| *other <= value);
        match self {
            Self::Mean => mean(sorted),
            Self::Max => greatest,
            Self::Min => least,
            Self::Std if least == greatest => 0.0,
            Self::Std => {
                let mean = mean(sorted);
                let squares = sorted.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
                (squares / (count - 1.0)).sqrt()
            }
            Self::Rank => (below() + up_to() + 1) as f64 / 2.0,
            Self::ShareEqual => (up_to() - below()) as f64 / count,
            Self::Size => count,
        }
    }
}

/// Of equal values it is that value, which a sum divided by their count may miss by a bit.
fn mean(sorted: &[f64]) -> f64 {
    let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
    if least == greatest { least } else { sorted.iter().sum::<f64>() / sorted.len() as f64 }
}

/// One completion, to whom the first calls are known.
struct Within<'a> {
    look: &'a dyn Look,
    known: &'a [Value],
}

impl Look for Within<'_> {
    fn input(&self, place: usize) -> Value {
        self.look.input(place)
    }

    fn number_in(&self, column: usize) -> Value {
        self.look.number_in(column)
    }

    fn truth_in(&self, column: usize) -> Result<bool, NoReward> {
        self.look.truth_in(column)
    }

    fn text_is(&self, column: usize, text: &str) -> Result<bool, NoReward> {
        self.look.text_is(column, text)
    }

    fn are_the_same(&self, columns: [usize; 2]) -> Result<bool, NoReward> {
        self.look.are_the_same(columns)
    }

    fn call(&self, place: usize) -> Value {
        self.known[place].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: GroupFunction, values: &[f64]) -> Vec<f64> {
        function.of(values.iter().map(|&value| Ok(value)).collect()).into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn every_function_is_what_its_name_says() {
        let values = [1.0, 4.0, 1.0, 0.0];
        for (function, expected) in [
            (GroupFunction::Mean, [1.5; 4]),
            (GroupFunction::Max, [4.0; 4]),
            (GroupFunction::Min, [0.0; 4]),
            // The squares are 0.25, 6.25, 0.25 and 2.25; 9 / 3 is 3.
            (GroupFunction::Std, [3.0_f64.sqrt(); 4]),
            (GroupFunction::Rank, [2.5, 4.0, 2.5, 1.0]),
            (GroupFunction::ShareEqual, [0.5, 0.25, 0.5, 0.25]),
            (GroupFunction::Size, [4.0; 4]),
        ] {
            assert_eq!(of(function, &values), expected, "{function:?}");
        }
    }

    #[test]
    fn a_group_of_one_is_a_group() {
        for (function, expected) in [
            (GroupFunction::Mean, 0.3),
            (GroupFunction::Std, 0.0),
            (GroupFunction::Rank, 1.0),
            (GroupFunction::ShareEqual, 1.0),
            (GroupFunction::Size, 1.0),
        ] {
            assert_eq!(of(function, &[0.3]), [expected], "{function:?}");
        }
    }

    #[test]
    fn the_order_of_the_completions_does_not_matter_to_a_bit() {
        let values = [0.1, 1e16, 0.2, -1e16, 0.3, -0.0, 0.0];
        let mut turned = values;
        for _ in 0..values.len() {
            turned.rotate_left(1);
            for function in [GroupFunction::Mean, GroupFunction::Std] {
                assert_eq!(of(function, &values)[0].to_bits(), of(function, &turned)[0].to_bits());
            }
        }
        assert_eq!(of(GroupFunction::Rank, &[0.0, -0.0]), [1.5, 1.5]);
        assert_eq!(of(GroupFunction::ShareEqual, &[0.0, -0.0]), [1.0, 1.0]);
        // A third of 0.3 three times is not 0.1.
        assert_eq!(of(GroupFunction::Mean, &[0.1; 3]), [0.1; 3]);
        assert_eq!(of(GroupFunction::Std, &[0.1; 3]), [0.0; 3]);
    }

    #[test]
    fn who_has_no_value_is_left_out_and_gets_none() {
        let dropped = || Err(NoReward::Dropped { verifier: "a".to_owned() });
        let values = || vec![Ok(1.0), dropped(), Ok(3.0), Ok(f64::NAN)];
        let mean = GroupFunction::Mean.of(values());
        assert_eq!(
            (&mean[..3], mean[3].as_ref().unwrap().is_nan()),
            (&[Ok(2.0), dropped(), Ok(2.0)][..], true)
        );
        assert_eq!(GroupFunction::Rank.of(values())[2], Ok(2.0));
        assert_eq!(GroupFunction::ShareEqual.of(values())[0], Ok(0.5));
        assert_eq!(GroupFunction::Size.of(values())[0], Ok(4.0));
        assert_eq!(GroupFunction::Max.of(vec![dropped(), dropped()]), [dropped(), dropped()]);
    }

    #[test]
    fn what_this_machine_could_not_judge_leaves_nobody_with_a_value() {
        let failed = || Err(NoReward::HostFailed { verifier: "a".to_owned() });
        assert_eq!(GroupFunction::Mean.of(vec![Ok(1.0), failed()]), [failed(), failed()]);
    }
}
