//! `[adversarial]` in a manifest: which attacks a plugin pays rightly, and why.

use serde_json::Value;

use crate::toml_file::{Field, Place, Table, TomlError};

/// Attacks that do not apply to a plugin, or to some of its options.
///
/// A plugin that judges the form alone pays a wrong answer in the right form, and is right to. Its author says so here,
/// and why, where everybody can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Attacks, or kinds of them, as `gavel plugin test --adversarial` calls them.
    pub attacks: Vec<String>,
    /// Where the manifest names them, so that an error can say so.
    pub place: Place,
    /// Why paying them is right.
    pub reason: String,
    /// Only where the options have these values: a JSON object. All options, where it is empty.
    pub options: Value,
}

impl Allowance {
    /// Reads the entries of `[[adversarial.allow]]`.
    pub(crate) fn read_all(table: Field<'_>) -> Result<Vec<Self>, TomlError> {
        let mut table = table.table()?;
        let allowances = match table.take("allow") {
            Some(field) => field.tables()?.into_iter().map(Self::read).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        table.finish()?;
        Ok(allowances)
    }

    fn read(mut table: Table<'_>) -> Result<Self, TomlError> {
        let attacks = table.require("attacks")?;
        let reason = table.require("reason")?;
        let allowance = Self {
            place: attacks.place(),
            attacks: attacks
                .strings()
                .filter(|names| !names.is_empty())
                .ok_or_else(|| attacks.unlike("a list of attacks such as [\"padding\"]"))?,
            reason: match reason.string()? {
                text if text.trim().is_empty() => return Err(reason.unlike("a sentence that says why")),
                text => text,
            },
            options: match table.take("options") {
                Some(options) => options.json_object()?,
                None => Value::Object(serde_json::Map::new()),
            },
        };
        table.finish()?;
        Ok(allowance)
    }

    /// Whether it is about a verifier with these options, a JSON object as text.
    pub fn is_about(&self, options: &str) -> bool {
        let given: Value = serde_json::from_str(options).unwrap_or_default();
        let wanted = self.options.as_object().into_iter().flatten();
        wanted.into_iter().all(|(name, value)| given.get(name) == Some(value))
    }
}
