//! Tightens a schema as strict structured outputs do: every property that is named must be there, and no other may.

use serde_json::{Value, json};

/// Keywords that hold one schema. Not `if`, `then`, `else` and `not`: they speak of some of the properties.
const ONE: [&str; 5] = ["items", "additionalItems", "contains", "additionalProperties", "unevaluatedItems"];
/// Keywords that hold a list of schemas for other values than this one.
const LIST: [&str; 2] = ["prefixItems", "items"];
/// Keywords that hold schemas for this value, one of which is all of it where nothing else names properties.
const CHOICE: [&str; 2] = ["anyOf", "oneOf"];
/// Keywords that hold schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Tightens this schema and those within it. The nesting of a schema is bounded by that of the JSON it was read from.
pub(crate) fn tighten(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    for keyword in ONE {
        if let Some(inner) = schema.get_mut(keyword) {
            tighten(inner);
        }
    }
    let choices = if schema.contains_key("properties") { &[] } else { CHOICE.as_slice() };
    for keyword in LIST.iter().chain(choices).copied() {
        if let Some(list) = schema.get_mut(keyword).and_then(Value::as_array_mut) {
            list.iter_mut().for_each(tighten);
        }
    }
    for keyword in NAMED {
        if let Some(named) = schema.get_mut(keyword).and_then(Value::as_object_mut) {
            named.values_mut().for_each(tighten);
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let names: Vec<&String> = properties.keys().collect();
        let required = json!(names);
        schema.insert("required".to_owned(), required);
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_at_every_depth() {
        let mut schema = json!({
            "properties": {"properties": {"type": "string"}, "list": {"items": {"properties": {"x": true}}}},
            "required": ["list"],
        });
        tighten(&mut schema);
        assert_eq!(
            schema,
            json!({
                "properties": {
                    "properties": {"type": "string"},
                    "list": {"items": {"properties": {"x": true}, "required": ["x"], "additionalProperties": false}},
                },
                "required": ["properties", "list"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn data_in_a_schema_is_left_alone() {
        let mut schema = json!({"const": {"properties": {"x": true}}, "enum": [{"properties": {}}]});
        let before = schema.clone();
        tighten(&mut schema);
        assert_eq!(schema, before);
    }
}
