//! What a plugin's manifest wishes for beyond what gavel gives by itself. Only a reward file grants it.

use std::time::Duration;

use bytesize::ByteSize;
use gavel_host::Limits;
use gavel_reward::LimitSettings;

/// The limits that are above gavel's own, each with what it would be without.
pub(super) fn wishes(limits: &LimitSettings) -> Vec<String> {
    let (defaults, programs) = (Limits::default(), limits.programs);
    let bytes = |name, wish: Option<u64>, default: u64| above(name, wish, default, |bytes| size(*bytes));
    let length =
        |name, wish: Option<usize>, default: usize| above(name, wish, default, |bytes| size(*bytes as u64));
    let time = |name, wish, default| above(name, wish, default, |time: &Duration| format!("{time:?}"));
    let count = |name, wish, default| above(name, wish, default, u64::to_string);
    let wishes = [
        count("fuel", limits.fuel, defaults.fuel),
        bytes("memory", limits.memory, defaults.memory),
        time("timeout", limits.timeout, defaults.timeout),
        length("input", limits.input, defaults.input),
        length("output", limits.output, defaults.output),
        count("programs.fuel", programs.fuel, defaults.programs.fuel),
        bytes("programs.memory", programs.memory, defaults.programs.memory),
        time("programs.timeout", programs.timeout, defaults.programs.timeout),
        length("programs.output", programs.output, defaults.programs.output),
        count("programs.runs", programs.runs.map(u64::from), defaults.programs.runs.into()),
    ];
    wishes.into_iter().flatten().collect()
}

fn above<T: PartialOrd>(
    name: &str,
    wish: Option<T>,
    default: T,
    shown: impl Fn(&T) -> String,
) -> Option<String> {
    let wish = wish.filter(|wish| *wish > default)?;
    Some(format!("{name} {} (instead of {})", shown(&wish), shown(&default)))
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_reward::ProgramLimitSettings;

    #[test]
    fn only_what_is_above_the_defaults_is_a_wish() {
        let defaults = Limits::default();
        let programs = ProgramLimitSettings { runs: Some(u32::MAX), ..ProgramLimitSettings::default() };
        let timeout = Some(Duration::from_secs(3600));
        let limits = LimitSettings {
            fuel: Some(defaults.fuel),
            memory: Some(1),
            timeout,
            programs,
            ..LimitSettings::default()
        };
        let wishes = wishes(&limits);
        assert_eq!(wishes.len(), 2, "{wishes:?}");
        assert!(wishes[0].starts_with("timeout 3600s (instead of "), "{wishes:?}");
        assert!(wishes[1].starts_with("programs.runs 4294967295 (instead of "), "{wishes:?}");
    }
}
