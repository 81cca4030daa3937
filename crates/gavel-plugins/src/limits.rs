//! Limits as they are written in a reward file or a plugin's manifest: every one optional, the outer file wins.
//!
//! A reward file is its owner's, so it sets what it likes. A manifest is the plugin's, which may be anybody's: it may
//! lower gavel's defaults, and above them it states a wish that only a reward file grants.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;
use gavel_verify::{Limits, ProgramLimits};

use crate::lookup::{FoundPlugin, Origin};
use crate::manifest::Manifest;
use crate::toml_file::{Field, Table, TomlError};

/// A limit that a manifest wants to be higher than it may be without the reward file's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The limit's name below `limits`, such as `fuel` or `programs.runs`.
    pub field: &'static str,
    /// What the manifest wants, as a reward file would write it.
    pub wanted: String,
    /// What it gets, written alike.
    pub granted: String,
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}, and gets {}", self.field, self.wanted, self.granted)
    }
}

/// Makes settings of a table of limits: for each its type, how it is written, and its name below `limits`. `nested` are
/// the settings of another table within.
macro_rules! settings {
    (
        $(#[$doc:meta])* $settings:ident of $limits:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty, $unit:ident, $name:literal;)*
        }
        $(nested { $(#[$nested_doc:meta])* $nested:ident: $nested_type:ty; })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $settings {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            $($(#[$nested_doc])* pub $nested: $nested_type,)?
        }

        impl $settings {
            /// The limits that a table may have, but for those of a table within.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            /// Reads a table of limits.
            ///
            /// # Errors
            /// When it says what it may not.
            pub fn read(mut table: Table<'_>) -> Result<Self, TomlError> {
                let settings = Self {
                    $($field: table.take(stringify!($field)).map(|field| $unit::read(&field)).transpose()?,)*
                    $($nested: match table.take(stringify!($nested)) {
                        Some(field) => <$nested_type>::read(field.table()?)?,
                        None => <$nested_type>::default(),
                    },)?
                };
                table.finish()?;
                Ok(settings)
            }

            /// These settings, and `defaults` where they say nothing.
            #[must_use]
            pub fn or(self, defaults: Self) -> Self {
                Self {
                    $($field: self.$field.or(defaults.$field),)*
                    $($nested: self.$nested.or(defaults.$nested),)?
                }
            }

            /// Limits to load a verifier with: these settings, and the host's defaults where they say nothing.
            pub fn resolve(self) -> $limits {
                self.over($limits::default())
            }

            /// These settings, and `limits` where they say nothing.
            #[must_use]
            pub fn over(self, limits: $limits) -> $limits {
                #[allow(clippy::needless_update, reason = "some limits cannot be set in a file, of some tables")]
                $limits {
                    $($field: self.$field.unwrap_or(limits.$field),)*
                    $($nested: self.$nested.over(limits.$nested),)?
                    ..limits
                }
            }

            /// These settings where they are no higher than `most`; what is higher becomes a wish.
            #[must_use]
            pub fn within(mut self, most: &$limits) -> (Self, Vec<Wish>) {
                let mut wishes = Vec::new();
                $(if let Some(wanted) = self.$field && wanted > most.$field {
                    let [wanted, granted] = [wanted, most.$field].map($unit::write);
                    wishes.push(Wish { field: $name, wanted, granted });
                    self.$field = Some(most.$field);
                })*
                $({
                    let (granted, nested) = self.$nested.within(&most.$nested);
                    self.$nested = granted;
                    wishes.extend(nested);
                })?
                (self, wishes)
            }

            /// Whether anything is said of the limit with this name below `limits`.
            pub fn says(&self, field: &str) -> bool {
                match field {
                    $($name => self.$field.is_some(),)*
                    _ => false $(|| self.$nested.says(field))?,
                }
            }
        }
    };
}

impl LimitSettings {
    /// Reads what a request says about limits: a JSON object with the fields of a table of limits.
    ///
    /// # Errors
    /// When it says what it may not, for a person.
    pub fn of_json(limits: &serde_json::Value) -> Result<Self, String> {
        let wrong = |error: &dyn fmt::Display| format!("`limits` is no table of limits: {error}");
        let text =
            toml::to_string(&serde_json::json!({ "limits": limits })).map_err(|error| wrong(&error))?;
        let read = || -> Result<Self, TomlError> {
            let mut document = Table::parse(Path::new("limits"), &text)?;
            Self::read(document.require("limits")?.table()?)
        };
        read().map_err(|error| wrong(&error))
    }
}

settings! {
    /// What a file says about limits; `None` where it says nothing.
    LimitSettings of Limits {
        /// Instructions per submission.
        fuel: u64, count, "fuel";
        /// Bytes of memory.
        memory: u64, bytes, "memory";
        /// Processor time per submission.
        timeout: Duration, time, "timeout";
        /// Bytes of a submission and the options together.
        input: usize, length, "input";
        /// Bytes that the plugin may say per submission.
        output: usize, length, "output";
    }
    nested {
        /// What the programs may spend that the plugin runs.
        programs: ProgramLimitSettings;
    }
}

settings! {
    /// What a file says about the limits of programs; `None` where it says nothing.
    ProgramLimitSettings of ProgramLimits {
        /// Instructions per program.
        fuel: u64, count, "programs.fuel";
        /// Bytes of memory per program.
        memory: u64, bytes, "programs.memory";
        /// Processor time per program.
        timeout: Duration, time, "programs.timeout";
        /// Bytes of standard output, and of standard error, per program.
        output: usize, length, "programs.output";
        /// Programs per submission.
        runs: u32, runs, "programs.runs";
        /// Instructions of all programs of a submission together.
        total_fuel: u64, count, "programs.total_fuel";
        /// Time of all programs of a submission together.
        total_timeout: Duration, time, "programs.total_timeout";
    }
}

impl FoundPlugin {
    /// What its manifest says about limits, as far as it may without a reward file's consent, and what it wishes beyond.
    ///
    /// A first-party plugin, which is in the `gavel` binary, may have what its own manifest in there says.
    pub fn granted_limits(&self) -> (LimitSettings, Vec<Wish>) {
        let most = match &self.origin {
            Origin::FirstParty(plugin) => Manifest::parse(plugin.name.as_ref(), plugin.manifest)
                .map(|manifest| manifest.limits.resolve())
                .unwrap_or_default(),
            Origin::File(_) => Limits::default(),
        };
        self.limits().within(&most)
    }
}

/// How each kind of limit is written in TOML.
mod count {
    use super::*;

    pub(super) fn read(field: &Field<'_>) -> Result<u64, TomlError> {
        field.count(1)
    }

    pub(super) fn write(count: u64) -> String {
        count.to_string()
    }
}

mod runs {
    use super::*;

    pub(super) fn read(field: &Field<'_>) -> Result<u32, TomlError> {
        u32::try_from(field.count(1)?).map_err(|_| field.unlike("a whole number of at most 4294967295"))
    }

    pub(super) fn write(runs: u32) -> String {
        runs.to_string()
    }
}

mod bytes {
    use super::*;

    pub(super) fn read(field: &Field<'_>) -> Result<u64, TomlError> {
        field.bytes()
    }

    /// In a unit, where that loses nothing.
    pub(super) fn write(bytes: u64) -> String {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.into_iter().find(|(size, _)| bytes % size == 0) {
            Some((size, unit)) => format!("\"{}{unit}\"", bytes / size),
            None => ByteSize(bytes).as_u64().to_string(),
        }
    }
}

mod length {
    use super::*;

    pub(super) fn read(field: &Field<'_>) -> Result<usize, TomlError> {
        field.length()
    }

    pub(super) fn write(length: usize) -> String {
        bytes::write(length as u64)
    }
}

mod time {
    use super::*;

    pub(super) fn read(field: &Field<'_>) -> Result<Duration, TomlError> {
        field.duration()
    }

    pub(super) fn write(time: Duration) -> String {
        format!("\"{}\"", humantime::format_duration(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::first_party::FirstParty;
    use std::path::Path;

    fn settings(text: &str) -> LimitSettings {
        LimitSettings::read(Table::parse(Path::new("gavel.toml"), text).unwrap()).unwrap()
    }

    /// A limit of every kind, each higher than gavel's defaults.
    const GREEDY: &str = "fuel = 9_000_000_000\nmemory = '1GiB'\ntimeout = '1h 30m'\ninput = '1GiB'\noutput = 100_000\n\
                          [programs]\nfuel = 200_000_000_000\nmemory = '1000MiB'\ntimeout = 31\noutput = '5MiB'\nruns = 1001\n\
                          total_fuel = 2_000_000_000_000\ntotal_timeout = '10m'";

    #[test]
    fn a_manifest_may_lower_limits_and_wishes_for_more() {
        let (granted, wishes) = settings(GREEDY).within(&Limits::default());
        assert_eq!(granted.resolve(), Limits::default());
        let wishes: Vec<_> = wishes.iter().map(Wish::to_string).collect();
        assert_eq!(
            wishes,
            [
                "fuel = 9000000000, and gets 2000000000",
                "memory = \"1GiB\", and gets \"256MiB\"",
                "timeout = \"1h 30m\", and gets \"10s\"",
                "input = \"1GiB\", and gets \"16MiB\"",
                "output = 100000, and gets \"64KiB\"",
                "programs.fuel = 200000000000, and gets 100000000000",
                "programs.memory = \"1000MiB\", and gets \"256MiB\"",
                "programs.timeout = \"31s\", and gets \"30s\"",
                "programs.output = \"5MiB\", and gets \"4MiB\"",
                "programs.runs = 1001, and gets 1000",
                "programs.total_fuel = 2000000000000, and gets 1000000000000",
                "programs.total_timeout = \"10m\", and gets \"5m\"",
            ]
        );
        let lower =
            settings("fuel = 1\nmemory = 1\ntimeout = '1ms'\ninput = 1\noutput = 1\nprograms = { runs = 1 }");
        assert_eq!(lower.within(&Limits::default()), (lower, Vec::new()));
    }

    #[test]
    fn a_wish_is_written_as_a_reward_file_would_write_it() {
        let wanted = settings(GREEDY);
        let (_, wishes) = wanted.within(&Limits::default());
        let text: String = wishes.iter().map(|wish| format!("{} = {}\n", wish.field, wish.wanted)).collect();
        assert_eq!(settings(&text), wanted);
        assert!(
            wishes.iter().all(|wish| wanted.says(wish.field) && !LimitSettings::default().says(wish.field))
        );
    }

    #[test]
    fn a_first_party_plugin_may_have_what_it_asks_for_and_its_namesake_may_not() {
        for name in FirstParty::names() {
            let found = FoundPlugin::first_party(name).unwrap().unwrap();
            assert_eq!(found.granted_limits(), (found.limits(), Vec::new()), "{name}");
            let mut namesake = found.clone();
            namesake.origin = Origin::File("a.wasm".into());
            assert_eq!(namesake.granted_limits(), found.limits().within(&Limits::default()), "{name}");
            // A folder that has only a manifest stands for the plugin in the binary, not for its limits.
            let mut greedy = found.clone();
            greedy.manifest.as_mut().unwrap().limits = settings(GREEDY);
            assert!(!greedy.granted_limits().1.is_empty(), "{name}");
        }
    }
}
