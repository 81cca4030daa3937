//! What an answer is once it is read: the tree that the parser makes and everything else works on.

use dashu_int::IBig;
use dashu_ratio::RBig;

use crate::units::Unit;

/// A number as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Its exact value.
    pub value: RBig,
    /// How many digits stand behind the point; none for an integer or a repeating decimal.
    pub decimals: Option<u32>,
    /// How many digits it has from the first that is not zero on.
    pub significant: u32,
}

impl Number {
    /// A whole number.
    pub fn integer(value: impl Into<IBig>) -> Self {
        Self { value: RBig::from(value.into()), decimals: None, significant: 0 }
    }

    /// An exact value.
    pub fn exact(value: RBig) -> Self {
        Self { value, decimals: None, significant: 0 }
    }
}

/// Constants with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constant {
    /// π.
    Pi,
    /// The base of the natural logarithm.
    E,
    /// The imaginary unit.
    I,
    /// ∞.
    Infinity,
}

/// How two sides of a relation stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// `=`
    Equal,
    /// `≈`
    About,
    /// `≠`
    NotEqual,
    /// `<`
    Less,
    /// `≤`
    AtMost,
    /// `>`
    Greater,
    /// `≥`
    AtLeast,
    /// `∈`
    In,
    /// `∉`
    NotIn,
    /// `≡`, up to a modulus
    Congruent,
    /// `→` and the like
    Arrow,
}

impl Relation {
    /// The relation with its sides exchanged, where that has a sign.
    pub fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            other => other,
        }
    }

    /// Whether it is one of `<`, `≤`, `>`, `≥`.
    pub fn is_order(self) -> bool {
        matches!(self, Self::Less | Self::AtMost | Self::Greater | Self::AtLeast)
    }
}

/// A set that has a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedSet {
    /// ∅
    Empty,
    /// ℝ
    Reals,
    /// ℤ
    Integers,
    /// ℕ
    Naturals,
    /// ℚ
    Rationals,
    /// ℂ
    Complexes,
}

/// An interval of the real line.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: Expr,
    /// The upper end.
    pub high: Expr,
    /// Whether the lower end belongs to it.
    pub low_closed: bool,
    /// Whether the upper end belongs to it.
    pub high_closed: bool,
}

/// An answer, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A number.
    Number(Number),
    /// A variable: its letters, with what is subscribed to it.
    Symbol(String),
    /// π, e, i or ∞.
    Constant(Constant),
    /// `-a`
    Negative(Box<Expr>),
    /// `a + b + …`
    Sum(Vec<Expr>),
    /// `a b …`
    Product(Vec<Expr>),
    /// `a / b`
    Quotient(Box<Expr>, Box<Expr>),
    /// `a^b`
    Power(Box<Expr>, Box<Expr>),
    /// `a ± b`
    PlusMinus(Box<Expr>, Box<Expr>),
    /// A function by its LaTeX name, and its arguments. An index (of a logarithm) is the first of them.
    Call(String, Vec<Expr>),
    /// `a%`
    Percent(Box<Expr>),
    /// A value with a unit.
    Quantity(Box<Expr>, Unit),
    /// Digits with a base written below: `101_2`.
    Based(String, u32),
    /// `(a, b, …)`
    Tuple(Vec<Expr>),
    /// `a, b, …`
    List(Vec<Expr>),
    /// `{a, b, …}`
    Set(Vec<Expr>),
    /// An interval that can be nothing else: one end is closed.
    Interval(Box<Interval>),
    /// `A ∪ B ∪ …`
    Union(Vec<Expr>),
    /// `A ∩ B ∩ …`
    Intersection(Vec<Expr>),
    /// `A ∖ B`
    Difference(Box<Expr>, Box<Expr>),
    /// ∅, ℝ and so on.
    Named(NamedSet),
    /// Rows of a matrix.
    Matrix(Vec<Vec<Expr>>),
    /// `a < b < c`: one more side than relations.
    Relation(Vec<Expr>, Vec<Relation>),
    /// `a : b`
    Ratio(Vec<Expr>),
    /// A time of day in minutes, and whether it is known to be after noon or before.
    Time(u32, Option<bool>),
    /// Words, in lower case.
    Text(String),
}

impl Expr {
    /// A whole number.
    pub fn integer(value: i64) -> Self {
        Self::Number(Number::integer(value))
    }

    /// The members of a list, or the expression itself.
    pub fn members(&self) -> &[Expr] {
        match self {
            Self::List(members) | Self::Set(members) | Self::Tuple(members) => members,
            other => std::slice::from_ref(other),
        }
    }
}
