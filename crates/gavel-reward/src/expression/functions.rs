//! The functions that a formula may call, one a line: name, arguments, what it computes.
//!
//! Rewards must be the same to the last bit on every machine. What a processor computes exactly (rounding, absolute
//! values, the square root) is taken from the standard library; all else from `libm`, which is written in Rust, where
//! the standard library would ask the platform's own C library, and those differ in the last digits.

use gavel_files::closest;

use super::group::GroupFunction;

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) body: Body,
}

/// What a function takes and gives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    One(fn(f64) -> f64),
    Two(fn(f64, f64) -> f64),
    Three(fn(f64, f64, f64) -> f64),
    /// One number or more.
    Many(fn(&[f64]) -> f64),
    /// A number; gives a truth value, and is the only kind that sees what is not a number.
    Is(fn(f64) -> bool),
    /// A condition and two values of the same kind, of which only one is computed.
    If,
    /// A number of each completion of a prompt, or none; gives a number.
    Group(GroupFunction),
}

const fn function(name: &'static str, body: Body) -> Function {
    Function { name, body }
}

/// All functions, in the order of `docs/reward-file.md`.
pub(super) static TABLE: [Function; 39] = [
    function("if", Body::If),
    function("min", Body::Many(least)),
    function("max", Body::Many(greatest)),
    function("mean", Body::Many(mean)),
    function("clip", Body::Three(clip)),
    function("floor", Body::One(f64::floor)),
    function("round", Body::One(f64::round)),
    function("ceil", Body::One(f64::ceil)),
    function("math::abs", Body::One(f64::abs)),
    function("math::sqrt", Body::One(f64::sqrt)),
    function("math::cbrt", Body::One(libm::cbrt)),
    function("math::pow", Body::Two(libm::pow)),
    function("math::exp", Body::One(libm::exp)),
    function("math::exp2", Body::One(libm::exp2)),
    function("math::ln", Body::One(libm::log)),
    function("math::log", Body::Two(logarithm)),
    function("math::log2", Body::One(libm::log2)),
    function("math::log10", Body::One(libm::log10)),
    function("math::hypot", Body::Two(libm::hypot)),
    function("math::sin", Body::One(libm::sin)),
    function("math::cos", Body::One(libm::cos)),
    function("math::tan", Body::One(libm::tan)),
    function("math::asin", Body::One(libm::asin)),
    function("math::acos", Body::One(libm::acos)),
    function("math::atan", Body::One(libm::atan)),
    function("math::atan2", Body::Two(libm::atan2)),
    function("math::sinh", Body::One(libm::sinh)),
    function("math::cosh", Body::One(libm::cosh)),
    function("math::tanh", Body::One(libm::tanh)),
    function("math::is_nan", Body::Is(f64::is_nan)),
    function("math::is_finite", Body::Is(f64::is_finite)),
    function("math::is_infinite", Body::Is(f64::is_infinite)),
    function("group::mean", Body::Group(GroupFunction::Mean)),
    function("group::max", Body::Group(GroupFunction::Max)),
    function("group::min", Body::Group(GroupFunction::Min)),
    function("group::std", Body::Group(GroupFunction::Std)),
    function("group::rank", Body::Group(GroupFunction::Rank)),
    function("group::share_equal", Body::Group(GroupFunction::ShareEqual)),
    function("group::size", Body::Group(GroupFunction::Size)),
];

impl Function {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|function| function.name == name)
    }

    /// The function that was probably meant by a name that none has: the same without `math::` or `group::` before it, or
    /// one that is written nearly so.
    pub(super) fn meant_by(name: &str) -> Option<&'static str> {
        let names = || TABLE.iter().map(|function| function.name);
        let mut among = names();
        let within = among.find(|known| known.split_once("::").is_some_and(|(_, last)| last == name));
        let near = || closest(name, names());
        within.or_else(near)
    }
}

impl Body {
    /// How many arguments it takes; `Err` where that is the least.
    pub(super) fn arguments(self) -> Result<usize, usize> {
        match self {
            Self::One(_) | Self::Is(_) => Ok(1),
            Self::Two(_) => Ok(2),
            Self::Three(_) | Self::If => Ok(3),
            Self::Many(_) => Err(1),
            Self::Group(function) => Ok(function.arguments()),
        }
    }
}

/// Makes a function that gives a number of these arguments: NaN in, NaN out. C's `pow(nan, 0)` is 1, and `hypot(inf,
/// nan)` infinite; in a reward that would hide that something was divided by zero.
pub(super) fn call(body: Body, arguments: &[f64]) -> f64 {
    if arguments.iter().any(|argument| argument.is_nan()) {
        return f64::NAN;
    }
    match (body, arguments) {
        (Body::One(function), &[a]) => function(a),
        (Body::Two(function), &[a, b]) => function(a, b),
        (Body::Three(function), &[a, b, c]) => function(a, b, c),
        (Body::Many(function), arguments) => function(arguments),
        _ => unreachable!("the number of arguments was checked when the formula was read"),
    }
}

/// `a` to the power `b`: the function and the operator.
pub(super) fn power(a: f64, b: f64) -> f64 {
    call(Body::Two(libm::pow), &[a, b])
}

fn logarithm(a: f64, base: f64) -> f64 {
    libm::log(a) / libm::log(base)
}

