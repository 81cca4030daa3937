//! The JSON Schema of an options type, found out by having serde read it: what a struct's fields are called, what each
//! asks for, and whether it can be left out.
//!
//! The type is all that there is, so nothing has to be written twice. What serde does not say, such as limits, the schema
//! does not either; a type that reads itself, or an enum with a tag, is an object of which nothing is known.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, json};

type Failed = serde::de::value::Error;

/// The schema of `T`, as text.
pub(crate) fn of<T: DeserializeOwned>() -> String {
    schema::<T>().to_string()
}

/// The names of the fields of `T`, with those that it also answers to; `None` where it is no struct.
pub(crate) fn fields<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let seen = Cell::new(None);
    // What is read is thrown away; all that counts is what it asked for.
    let _ = T::deserialize(Root { seen: &seen, given: &mut |_| None, unknown: false });
    seen.get()
}

fn schema<T: DeserializeOwned>() -> Value {
    let Some(fields) = fields::<T>() else { return json!({ "type": "object" }) };
    let reads = |left_out: Option<&str>, unknown: bool| {
        let seen = Cell::new(None);
        let all = Cell::new(Value::Null);
        let mut given = |field: &'static str| (Some(field) != left_out).then_some(&all);
        T::deserialize(Root { seen: &seen, given: &mut given, unknown }).is_ok()
    };
    let of_field = |name: &'static str| {
        let (seen, found) = (Cell::new(None), Cell::new(json!({})));
        let mut given = |field: &'static str| (field == name).then_some(&found);
        // It may want other fields besides: this one has been asked by then.
        let _ = T::deserialize(Root { seen: &seen, given: &mut given, unknown: false });
        (name.to_owned(), found.take())
    };
    let properties: Map<String, Value> = fields.iter().map(|&name| of_field(name)).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    // Whether something may be missing or unknown shows only where everything else is right.
    if reads(None, false) {
        let required: Vec<&str> = fields.iter().copied().filter(|name| !reads(Some(name), false)).collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if !reads(None, true) {
            schema["additionalProperties"] = false.into();
        }
    }
    schema
}

/// An options object that has what `given` says of each field: where the schema of its value goes.
struct Root<'a, 'g> {
    seen: &'a Cell<Option<&'static [&'static str]>>,
    given: &'a mut dyn FnMut(&'static str) -> Option<&'g Cell<Value>>,
    /// Whether it has a field besides that no type knows.
    unknown: bool,
}

