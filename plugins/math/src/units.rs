//! Units of measurement and other words behind a number: what they measure, and how they convert.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// A quantity that other units are multiples of. Currencies are one each, for rates change.
type Base = &'static str;

/// What stands behind a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its words in lower case and singular, without what says nothing (`of`, `the`).
    pub name: String,
    /// What it measures, if it is a unit that is known here.
    pub measure: Option<Measure>,
    /// What is said behind the unit: `profit` in `$5 profit`.
    pub remark: String,
}

/// A known unit as a multiple of base units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// How many of the base units it is.
    pub factor: RBig,
    /// The base units and their powers, in order.
    pub dimension: Vec<(Base, i32)>,
}

/// How two units stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Units {
    /// They say the same.
    Same,
    /// One of the first is so many of the second.
    Convertible(RBig),
    /// They measure different things.
    Unlike,
}

impl Unit {
    /// The degree of an angle.
    pub fn degree() -> Self {
        Self { name: "degree".to_owned(), measure: known("degree"), remark: String::new() }
    }

    /// Whether it measures an angle in degrees.
    pub fn is_degree(&self) -> bool {
        self.measure.as_ref().is_some_and(|it| it.dimension == [("degree", 1)] && it.factor.is_one())
    }

    /// Whether it measures an angle in radians.
    pub fn is_radian(&self) -> bool {
        self.measure.as_ref().is_some_and(|it| it.dimension == [("radian", 1)])
    }

    /// Whether it is a currency.
    pub fn is_money(&self) -> bool {
        self.measure
            .as_ref()
            .is_some_and(|it| matches!(it.dimension[..], [(base, 1)] if CURRENCIES.contains(&base)))
    }

    /// How this unit and another stand to each other.
    pub fn against(&self, other: &Self) -> Units {
        let remarks = [&self.remark, &other.remark];
        if remarks.iter().all(|it| !it.is_empty())
            && !within(remarks[0], remarks[1])
            && !within(remarks[1], remarks[0])
        {
            return Units::Unlike;
        }
        match (&self.measure, &other.measure) {
            // `square units` are square units of anything.
            (Some(a), Some(b)) if a.is_unnamed() || b.is_unnamed() => {
                if a.extent() == b.extent() {
                    Units::Same
                } else {
                    Units::Unlike
                }
            }
            (Some(a), Some(b)) if a == b => Units::Same,
            (Some(a), Some(b)) if a.dimension == b.dimension => Units::Convertible(&a.factor / &b.factor),
            (Some(_), Some(_)) => Units::Unlike,
            (None, None) if within(&self.name, &other.name) || within(&other.name, &self.name) => Units::Same,
            _ => Units::Unlike,
        }
    }
}

impl Measure {
    /// Whether it is a power of a length that has no name.
    fn is_unnamed(&self) -> bool {
        matches!(self.dimension[..], [(UNNAMED, _)])
    }

    /// The power of a length that it is.
    fn extent(&self) -> Option<i32> {
        match self.dimension[..] {
            [(UNNAMED | "meter", power)] => Some(power),
            _ => None,
        }
    }
}

/// What `square units` are squares of.
const UNNAMED: Base = "unit";

const CURRENCIES: [Base; 6] = ["dollar", "euro", "pound sterling", "yen", "rupee", "yuan"];

/// Whether every word of `few` is one of `many`.
fn within(few: &str, many: &str) -> bool {
    few.split(' ').all(|word| many.split(' ').any(|it| it == word))
}

/// Words that say nothing of what is counted.
const IDLE: [&str; 12] =
    ["of", "the", "a", "an", "in", "total", "each", "unit", "sq", "approximately", "about", "exactly"];

/// One factor of a unit as it was written: a word and the power it is raised to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor<'a> {
    /// The word.
    pub word: &'a str,
    /// Its power; negative behind `per` and `/`.
    pub power: i32,
}

