//! Names with dots: `reward_model.ground_truth` is the column of that name, or what it leads to within objects.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// What `path` leads to: the entry that is called so, dots and all, or what `within` finds by the rest of the path in the
/// entry that the first name in it is.
pub fn follow<T>(
    path: &str,
    entry: impl Fn(&str) -> Option<T>,
    within: impl FnOnce(T, &str) -> Option<T>,
) -> Option<T> {
    entry(path).or_else(|| {
        let (name, rest) = path.split_once('.')?;
        within(entry(name)?, rest)
    })
}

/// What a path leads to within an object that is still text.
pub fn raw_within<'a>(object: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    // A value that is no object has no entries.
    let entries: HashMap<String, &'a RawValue> = serde_json::from_str(object.get()).ok()?;
    follow(path, |name| entries.get(name).copied(), raw_within)
}

/// What a path leads to within an object that has been read.
pub fn value_within<'a>(entries: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    follow(path, |name| entries.get(name), |value, rest| value_within(value.as_object()?, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_with_dots_is_itself_or_leads_inwards() {
        let text = r#"{"a": {"b": {"c": 1}, "b.d": 2}, "a.b": 3, "t": "x"}"#;
        let (raw, value): (Box<RawValue>, Value) =
            (serde_json::from_str(text).unwrap(), serde_json::from_str(text).unwrap());
        for (path, expected) in [
            ("a.b", Some(json!(3))),
            ("a.b.c", Some(json!(1))),
            ("a.b.d", Some(json!(2))),
            ("t", Some(json!("x"))),
            ("t.x", None),
            ("a.x", None),
            ("", None),
        ] {
            assert_eq!(value_within(value.as_object().unwrap(), path), expected.as_ref(), "{path}");
            let found =
                raw_within(&raw, path).map(|found| serde_json::from_str::<Value>(found.get()).unwrap());
            assert_eq!(found, expected, "{path}");
        }
    }
}