impl<'de> Deserializer<'de> for Root<'_, '_> {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failed> {
        Err(Failed::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.seen.set(Some(fields));
        let given = fields.iter().filter_map(|&field| Some((field, Some((self.given)(field)?))));
        let unknown = self.unknown.then_some(("an option that no type knows", None));
        visitor
            .visit_map(Entries { entries: given.chain(unknown).collect::<Vec<_>>().into_iter(), next: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The entries of the object: names, and where the schema of each value goes.
struct Entries<'g> {
    entries: std::vec::IntoIter<(&'static str, Option<&'g Cell<Value>>)>,
    next: Option<&'g Cell<Value>>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed> {
        let Some((name, value)) = self.entries.next() else { return Ok(None) };
        self.next = value;
        let name: StrDeserializer<'_, Failed> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failed> {
        let nowhere = Cell::new(Value::Null);
        seed.deserialize(Probe(self.next.take().unwrap_or(&nowhere)))
    }
}

/// A value that is whatever it is asked to be, and notes what that was.
struct Probe<'a>(&'a Cell<Value>);

/// Notes a schema, and gives a value that fits it.
macro_rules! scalars {
    ($($method:ident, $visit:ident, $value:expr, $schema:tt;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
                self.0.set(json!($schema));
                visitor.$visit($value)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Failed;

    scalars! {
        deserialize_bool, visit_bool, false, { "type": "boolean" };
        deserialize_i8, visit_i8, 1, { "type": "integer" };
        deserialize_i16, visit_i16, 1, { "type": "integer" };
        deserialize_i32, visit_i32, 1, { "type": "integer" };
        deserialize_i64, visit_i64, 1, { "type": "integer" };
        deserialize_u8, visit_u8, 1, { "type": "integer", "minimum": 0 };
        deserialize_u16, visit_u16, 1, { "type": "integer", "minimum": 0 };
        deserialize_u32, visit_u32, 1, { "type": "integer", "minimum": 0 };
        deserialize_u64, visit_u64, 1, { "type": "integer", "minimum": 0 };
        deserialize_f32, visit_f32, 1.0, { "type": "number" };
        deserialize_f64, visit_f64, 1.0, { "type": "number" };
        deserialize_char, visit_char, 'a', { "type": "string" };
        deserialize_str, visit_str, "a", { "type": "string" };
        deserialize_string, visit_str, "a", { "type": "string" };
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        let item = Cell::new(json!({}));
        let read = visitor.visit_seq(OneItem(Some(&item)));
        self.0.set(json!({ "type": "array", "items": item.take() }));
        read
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.0.set(json!({ "type": "object" }));
        visitor.visit_map(Entries { entries: Vec::new().into_iter(), next: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let Some(first) = variants.first() else { return Err(Failed::custom("no variants")) };
        self.0.set(json!({}));
        visitor.visit_enum(FirstVariant { name: first, variants, found: self.0 })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.0.set(json!({}));
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

/// A list with one item, whose schema goes there.
struct OneItem<'a>(Option<&'a Cell<Value>>);

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = Failed;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failed> {
        self.0.take().map(|item| seed.deserialize(Probe(item))).transpose()
    }
}

/// The first variant of an enum. If it is a bare name, so are the others, as far as a schema says.
struct FirstVariant<'a> {
    name: &'static str,
    variants: &'static [&'static str],
    found: &'a Cell<Value>,
}

impl<'de> EnumAccess<'de> for FirstVariant<'_> {
    type Error = Failed;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failed> {
        let name: StrDeserializer<'_, Failed> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for FirstVariant<'_> {
    type Error = Failed;

    fn unit_variant(self) -> Result<(), Failed> {
        self.found.set(json!({ "enum": self.variants }));
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failed> {
        let nowhere = Cell::new(Value::Null);
        seed.deserialize(Probe(&nowhere))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Failed> {
        Err(Failed::custom("not a bare name"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Failed> {
        Err(Failed::custom("not a bare name"))
    }
}

/// What is wrong with a name in an options object that is none of its type's, if that is what is wrong.
pub(crate) fn misspelt<T: DeserializeOwned>(options: &str) -> Option<String> {
    let fields = fields::<T>()?;
    let given: Map<String, Value> =
        Map::deserialize(&mut serde_json::Deserializer::from_str(options)).ok()?;
    let name = given.keys().find(|name| !fields.contains(&name.as_str()))?;
    let near = fields
        .iter()
        .map(|field| (strsim::jaro_winkler(name, field), field))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let name = crate::excerpt(name);
    Some(match near {
        Some((_, near)) => format!("unknown field `{name}` (did you mean `{near}`?)"),
        None if fields.is_empty() => format!("unknown field `{name}`; this plugin has no options"),
        None => {
            let listed: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
            format!("unknown field `{name}`; there are {}", listed.join(", "))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoOptions;

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        Strict,
        NotSo,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Options {
        limit: usize,
        share: f64,
        #[serde(default)]
        strict: bool,
        note: Option<String>,
        #[serde(rename = "match")]
        kind: Mode,
        #[serde(default)]
        words: Vec<String>,
    }

    #[test]
    fn a_schema_is_what_the_type_asks_for() {
        assert_eq!(
            schema::<Options>(),
            json!({
                "type": "object",
                "properties": {
                    "limit": { "type": "integer", "minimum": 0 },
                    "share": { "type": "number" },
                    "strict": { "type": "boolean" },
                    "note": { "type": "string" },
                    "match": { "enum": ["strict", "not-so"] },
                    "words": { "type": "array", "items": { "type": "string" } },
                },
                "required": ["limit", "share", "match"],
                "additionalProperties": false,
            })
        );
        let none = json!({ "type": "object", "properties": {}, "additionalProperties": false });
        assert_eq!(schema::<NoOptions>(), none);
    }

    #[derive(Deserialize)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "only read")]
    enum Tagged {
        One { a: u32 },
    }

    #[test]
    fn of_what_is_no_struct_nothing_is_known() {
        assert_eq!(schema::<Tagged>(), json!({ "type": "object" }));
        assert_eq!(misspelt::<Tagged>(r#"{"b": 1}"#), None);
    }

    #[test]
    fn a_name_that_is_no_option_is_named_with_the_one_that_was_meant() {
        for (options, expected) in [
            (r#"{"limt": 1}"#, Some("unknown field `limt` (did you mean `limit`?)")),
            (
                r#"{"limit": 1, "zzz": 1}"#,
                Some("unknown field `zzz`; there are `limit`, `share`, `strict`, `note`, `match`, `words`"),
            ),
            (r#"{"limit": "1"}"#, None),
        ] {
            assert_eq!(misspelt::<Options>(options).as_deref(), expected);
        }
        let none = misspelt::<NoOptions>(r#"{"loud": true}"#).unwrap();
        assert_eq!(none, "unknown field `loud`; this plugin has no options");
    }
}
