//! Says whether two answers are equal, and how that was decided.
//!
//! Answers are compared by kind: scalars ([`scalar`]), lists, sets and tuples ([`members`]), sets of reals and
//! inequalities ([`reals`]), equations and other relations ([`relation`]), matrices ([`matrix`]), vectors ([`vectors`]), texts. What is written
//! in one kind and meant in another (an inequality and an interval, an assignment and its value, a column and a tuple)
//! is brought to one first, the same way from either side, so the order of the two does not matter; the sign of
//! percent is the one exception, and an option.

mod chain;
mod constants;
mod infinity;
mod matrix;
mod members;
mod parameters;
mod pieces;
mod reals;
mod relation;
mod scalar;
mod solved;
mod unlike;
mod vectors;

use std::fmt;

use serde::Deserialize;

use crate::algebra::Budget;
use crate::expr::{Expr, NamedSet};
use crate::reading::{Reading, Written};

/// What a sign of percent is worth that only one side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PercentRule {
    /// `10%` is 0.1.
    Value,
    /// `10%` is 0.1; but where the reference has the sign, an answer may leave it out: 10 is right for `10%`.
    #[default]
    Reference,
    /// `10%` is 0.1, and 10 as well, on either side.
    Lenient,
}

/// What a unit is worth that only one side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitRule {
    /// It may be left out.
    #[default]
    Lenient,
    /// It must be there.
    Strict,
}

/// Whether the order of a list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListRule {
    /// `1, 2` is `2, 1`.
    #[default]
    Unordered,
    /// It is not.
    Ordered,
}

/// The options of comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Signs of percent.
    pub percent: PercentRule,
    /// Units.
    pub units: UnitRule,
    /// Lists.
    pub lists: ListRule,
    /// From how many decimals on, and as many significant digits, a decimal may be the rounding of an exact value;
    /// 0 for never.
    pub rounding: u32,
    /// Whether a chain of equations counts only if it holds; else its last member counts whatever stands before it.
    pub true_chains: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            percent: PercentRule::default(),
            units: UnitRule::default(),
            lists: ListRule::default(),
            rounding: 4,
            true_chains: true,
        }
    }
}

/// How two answers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The same number.
    SameNumber,
    /// The same number once a percentage is read as a fraction or as a count of hundredths.
    SamePercentage,
    /// One is a decimal that the other rounds to.
    Rounded,
    /// The same formula, exactly.
    SameFormula,
    /// Formulas that agree at so many points.
    Agrees(usize),
    /// The same quantity in other units, or an angle in degrees and radians.
    SameQuantity,
    /// The same members.
    SameMembers,
    /// The same set of reals.
    SameReals,
    /// The same equation, inequality or other relation.
    SameRelation,
    /// The same matrix or vector.
    SameMatrix,
    /// The same text, in one spelling.
    SameText,
    /// Two numbers that differ.
    OtherNumber,
    /// Two formulas that differ.
    OtherFormula,
    /// Two quantities with units that differ.
    OtherUnit,
    /// Other members, or in another order where that counts.
    OtherMembers,
    /// Two sets of reals that differ.
    OtherReals,
    /// Two relations that differ.
    OtherRelation,
    /// Two matrices that differ.
    OtherMatrix,
    /// Two texts that differ.
    OtherText,
    /// A number and a text, a set and a tuple, or anything else that cannot be equal.
    OtherKind,
    /// It cannot be told.
    Undecided,
}

impl Comparison {
    /// Whether the answers are equal; `None` when it cannot be told.
    pub fn equal(self) -> Option<bool> {
        match self {
            Self::SameNumber
            | Self::SamePercentage
            | Self::Rounded
            | Self::SameFormula
            | Self::Agrees(_)
            | Self::SameQuantity
            | Self::SameMembers
            | Self::SameReals
            | Self::SameRelation
            | Self::SameMatrix
            | Self::SameText => Some(true),
            Self::Undecided => None,
            _ => Some(false),
        }
    }

