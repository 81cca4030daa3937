//! Says whether two answers are equal, and how that was decided.

use std::fmt;

use num_bigint::BigInt;
use num_rational::BigRational;

use crate::parse::{Answer, Quantity};

/// How two answers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The same number.
    SameNumber,
    /// The same number once a percentage is read as a fraction or as a count of hundredths.
    SamePercentage,
    /// The same text, in canonical spelling.
    SameText,
    /// Two numbers that differ.
    OtherNumber,
    /// Two numbers with units that differ.
    OtherUnit,
    /// Two texts that differ.
    OtherText,
    /// A number and a text.
    OtherKind,
}

impl Comparison {
    /// Whether the answers are equal.
    pub fn equal(self) -> bool {
        matches!(self, Self::SameNumber | Self::SamePercentage | Self::SameText)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameNumber => "is the same number as",
            Self::SamePercentage => "is the same percentage as",
            Self::SameText => "is the same text as",
            Self::OtherNumber => "is another number than",
            Self::OtherUnit => "has another unit than",
            Self::OtherText => "is another text than",
            Self::OtherKind => "is not the same kind of answer as",
        })
    }
}

/// Compares an answer with the reference.
pub fn compare(answer: &Answer, reference: &Answer) -> Comparison {
    match (answer, reference) {
        (Answer::Number(answer), Answer::Number(reference)) => compare_quantities(answer, reference),
        (Answer::Text(answer), Answer::Text(reference)) if answer == reference => Comparison::SameText,
        (Answer::Text(_), Answer::Text(_)) => Comparison::OtherText,
        _ => Comparison::OtherKind,
    }
}

fn compare_quantities(answer: &Quantity, reference: &Quantity) -> Comparison {
    // A unit that only one of them writes was left out by the other.
    if answer.unit.is_some() && reference.unit.is_some() && answer.unit != reference.unit {
        return Comparison::OtherUnit;
    }
    if answer.value == reference.value {
        return Comparison::SameNumber;
    }
    // `50%` is 50 where a percentage is asked for (equal above) and 0.5 where a number is.
    match (answer.percent, reference.percent) {
        (true, false) if hundredth(&answer.value) == reference.value => Comparison::SamePercentage,
        (false, true) if answer.value == hundredth(&reference.value) => Comparison::SamePercentage,
        _ => Comparison::OtherNumber,
    }
}

fn hundredth(value: &BigRational) -> BigRational {
    value / BigInt::from(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(answer: &str, reference: &str) -> Comparison {
        compare(&Answer::read(answer), &Answer::read(reference))
    }

    #[test]
    fn each_way_to_compare() {
        assert_eq!(compared("0.50", "1/2"), Comparison::SameNumber);
        assert_eq!(compared("50%", "1/2"), Comparison::SamePercentage);
        assert_eq!(compared("1/2", "50%"), Comparison::SamePercentage);
        assert_eq!(compared("50%", "50"), Comparison::SameNumber);
        assert_eq!(compared("50", "1/2"), Comparison::OtherNumber);
        assert_eq!(compared("50%", "0.5%"), Comparison::OtherNumber);
        assert_eq!(compared("5 cm", "5"), Comparison::SameNumber);
        assert_eq!(compared("5", "5 cm"), Comparison::SameNumber);
        assert_eq!(compared("5 cm", "5 kg"), Comparison::OtherUnit);
        assert_eq!(compared("East", "east"), Comparison::SameText);
        assert_eq!(compared("west", "east"), Comparison::OtherText);
        assert_eq!(compared("five", "5"), Comparison::OtherKind);
    }
}
