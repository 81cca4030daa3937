//! Whether a text is JSON, and an object with given keys.

use std::collections::BTreeSet;

use gavel_plugin::Verdict;
use gavel_text::without_lone_surrogates;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::metrics::Metrics;
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
    Metrics { json_valid: finding.valid, json_keys: finding.keys, ..Metrics::default() }
        .verdict(finding.broken, "is JSON as wanted")
}

/// Judges several texts, of which there has to be one at least: the worst finding.
pub(crate) fn read_all<'a>(texts: impl Iterator<Item = &'a str>, wanted: &Json) -> Finding {
    let worst = texts.map(|text| read(text, wanted)).min_by(|a, b| a.keys.total_cmp(&b.keys));
    worst.unwrap_or_else(|| Finding::none("there is nothing that could be JSON".to_owned()))
}

/// Judges a text; white space may stand around the JSON.
fn read(text: &str, wanted: &Json) -> Finding {
    let keys = match serde_json::from_str::<Checked>(&without_lone_surrogates(text)) {
        Ok(Checked(keys)) => keys,
        Err(error) => return Finding::none(format!("is no JSON: {error}")),
    };
    if wanted.keys.is_empty() {
        return Finding { valid: true, keys: 1.0, broken: None };
    }
    let Some(keys) = keys else {
        return Finding { valid: true, keys: 0.0, broken: Some("the JSON is no object".to_owned()) };
    };
    let missing = wanted.keys.iter().filter(|key| !keys.contains(*key)).collect::<Vec<_>>();
    let there = 1.0 - missing.len() as f64 / wanted.keys.len() as f64;
    let broken = missing.first().map(|key| format!("the JSON object has no key {key:?}"));
    Finding { valid: true, keys: there, broken }
}

impl Finding {
    fn none(why: String) -> Self {
        Self { valid: false, keys: 0.0, broken: Some(why) }
    }
}

/// The keys of a JSON object, each of them named once, since readers differ on which of two they take; `None` for other
/// JSON. What is within is skipped without recursion, so that it may nest as deep as it likes.
struct Checked(Option<BTreeSet<String>>);

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckedVisitor)
    }
}

struct CheckedVisitor;

impl<'de> Visitor<'de> for CheckedVisitor {
    type Value = Checked;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Checked, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Checked(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Checked, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, IgnoredAny)) = entries.next_entry::<String, IgnoredAny>()? {
            if keys.contains(&key) {
                let shown = gavel_plugin::excerpt(&key);
                return Err(A::Error::custom(format_args!("the key {shown:?} comes twice")));
            }
            keys.insert(key);
        }
        Ok(Checked(Some(keys)))
    }
}