    fn is_same(self) -> bool {
        self.equal() == Some(true)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameNumber => "is the same number as",
            Self::SamePercentage => "is the same percentage as",
            Self::Rounded => "is, rounded, the same number as",
            Self::SameFormula => "is the same formula as",
            Self::Agrees(points) => return write!(f, "agrees, at {points} points, with"),
            Self::SameQuantity => "is the same quantity as",
            Self::SameMembers => "has the same members as",
            Self::SameReals => "is the same set of reals as",
            Self::SameRelation => "is the same relation as",
            Self::SameMatrix => "has the same entries as",
            Self::SameText => "is the same text as",
            Self::OtherNumber => "is another number than",
            Self::OtherFormula => "is another formula than",
            Self::OtherUnit => "has another unit than",
            Self::OtherMembers => "has other members than",
            Self::OtherReals => "is another set of reals than",
            Self::OtherRelation => "is another relation than",
            Self::OtherMatrix => "has other entries than",
            Self::OtherText => "is another text than",
            Self::OtherKind => "is not the same kind of answer as",
            Self::Undecided => "cannot be compared with",
        })
    }
}

/// Compares an answer with the reference, both as written.
pub fn compare(answer: &str, reference: &str, rules: Rules) -> Comparison {
    compare_written(&Written::new(answer), &Written::new(reference), rules)
}

/// As [`compare`], for what is compared more than once.
pub fn compare_written(answer: &Written<'_>, reference: &Written<'_>, rules: Rules) -> Comparison {
    if let Some(comparison) = plain_numbers(answer.text, reference.text) {
        return comparison;
    }
    if answer.text == reference.text || is_same_text(answer.text, reference.text) {
        return if answer.is_number() { Comparison::SameNumber } else { Comparison::SameText };
    }
    if unlike::is_unlike(answer.text, reference.text) {
        return Comparison::OtherText;
    }
    let budget = Budget::new();
    let mut first = None;
    for answer in answer.readings() {
        for reference in reference.readings().iter().filter(|it| answer.fits(it) && it.fits(answer)) {
            let comparison = compare_readings(answer, reference, rules, &budget);
            if comparison.is_same() {
                return comparison;
            }
            // The first readings are the usual ones; an undecided one is not overruled.
            first = match first {
                None | Some(Comparison::OtherKind) => Some(comparison),
                Some(first) => Some(first),
            };
        }
    }
    first.unwrap_or(Comparison::OtherText)
}

/// Whether two texts are the same but for the `$` around them and white space.
fn is_same_text(a: &str, b: &str) -> bool {
    let strip = |text| -> Option<&str> {
        let inner = str::trim(text).strip_prefix('$')?.strip_suffix('$')?;
        Some(inner.trim_matches('$')).filter(|it| !it.contains('$'))
    };
    let (a, b) = (strip(a).unwrap_or(a), strip(b).unwrap_or(b));
    a.split_whitespace().eq(b.split_whitespace())
}

/// Integers without ornament need not be read.
fn plain_numbers(answer: &str, reference: &str) -> Option<Comparison> {
    let digits =
        |text: &str| !text.is_empty() && text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = |text| {
        let magnitude = str::strip_prefix(text, '-').unwrap_or(text);
        digits(magnitude).then(|| (magnitude.len() < text.len(), magnitude.trim_start_matches('0')))
    };
    let ((sign, answer), (other_sign, reference)) = (parts(answer)?, parts(reference)?);
    let same = answer == reference && (sign == other_sign || answer.is_empty());
    Some(if same { Comparison::SameNumber } else { Comparison::OtherNumber })
}

fn compare_readings(
    answer: &Reading<'_>,
    reference: &Reading<'_>,
    rules: Rules,
    budget: &Budget,
) -> Comparison {
    if answer.is_choice_like(reference) {
        return Comparison::SameText;
    }
    let by_text = || {
        if answer.spelling() == reference.spelling() { Comparison::SameText } else { Comparison::OtherText }
    };
    match (&answer.expr, &reference.expr) {
        (Some(answer_expr), Some(reference_expr)) => {
            let comparison = Comparer { rules, depth: 0, budget }.compare(answer_expr, reference_expr);
            // What is too large to be computed is still equal to itself.
            if comparison == Comparison::Undecided && answer_expr == reference_expr {
                return Comparison::SameFormula;
            }
            if comparison.is_same() {
                return comparison;
            }
            // `odd` is letters, a product to the parser, but the same text as `\text{odd}`.
            let texts =
                matches!(comparison, Comparison::OtherKind | Comparison::OtherText | Comparison::Undecided)
                    || answer.has_words() && reference.has_words();
            if texts && answer.spelling() == reference.spelling() { Comparison::SameText } else { comparison }
        }
        (None, None) => by_text(),
        _ => match by_text() {
            Comparison::OtherText => Comparison::OtherKind,
            same => same,
        },
    }
}