/// Puts a unit together. `None` when its words say nothing, as in `10 units`.
pub fn unit(factors: &[Factor<'_>]) -> Option<Unit> {
    let mut words = Vec::new();
    let mut measure = Some(Measure { factor: RBig::ONE, dimension: Vec::new() });
    let mut next_power = 1;
    for factor in factors {
        let word = singular(factor.word);
        match word.as_str() {
            "square" | "sq" => next_power = 2,
            "cubic" | "cu" => next_power = 3,
            // `12 in` is in inches, `12 in total` is not.
            "in" if factors.len() == 1 => {
                measure = measure.and_then(|it| times(it, known("in")?, factor.power));
                words.push("inch".to_owned());
            }
            "unit" if next_power > 1 || factor.power.abs() > 1 => {
                let power = if next_power > 1 { factor.power.signum() * next_power } else { factor.power };
                next_power = 1;
                let unnamed = Measure { factor: RBig::ONE, dimension: vec![(UNNAMED, 1)] };
                measure = measure.and_then(|it| times(it, unnamed, power));
                words.push("unit".to_owned());
            }
            // `A` is the ampere.
            _ if IDLE.contains(&word.as_str()) && factor.word != "A" => {}
            _ => {
                let power = if next_power > 1 { factor.power.signum() * next_power } else { factor.power };
                next_power = 1;
                measure =
                    measure.and_then(|it| times(it, known(factor.word).or_else(|| known(&word))?, power));
                words.push(word);
            }
        }
    }
    if words.is_empty() {
        return None;
    }
    Some(Unit {
        name: words.join(" "),
        measure: measure.filter(|it| !it.dimension.is_empty()),
        remark: String::new(),
    })
}

/// Words behind a unit, without what says nothing.
pub fn remark(factors: &[Factor<'_>]) -> String {
    let words = factors.iter().map(|factor| singular(factor.word));
    words.filter(|word| !IDLE.contains(&word.as_str())).collect::<Vec<_>>().join(" ")
}

/// Whether `word` is a unit that is known here. Single letters are units only where they are certainly text.
pub fn is_known(word: &str) -> bool {
    // `2kN` may be a product of letters; what has a prefix is told from it by a space, or not at all.
    known(word).is_some() && (word.len() > 3 || prefixed(word).is_none() || ESTABLISHED.contains(&word))
        || matches!(word, "square" | "cubic" | "sq")
}

/// Units with a prefix that are no product of letters.
const ESTABLISHED: [&str; 11] = ["mm", "cm", "km", "dm", "nm", "kg", "mg", "ms", "mL", "ml", "kPa"];

/// Whether `word`, behind a space, is a unit with a prefix.
pub fn is_prefixed(word: &str) -> bool {
    prefixed(word).is_some() || matches!(word, "eV" | "Pa")
}

fn times(mut product: Measure, factor: Measure, power: i32) -> Option<Measure> {
    let size = isize::try_from(power).ok().filter(|size| size.abs() <= 6)?;
    product.factor *= factor.factor.pow(size);
    for (base, exponent) in factor.dimension {
        match product.dimension.iter_mut().find(|(it, _)| *it == base) {
            Some((_, total)) => *total += exponent * power,
            None => product.dimension.push((base, exponent * power)),
        }
    }
    product.dimension.retain(|(_, exponent)| *exponent != 0);
    product.dimension.sort_unstable();
    Some(product)
}

fn singular(word: &str) -> String {
    let word = word.to_lowercase();
    match word.as_str() {
        "feet" => "foot".to_owned(),
        "inches" => "inch".to_owned(),
        "people" | "persons" => "person".to_owned(),
        "men" => "man".to_owned(),
        "women" => "woman".to_owned(),
        "children" => "child".to_owned(),
        "mice" => "mouse".to_owned(),
        "pennies" => "penny".to_owned(),
        "gas" | "bus" | "plus" | "celsius" | "less" => word,
        _ => match word.strip_suffix("ies") {
            Some(stem) if stem.len() > 2 => format!("{stem}y"),
            _ => match word.strip_suffix('s') {
                Some(stem) if stem.len() > 1 && !stem.ends_with('s') => {
                    let stem = match stem.strip_suffix('e') {
                        Some(short) if ["sh", "ch", "x", "ss"].iter().any(|end| short.ends_with(end)) => {
                            short
                        }
                        _ => stem,
                    };
                    stem.to_owned()
                }
                _ => word,
            },
        },
    }
}

/// A unit by its name or symbol. Symbols keep their case, names do not.
fn known(word: &str) -> Option<Measure> {
    let symbol = |numerator: u64, denominator: u64, base: Base, power: i32| {
        let factor = RBig::from_parts(IBig::from(numerator), UBig::from(denominator));
        Some(Measure { factor, dimension: vec![(base, power)] })
    };
    let found = match word {
        "m" => symbol(1, 1, "meter", 1),
        "cm" => symbol(1, 100, "meter", 1),
        "mm" => symbol(1, 1000, "meter", 1),
        "km" => symbol(1000, 1, "meter", 1),
        "dm" => symbol(1, 10, "meter", 1),
        "nm" => symbol(1, 1_000_000_000, "meter", 1),
        "g" | "gm" => symbol(1, 1, "gram", 1),
        "kg" => symbol(1000, 1, "gram", 1),
        "mg" => symbol(1, 1000, "gram", 1),
        "s" | "sec" => symbol(1, 1, "second", 1),
        "ms" => symbol(1, 1000, "second", 1),
        "min" | "mins" => symbol(60, 1, "second", 1),
        "h" | "hr" | "hrs" => symbol(3600, 1, "second", 1),
        "L" | "l" => symbol(1, 1000, "meter", 3),
        "mL" | "ml" => symbol(1, 1_000_000, "meter", 3),
        "cc" => symbol(1, 1_000_000, "meter", 3),
        "ft" => symbol(3048, 10_000, "meter", 1),
        "in" => symbol(254, 10_000, "meter", 1),
        "yd" => symbol(9144, 10_000, "meter", 1),
        "mi" => symbol(1_609_344, 1000, "meter", 1),
        "lb" | "lbs" => symbol(45_359_237, 100_000, "gram", 1),
        "oz" => symbol(45_359_237, 1_600_000, "gram", 1),
        "rad" => symbol(1, 1, "radian", 1),
        "deg" => symbol(1, 1, "degree", 1),
        "N" => symbol(1, 1, "newton", 1),
        "J" => symbol(1, 1, "joule", 1),
        "W" => symbol(1, 1, "watt", 1),
        "V" => symbol(1, 1, "volt", 1),
        "K" => symbol(1, 1, "kelvin", 1),
        "Hz" => symbol(1, 1, "hertz", 1),
        "Pa" => symbol(1, 1, "pascal", 1),
        "A" => symbol(1, 1, "ampere", 1),
        "eV" => symbol(1, 1, "electronvolt", 1),
        "mol" => symbol(1, 1, "mole", 1),
        "cal" => symbol(1, 1, "calorie", 1),
        "Ω" => symbol(1, 1, "ohm", 1),
        "kmph" => return times(known("km")?, known("hour")?, -1),
        "mmHg" | "atm" => symbol(1, 1, if word == "atm" { "atmosphere" } else { "mercury" }, 1),
        "mph" => return times(known("mile")?, known("hour")?, -1),
        "mpg" => return times(known("mile")?, known("gallon")?, -1),
        "kph" | "kmh" => return times(known("km")?, known("hour")?, -1),
        "ha" => symbol(10_000, 1, "meter", 2),
        "$" | "USD" => symbol(1, 1, "dollar", 1),
        "€" | "EUR" => symbol(1, 1, "euro", 1),
        "£" | "GBP" => symbol(1, 1, "pound sterling", 1),
        "¥" | "JPY" => symbol(1, 1, "yen", 1),
        "₹" => symbol(1, 1, "rupee", 1),
        "¢" => symbol(1, 100, "dollar", 1),
        "°" => symbol(1, 1, "degree", 1),
        _ => None,
    };
    if found.is_some() {
        return found;
    }
    if let Some(measure) = prefixed(word) {
        return Some(measure);
    }
    if word.len() < 3 {
        return None;
    }
    match singular(word).as_str() {
        "meter" | "metre" => symbol(1, 1, "meter", 1),
        "centimeter" | "centimetre" => symbol(1, 100, "meter", 1),
        "millimeter" | "millimetre" => symbol(1, 1000, "meter", 1),
        "kilometer" | "kilometre" => symbol(1000, 1, "meter", 1),
        "gram" => symbol(1, 1, "gram", 1),
        "kilogram" | "kilo" => symbol(1000, 1, "gram", 1),
        "milligram" => symbol(1, 1000, "gram", 1),
        "ton" => symbol(1, 1, "ton", 1),
        "tonne" => symbol(1_000_000, 1, "gram", 1),
        "second" => symbol(1, 1, "second", 1),
        "millisecond" => symbol(1, 1000, "second", 1),
        "minute" => symbol(60, 1, "second", 1),
        "hour" => symbol(3600, 1, "second", 1),
        "day" => symbol(86_400, 1, "second", 1),
        "week" => symbol(604_800, 1, "second", 1),
        "month" => symbol(1, 1, "month", 1),
        "year" => symbol(12, 1, "month", 1),
        "decade" => symbol(120, 1, "month", 1),
        "liter" | "litre" => symbol(1, 1000, "meter", 3),
        "milliliter" | "millilitre" => symbol(1, 1_000_000, "meter", 3),
        "gallon" => symbol(1, 1, "gallon", 1),
        "quart" => symbol(1, 4, "gallon", 1),
        "pint" => symbol(1, 8, "gallon", 1),
        "foot" => symbol(3048, 10_000, "meter", 1),
        "inch" => symbol(254, 10_000, "meter", 1),
        "yard" => symbol(9144, 10_000, "meter", 1),
        "mile" => symbol(1_609_344, 1000, "meter", 1),
        "pound" => symbol(45_359_237, 100_000, "gram", 1),
        "ounce" => symbol(45_359_237, 1_600_000, "gram", 1),
        "degree" => symbol(1, 1, "degree", 1),
        "radian" => symbol(1, 1, "radian", 1),
        "celsius" => symbol(1, 1, "celsius", 1),
        "fahrenheit" => symbol(1, 1, "fahrenheit", 1),
        "kelvin" => symbol(1, 1, "kelvin", 1),
        "newton" => symbol(1, 1, "newton", 1),
        "joule" => symbol(1, 1, "joule", 1),
        "watt" => symbol(1, 1, "watt", 1),
        "volt" => symbol(1, 1, "volt", 1),
        "pascal" => symbol(1, 1, "pascal", 1),
        "hertz" => symbol(1, 1, "hertz", 1),
        "ampere" | "amp" => symbol(1, 1, "ampere", 1),
        "electronvolt" => symbol(1, 1, "electronvolt", 1),
        "mole" => symbol(1, 1, "mole", 1),
        "calorie" => symbol(1, 1, "calorie", 1),
        "ohm" => symbol(1, 1, "ohm", 1),
        "atmosphere" => symbol(1, 1, "atmosphere", 1),
        "acre" => symbol(1, 1, "acre", 1),
        "hectare" => symbol(10_000, 1, "meter", 2),
        "dollar" | "buck" => symbol(1, 1, "dollar", 1),
        "cent" | "penny" => symbol(1, 100, "dollar", 1),
        "euro" => symbol(1, 1, "euro", 1),
        "yen" => symbol(1, 1, "yen", 1),
        "yuan" => symbol(1, 1, "yuan", 1),
        "rupee" => symbol(1, 1, "rupee", 1),
        "dozen" => symbol(12, 1, "item", 1),
        "micron" => symbol(1, 1_000_000, "meter", 1),
        other => in_words(other),
    }
}

/// A unit with a prefix in words: `micrometer`, `megawatt`.
fn in_words(word: &str) -> Option<Measure> {
    const PREFIXES: [(&str, isize); 6] =
        [("nano", -9), ("micro", -6), ("milli", -3), ("kilo", 3), ("mega", 6), ("giga", 9)];
    let (base, exponent) =
        PREFIXES.iter().find_map(|(prefix, exponent)| Some((word.strip_prefix(prefix)?, exponent)))?;
    let mut measure = known(base).filter(|_| base.len() > 3)?;
    measure.factor *= RBig::from(10).pow(*exponent);
    Some(measure)
}

/// A unit with a prefix of the SI: `kPa`, `MHz`, `mL`, `µm`.
fn prefixed(word: &str) -> Option<Measure> {
    const BASES: [&str; 16] =
        ["m", "g", "s", "L", "l", "N", "J", "W", "V", "A", "K", "Hz", "Pa", "eV", "mol", "cal"];
    let mut letters = word.chars();
    let exponent: i32 = match letters.next()? {
        'G' => 9,
        'M' => 6,
        'k' => 3,
        'd' => -1,
        'c' => -2,
        'm' => -3,
        'µ' | 'μ' => -6,
        'n' => -9,
        'p' => -12,
        _ => return None,
    };
    let base = letters.as_str();
    if !BASES.contains(&base) {
        return None;
    }
    let mut measure = known(base)?;
    measure.factor *= RBig::from(10).pow(exponent as isize);
    Some(measure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[(&str, i32)]) -> Unit {
        let factors: Vec<Factor<'_>> = words.iter().map(|&(word, power)| Factor { word, power }).collect();
        unit(&factors).unwrap()
    }

    #[test]
    fn names_and_symbols_are_the_same_unit() {
        assert_eq!(read(&[("cm", 2)]).against(&read(&[("square", 1), ("centimeters", 1)])), Units::Same);
        assert_eq!(read(&[("mph", 1)]).against(&read(&[("miles", 1), ("hour", -1)])), Units::Same);
        assert_eq!(read(&[("dollars", 1)]).against(&read(&[("$", 1)])), Units::Same);
    }

    #[test]
    fn units_of_one_dimension_convert() {
        assert_eq!(read(&[("m", 1)]).against(&read(&[("cm", 1)])), Units::Convertible(RBig::from(100)));
        assert_eq!(read(&[("L", 1)]).against(&read(&[("cm", 3)])), Units::Convertible(RBig::from(1000)));
        assert_eq!(read(&[("m", 1)]).against(&read(&[("m", 2)])), Units::Unlike);
        assert_eq!(read(&[("cm", 1)]).against(&read(&[("kg", 1)])), Units::Unlike);
    }

    #[test]
    fn unknown_words_agree_when_one_says_no_more_than_the_other() {
        assert_eq!(read(&[("red", 1), ("balls", 1)]).against(&read(&[("ball", 1)])), Units::Same);
        assert_eq!(read(&[("apples", 1)]).against(&read(&[("oranges", 1)])), Units::Unlike);
    }

    #[test]
    fn words_that_say_nothing_are_no_unit() {
        assert_eq!(unit(&[Factor { word: "units", power: 1 }]), None);
    }

    #[test]
    fn square_units_are_squares_of_any_length() {
        let square = read(&[("square", 1), ("units", 1)]);
        assert_eq!(square.against(&read(&[("units", 2)])), Units::Same);
        assert_eq!(square.against(&read(&[("cm", 2)])), Units::Same);
        assert_eq!(square.against(&read(&[("units", 3)])), Units::Unlike);
    }
}
