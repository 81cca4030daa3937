//! What a plugin says is wrong with its options, with what its schema knows besides.

use serde_json::Value;

/// The plugin's words; where an option is missing for which its schema has a list of values, with that list. Plugins in
/// most languages only say that the option is missing.
pub(crate) fn explained(reason: String, schema: &str) -> String {
    let Some(name) = missing(&reason) else { return reason };
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let mut choices = Vec::new();
    let alternatives = ["oneOf", "anyOf"].into_iter().filter_map(|kind| schema[kind].as_array()).flatten();
    for object in std::iter::once(&schema).chain(alternatives) {
        let option = &object["properties"][name];
        choices.extend(option["enum"].as_array().into_iter().flatten());
        choices.extend(option.get("const"));
    }
    if choices.is_empty() || choices.iter().any(|choice| reason.contains(&choice.to_string())) {
        return reason;
    }
    let choices: Vec<String> = choices.iter().map(|choice| choice.to_string()).collect();
    format!("{reason}; it is one of {}", choices.join(", "))
}

/// The option that a text says is missing: the first name in it that stands in quotes.
fn missing(reason: &str) -> Option<&str> {
    let behind = &reason[reason.find("missing")?..];
    let start = behind.find(['`', '\'', '"'])? + 1;
    let end = behind[start..].find(['`', '\'', '"'])?;
    Some(&behind[start..start + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_listed_where_the_schema_has_them() {
        let tagged = r#"{"oneOf": [{"properties": {"kind": {"const": "a"}}}, {"properties": {"kind": {"const": "b"}}}]}"#;
        let plain =
            r#"{"properties": {"mode": {"enum": ["strict", "loose"]}, "count": {"type": "integer"}}}"#;
        for (reason, schema, expected) in [
            ("missing field `kind`", tagged, "missing field `kind`; it is one of \"a\", \"b\""),
            (
                "'mode' is missing: missing 'mode'",
                plain,
                "'mode' is missing: missing 'mode'; it is one of \"strict\", \"loose\"",
            ),
            ("missing field `count`", plain, "missing field `count`"),
            ("unknown field `kind`", tagged, "unknown field `kind`"),
            ("missing field `kind`", "no JSON", "missing field `kind`"),
            ("missing", tagged, "missing"),
        ] {
            assert_eq!(explained(reason.to_owned(), schema), expected);
        }
    }
}