/// -0 is less than 0, so that the order of the arguments does not matter.
fn least(numbers: &[f64]) -> f64 {
    numbers.iter().copied().min_by(f64::total_cmp).unwrap_or(f64::NAN)
}

fn greatest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().max_by(f64::total_cmp).unwrap_or(f64::NAN)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// Nothing lies between bounds that have changed places.
fn clip(number: f64, low: f64, high: f64) -> f64 {
    if low <= high { number.clamp(low, high) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [f64; 9] =
        [f64::NEG_INFINITY, -1.5, -0.0, 0.0, f64::MIN_POSITIVE, 0.5, 1.0, f64::MAX, f64::INFINITY];

    /// Every list of as many arguments as the function takes, out of `numbers`.
    fn arguments(body: Body, numbers: &[f64]) -> Vec<Vec<f64>> {
        let count = body.arguments().unwrap_or(2);
        let longer = |lists: Vec<Vec<f64>>| {
            lists.iter().flat_map(|list| numbers.iter().map(|&n| [&list[..], &[n]].concat())).collect()
        };
        (0..count).fold(vec![Vec::new()], |lists, _| longer(lists))
    }

    fn of_numbers() -> impl Iterator<Item = &'static Function> {
        TABLE.iter().filter(|function| !matches!(function.body, Body::Is(_) | Body::If | Body::Group(_)))
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for Function { name, body } in of_numbers() {
            let with_nan: Vec<f64> = EDGES.into_iter().chain([f64::NAN]).collect();
            for arguments in arguments(*body, &with_nan).iter().filter(|list| list.iter().any(|n| n.is_nan()))
            {
                assert!(call(*body, arguments).is_nan(), "{name}{arguments:?}");
            }
        }
    }

    /// Against the standard library, which may differ in the last digits and in nothing else.
    #[test]
    fn every_function_is_what_its_name_says() {
        for Function { name, body } in of_numbers() {
            for arguments in arguments(*body, &EDGES) {
                let expected = match (*name, &arguments[..]) {
                    ("min", [a, b]) => a.min(*b),
                    ("max", [a, b]) => a.max(*b),
                    ("mean", [a, b]) => (a + b) / 2.0,
                    ("clip", [x, low, high]) if low <= high => x.clamp(*low, *high),
                    ("clip", _) => f64::NAN,
                    ("floor", [a]) => a.floor(),
                    ("round", [a]) => a.round(),
                    ("ceil", [a]) => a.ceil(),
                    ("math::abs", [a]) => a.abs(),
                    ("math::sqrt", [a]) => a.sqrt(),
                    ("math::cbrt", [a]) => a.cbrt(),
                    ("math::pow", [a, b]) => a.powf(*b),
                    ("math::exp", [a]) => a.exp(),
                    ("math::exp2", [a]) => a.exp2(),
                    ("math::ln", [a]) => a.ln(),
                    ("math::log", [a, base]) => a.log(*base),
                    ("math::log2", [a]) => a.log2(),
                    ("math::log10", [a]) => a.log10(),
                    ("math::hypot", [a, b]) => a.hypot(*b),
                    ("math::sin", [a]) => a.sin(),
                    ("math::cos", [a]) => a.cos(),
                    ("math::tan", [a]) => a.tan(),
                    ("math::asin", [a]) => a.asin(),
                    ("math::acos", [a]) => a.acos(),
                    ("math::atan", [a]) => a.atan(),
                    ("math::atan2", [a, b]) => a.atan2(*b),
                    ("math::sinh", [a]) => a.sinh(),
                    ("math::cosh", [a]) => a.cosh(),
                    ("math::tanh", [a]) => a.tanh(),
                    other => panic!("{other:?} has no counterpart here"),
                };
                let found = call(*body, &arguments);
                let alike = found == expected
                    || (found.is_nan() && expected.is_nan())
                    || ((found - expected) / expected).abs() < 1e-14;
                assert!(alike, "{name}{arguments:?} is {found}, not {expected}");
            }
        }
    }

    /// These are the bits that `libm` gives on every platform; a C library may give others.
    #[test]
    fn the_last_bit_does_not_depend_on_the_machine() {
        for (name, bits) in [
            ("math::exp", 0x4000_1c2a_6126_8987_u64),
            ("math::sin", 0x3fe4_9d6e_6946_19b8),
            ("math::ln", 0xbfd6_d3c3_24e1_3f50),
            // glibc 2.36 ends with 92.
            ("math::tanh", 0x3fe3_56fb_17af_2e90),
        ] {
            let function = Function::named(name).unwrap();
            let found = call(function.body, &[0.7]).to_bits();
            assert_eq!(found, bits, "{name}(0.7) is {found:#x}");
        }
    }

    #[test]
    fn the_order_of_arguments_does_not_matter_to_the_least_and_the_greatest() {
        for (a, b) in [(0.0, -0.0), (1.0, f64::INFINITY), (-1.0, f64::NEG_INFINITY), (2.0, 3.0)] {
            assert_eq!(least(&[a, b]).to_bits(), least(&[b, a]).to_bits());
            assert_eq!(greatest(&[a, b]).to_bits(), greatest(&[b, a]).to_bits());
        }
    }
}
