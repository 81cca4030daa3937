//! Whether a text is JSON, and an object with given keys.

use std::collections::BTreeSet;

use gavel_plugin::Verdict;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::options::Json;

/// What JSON a text is.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) valid: bool,
    /// The share of the wanted keys that are there, from 0 to 1; 1 when none is wanted and the JSON is valid.
    pub(crate) keys: f64,
    /// Why it is not what is wanted.
    pub(crate) broken: Option<String>,
}

/// Judges the whole completion.
pub(crate) fn verify(completion: &str, wanted: &Json) -> Verdict {
    let finding = read(completion, wanted);
    Verdict::right_if(finding.broken.is_none())
        .because(finding.broken.unwrap_or_else(|| "is JSON as wanted".to_owned()))
        .metric("json_valid", finding.valid)
        .metric("json_keys", finding.keys)
}

/// Judges several texts, of which there has to be one at least: the worst finding.
pub(crate) fn read_all<'a>(texts: impl Iterator<Item = &'a str>, wanted: &Json) -> Finding {
    let worst = texts.map(|text| read(text, wanted)).min_by(|a, b| a.keys.total_cmp(&b.keys));
    worst.unwrap_or_else(|| Finding::none("there is nothing that could be JSON".to_owned()))
}

/// Judges a text; white space may stand around the JSON.
fn read(text: &str, wanted: &Json) -> Finding {
    if wanted.keys.is_empty() {
        return match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Finding { valid: true, keys: 1.0, broken: None },
            Err(error) => Finding::none(format!("is no JSON: {error}")),
        };
    }
    match serde_json::from_str::<Keys>(text) {
        Ok(Keys(keys)) => {
            let missing = wanted.keys.iter().filter(|key| !keys.contains(*key)).collect::<Vec<_>>();
            let there = 1.0 - missing.len() as f64 / wanted.keys.len() as f64;
            let broken = missing.first().map(|key| format!("the JSON object has no key {key:?}"));
            Finding { valid: true, keys: there, broken }
        }
        Err(_) => {
            let is_json = read(text, &Json::default());
            let no_object = || "the JSON is no object".to_owned();
            Finding { keys: 0.0, broken: Some(is_json.broken.unwrap_or_else(no_object)), ..is_json }
        }
    }
}

impl Finding {
    fn none(why: String) -> Self {
        Self { valid: false, keys: 0.0, broken: Some(why) }
    }
}

/// The keys of an object, without its values.
struct Keys(BTreeSet<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;

        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = BTreeSet::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.insert(key);
                }
                Ok(Keys(keys))
            }
        }

        deserializer.deserialize_map(KeysVisitor)
    }
}