/// Compares expressions under some rules. The first is the answer, the second the reference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparer<'b> {
    rules: Rules,
    depth: u8,
    budget: &'b Budget,
}

/// How deeply members are compared.
const MOST_DEPTH: u8 = 12;

impl Comparer<'_> {
    /// Compares two expressions.
    pub(crate) fn compare(self, a: &Expr, b: &Expr) -> Comparison {
        if self.depth > MOST_DEPTH {
            return Comparison::Undecided;
        }
        let inner = Self { depth: self.depth + 1, ..self };
        if let (Some(a), Some(b)) = (matrix::evaluated(a, self.budget), matrix::evaluated(b, self.budget)) {
            return inner.compare_prepared(&a, &b);
        }
        Comparison::Undecided
    }

    /// `8 \pmod 7` is `1 \pmod 7`: the same modulus, and residues that it divides the difference of.
    fn compare_residues(self, a: &[Expr], b: &[Expr]) -> Comparison {
        let ([a, modulus], [b, other]) = (a, b) else { return Comparison::Undecided };
        let same_modulus = self.compare(modulus, other);
        if !same_modulus.is_same() {
            return same_modulus;
        }
        let difference = Expr::Sum(vec![a.clone(), Expr::Negative(Box::new(b.clone()))]);
        let steps = Expr::Quotient(Box::new(difference), Box::new(modulus.clone()));
        match crate::algebra::canonical(&steps, self.budget).ok().and_then(|steps| steps.as_rational()) {
            Some(steps) if steps.is_int() => Comparison::SameNumber,
            Some(_) => Comparison::OtherNumber,
            None => self.compare(a, b),
        }
    }

    fn compare_prepared(self, a: &Expr, b: &Expr) -> Comparison {
        if let Some(comparison) = self.compare_relations(a, b) {
            return comparison;
        }
        if let Some(comparison) = self.compare_vectors(a, b) {
            return comparison;
        }
        if let Some(comparison) = self.compare_reals(a, b) {
            return comparison;
        }
        if let Some(comparison) = self.compare_members(a, b) {
            return comparison;
        }
        if let Some(comparison) = self.compare_matrices(a, b) {
            return comparison;
        }
        match (a, b) {
            (Expr::Call(name, rows), Expr::Call(other, others)) if name == "cases" && other == "cases" => {
                self.compare_cases(rows, others)
            }
            (Expr::Call(name, residue), Expr::Call(other, residues)) if name == "pmod" && other == "pmod" => {
                self.compare_residues(residue, residues)
            }
            (Expr::Call(name, _), Expr::Number(_)) | (Expr::Number(_), Expr::Call(name, _))
                if name == "pmod" =>
            {
                Comparison::OtherKind
            }
            (Expr::Text(a), Expr::Text(b)) => {
                if a == b {
                    Comparison::SameText
                } else {
                    Comparison::OtherText
                }
            }
            (Expr::Text(text), other) | (other, Expr::Text(text)) => compare_text(text, other),
            (Expr::Named(a), Expr::Named(b)) if a == b => Comparison::SameMembers,
            (Expr::Named(NamedSet::Empty), _) | (_, Expr::Named(NamedSet::Empty)) => Comparison::OtherKind,
            (Expr::Named(_), _) | (_, Expr::Named(_)) => Comparison::OtherKind,
            _ => self.compare_scalars(a, b),
        }
    }
}

/// A text and something else: letters that spell it are the same text.
fn compare_text(text: &str, other: &Expr) -> Comparison {
    let spelt = match other {
        Expr::Symbol(name) => name.to_lowercase() == text,
        Expr::Product(factors) => {
            let mut letters = String::new();
            let plain = factors.iter().all(|factor| match factor {
                Expr::Symbol(name) => {
                    letters.push_str(&name.to_lowercase());
                    true
                }
                Expr::Constant(crate::expr::Constant::E) => {
                    letters.push('e');
                    true
                }
                Expr::Constant(crate::expr::Constant::I) => {
                    letters.push('i');
                    true
                }
                _ => false,
            });
            plain && letters == text
        }
        _ => false,
    };
    if spelt { Comparison::SameText } else { Comparison::OtherKind }
}
