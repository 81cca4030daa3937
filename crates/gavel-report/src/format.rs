//! Numbers and untrusted text as people read them.

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A number without unit.
    Plain,
    /// A share of one, shown in percent.
    Share,
    /// Tokens.
    Tokens,
    /// Seconds.
    Seconds,
    /// Submissions.
    Submissions,
}

impl Unit {
    /// What stands at the head of an axis; empty for a number without unit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Share => "%",
            Self::Tokens => "tokens",
            Self::Seconds => "seconds",
            Self::Submissions => "submissions",
        }
    }
}

/// A value by itself, with three significant digits or so: `0.0123`, `71.2`, `1,234`, `1.5e-6`.
pub(crate) fn value(value: f64, unit: Unit) -> String {
    if unit == Unit::Share {
        return format!("{:.1} %", value * 100.0);
    }
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e9).contains(&size) {
        scientific(value, 1)
    } else if size >= 1000.0 {
        thousands(value.round())
    } else {
        let decimals = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
        signed(trim_zeros(&format!("{value:.decimals$}")))
    }
}

/// A tick of an axis whose ticks are `step` apart; all ticks of an axis have the same number of decimals.
pub(crate) fn tick(value: f64, step: f64, unit: Unit) -> String {
    let (value, step) = if unit == Unit::Share { (value * 100.0, step * 100.0) } else { (value, step) };
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e9).contains(&step) {
        scientific(value, (value.abs().log10().floor() - step.log10().floor()).max(0.0) as usize)
    } else if step >= 1e6 {
        format!("{}M", signed(trim_zeros(&format!("{:.1}", value / 1e6))))
    } else if step >= 1e3 {
        format!("{}k", signed(trim_zeros(&format!("{:.1}", value / 1e3))))
    } else {
        let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        if decimals == 0 { thousands(value) } else { signed(format!("{value:.decimals$}")) }
    }
}

/// A time as `42 s`, `3 min 20 s` or `2 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    signed(format!("{}e{exponent}", trim_zeros(digits)))
}

/// Digits in groups of three.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("−{grouped}") } else { grouped }
}

/// A minus sign as wide as a plus, in place of the hyphen.
fn signed(number: String) -> String {
    number.strip_prefix('-').map(|digits| format!("−{digits}")).unwrap_or(number)
}

fn trim_zeros(number: &str) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_three_digits() {
        let plain = |number| value(number, Unit::Plain);
        assert_eq!(plain(0.0), "0");
        assert_eq!(plain(0.012_345), "0.0123");
        assert_eq!(plain(0.5), "0.5");
        assert_eq!(plain(71.249), "71.2");
        assert_eq!(plain(999.9), "1000");
        assert_eq!(plain(1_234_567.0), "1,234,567");
        assert_eq!(plain(-1234.0), "−1,234");
        assert_eq!(plain(1.5e-6), "1.5e-6");
        assert_eq!(plain(1e-4), "1e-4");
        assert_eq!(value(0.8633, Unit::Share), "86.3 %");
    }

    #[test]
    fn ticks_of_an_axis_look_alike() {
        assert_eq!(tick(0.5, 0.25, Unit::Share), "50");
        assert_eq!(tick(1.0, 0.5, Unit::Plain), "1.0");
        assert_eq!(tick(150.0, 50.0, Unit::Tokens), "150");
        assert_eq!(tick(20_000.0, 5_000.0, Unit::Tokens), "20k");
        assert_eq!(tick(2_500_000.0, 500_000.0, Unit::Tokens), "2500k");
        assert_eq!(tick(2e-5, 1e-5, Unit::Plain), "2e-5");
        assert_eq!(tick(1e-4, 2e-5, Unit::Plain), "1e-4");
        assert_eq!(tick(1.02e-7, 2e-9, Unit::Plain), "1.02e-7");
        assert_eq!(tick(-0.02, 0.01, Unit::Plain), "−0.02");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(3.21), "3.2 s");
        assert_eq!(duration(59.0), "59 s");
        assert_eq!(duration(260.0), "4 min 20 s");
        assert_eq!(duration(7500.0), "2 h 5 min");
    }
}
