//! Checks the marks that a policy makes while it thinks: `3*5-2=13✓` claims a value, and that it is the target.
//!
//! Marks earn nothing. A rising share of wrong ones says that the policy has stopped checking and started to claim.

use num_bigint::BigInt;
use num_rational::BigRational;

use crate::expression::Expression;

/// The longest candidate that is read, in bytes: far above what a task can ask for, and cheap to compute.
const LONGEST: usize = 64;
/// So many marks are checked, the first ones, so that no length of thinking costs the answer its verdict.
const MOST: usize = 256;

/// The share of marks that are wrong, from 0 to 1; 0 when there are none.
pub(crate) fn share_wrong(completion: &str, target: i64) -> f64 {
    let marks = completion.split_inclusive(['✓', '✗']).filter(|step| step.ends_with(['✓', '✗'])).take(MOST);
    let (mut count, mut wrong) = (0u32, 0u32);
    for step in marks {
        count += 1;
        wrong += u32::from(!is_right(step, target));
    }
    if count == 0 { 0.0 } else { f64::from(wrong) / f64::from(count) }
}

/// Whether a step `… candidate=value` and its mark are true.
fn is_right(step: &str, target: i64) -> bool {
    let marked_right = step.ends_with('✓');
    let Some((before, claimed)) = step.trim_end_matches(['✓', '✗']).rsplit_once('=') else {
        return false;
    };
    let begin = before.rfind(|c: char| !c.is_ascii_digit() && !"+-*/() ".contains(c));
    let candidate = begin.map_or(before, |begin| before[begin..].trim_start_matches(|c: char| !c.is_ascii()));
    let candidate = candidate.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '(');
    let Ok(claimed) = claimed.trim().parse::<i64>() else { return false };
    if candidate.len() > LONGEST {
        return false;
    }
    let value = Expression::parse(candidate.trim()).ok().and_then(|expression| expression.value());
    let whole = |number: i64| BigRational::from_integer(BigInt::from(number));
    value.is_some_and(|value| value == whole(claimed) && marked_right == (value == whole(target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_right_when_value_and_comparison_are() {
        for (step, right) in [
            ("3*5-2=13✓", true),
            ("3*5-2=13✗", false),
            ("3*5+2=17✗", true),
            ("3*5+2=13✓", false),
            ("so, (3+2)*5 = 25 ✗", true),
            ("<think>13=13✓", true),
            ("✓", false),
            ("=13✓", false),
        ] {
            assert_eq!(is_right(step, 13), right, "{step}");
        }
    }

    #[test]
    fn the_share_is_over_all_marks() {
        assert_eq!(share_wrong("1+1=2✗1+2=4✗6+7=13✓", 13), 1.0 / 3.0);
        assert_eq!(share_wrong("no marks at all", 13), 0.0);
    }

    #[test]
    fn huge_candidates_are_not_computed() {
        assert_eq!(share_wrong(&format!("{}=1✓", "9*".repeat(100_000)), 1), 1.0);
    }
}
