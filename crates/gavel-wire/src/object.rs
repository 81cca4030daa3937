//! Reads a JSON object whose values stay as they are written, and sees names that it has twice, which serde passes over.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The columns of an object, and a name that more than one of them has.
pub(crate) struct Object {
    pub(crate) columns: IndexMap<String, Box<RawValue>>,
    pub(crate) twice: Option<String>,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        object.deserialize_map(Reader)
    }
}

/// Reads an [`Object`].
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Object, A::Error> {
        let (mut columns, mut twice) = (IndexMap::new(), None);
        while let Some((name, value)) = object.next_entry::<String, Box<RawValue>>()? {
            if let (index, Some(_)) = columns.insert_full(name, value) {
                twice = columns.get_index(index).map(|(name, _)| name.clone());
            }
        }
        Ok(Object { columns, twice })
    }
}
