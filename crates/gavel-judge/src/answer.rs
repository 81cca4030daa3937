//! What counts as an answer of a judge's: a JSON object that fits the schema, which holds the reward to a range.

use gavel_verify::Verdict;
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::settings::JudgeError;

/// Metrics that say what an answer cost.
pub(crate) const PROMPT_TOKENS: &str = "prompt_tokens";
pub(crate) const COMPLETION_TOKENS: &str = "completion_tokens";
pub(crate) const COST: &str = "cost";

/// The field of an answer that is the reason of the verdict, where the schema has it.
const REASON: &str = "reason";

/// The most characters of a problem with an answer that are said.
const EXCERPT: usize = 300;

/// The form of answers.
#[derive(Debug)]
pub(crate) struct AnswerForm {
    validator: Validator,
    /// Where the reward is.
    reward: Vec<String>,
    /// The numbers of the answer besides, by their names.
    pub(crate) metrics: Vec<String>,
}

impl AnswerForm {
    /// Reads a schema, and checks that it holds the reward, which is at this place with dots, to a range.
    pub(crate) fn new(schema: &Value, reward: &str) -> Result<Self, JudgeError> {
        let wrong = |reason: String| JudgeError::Schema { reason };
        let validator = jsonschema::options()
            .offline()
            .build(schema)
            .map_err(|error| wrong(format!("is no JSON Schema: {error}")))?;
        if schema.get("type") != Some(&Value::from("object")) {
            return Err(wrong(
                "is not of an object: say `type = \"object\"` and its `properties`".to_owned(),
            ));
        }
        let path: Vec<String> = reward.split('.').map(str::to_owned).collect();
        held_to_a_range(schema, &path)
            .map_err(|reason| JudgeError::Reward { field: reward.to_owned(), reason })?;
        let metrics = metrics(schema, &path).map_err(wrong)?;
        Ok(Self { validator, reward: path, metrics })
    }

    /// The verdict that an answer is; what is wrong with it where it is none.
    pub(crate) fn read(&self, content: &str) -> Result<Verdict, String> {
        let answer: Value = serde_json::from_str(unfenced(content))
            .map_err(|error| format!("the answer is no JSON ({error}): {}", excerpt(content)))?;
        if let Some(error) = self.validator.iter_errors(&answer).next() {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { String::new() } else { format!(" at {place}") };
            return Err(format!("the answer breaks its schema{place}: {}", excerpt(&error.to_string())));
        }
        let found = self.reward.iter().try_fold(&answer, |value, name| value.get(name));
        let reward = found.and_then(number);
        let reward =
            reward.ok_or_else(|| format!("the answer has no number at `{}`", self.reward.join(".")))?;
        let metric = |name: &String| Some((name.clone(), answer.get(name).and_then(number)?));
        Ok(Verdict {
            reward,
            reason: answer.get(REASON).and_then(Value::as_str).map(str::to_owned),
            metrics: self.metrics.iter().filter_map(metric).collect(),
        })
    }
}

/// A finite number, or a truth value as one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(truth) => Some(f64::from(*truth)),
        value => value.as_f64().filter(|number| number.is_finite()),
    }
}

/// Models like to put JSON into a block of Markdown: the block is the answer where it is all of it.
fn unfenced(content: &str) -> &str {
    let content = content.trim();
    let inside = content.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inside.map_or(content, |inside| inside.strip_prefix("json").unwrap_or(inside).trim())
}

/// What is wrong with a schema that would let the reward be anything.
fn held_to_a_range(schema: &Value, path: &[String]) -> Result<(), String> {
    let mut at = schema;
    for name in path {
        let required = at.get("required").and_then(Value::as_array);
        if !required.is_some_and(|names| names.contains(&Value::from(name.as_str()))) {
            return Err(format!("`required` must name `{name}`"));
        }
        at = at
            .get("properties")
            .and_then(|properties| properties.get(name))
            .ok_or_else(|| format!("`properties` has no `{name}`"))?;
    }
    let is_a_number = |value: &Value| number(value).is_some();
    if at.get("type") == Some(&Value::from("boolean")) || at.get("const").is_some_and(is_a_number) {
        return Ok(());
    }
    if let Some(values) = at.get("enum").and_then(Value::as_array) {
        let all = !values.is_empty() && values.iter().all(is_a_number);
        return if all { Ok(()) } else { Err("its `enum` must hold numbers alone".to_owned()) };
    }
    let is_number = ["number", "integer"].iter().any(|kind| at.get("type") == Some(&Value::from(*kind)));
    let bound = |names: [&str; 2]| names.iter().any(|name| at.get(name).is_some_and(Value::is_number));
    match (is_number, bound(["minimum", "exclusiveMinimum"]), bound(["maximum", "exclusiveMaximum"])) {
        (true, true, true) => Ok(()),
        (false, ..) => Err("its `type` must be \"number\", \"integer\" or \"boolean\"".to_owned()),
        (true, ..) => Err("it needs `minimum` and `maximum`".to_owned()),
    }
}

/// The numbers of an answer that become metrics, but for the reward.
fn metrics(schema: &Value, reward: &[String]) -> Result<Vec<String>, String> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let is_number = |kind: &Value| ["number", "integer", "boolean"].iter().any(|name| kind == name);
    let mut names = Vec::new();
    for (name, property) in properties {
        if [PROMPT_TOKENS, COMPLETION_TOKENS, COST].contains(&name.as_str()) {
            return Err(format!("has a property `{name}`, which is what gavel calls a metric of its own"));
        }
        let fits = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
        if fits && [name.as_str()] != *reward && property.get("type").is_some_and(is_number) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(score: Value) -> Value {
        json!({
            "type": "object",
            "properties": {
                "score": score, "polite": {"type": "boolean"}, "reason": {"type": "string"},
                "parts": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]},
            },
            "required": ["score", "parts"],
            "additionalProperties": false,
        })
    }

    fn form() -> AnswerForm {
        AnswerForm::new(&schema(json!({"type": "integer", "minimum": 1, "maximum": 5})), "score").unwrap()
    }

    #[test]
    fn an_answer_that_fits_is_a_verdict() {
        let answer = r#"{"score": 4, "polite": true, "reason": "kind", "parts": {"a": false}}"#;
        let verdict = form().read(answer).unwrap();
        assert_eq!((verdict.reward, verdict.reason.as_deref()), (4.0, Some("kind")));
        assert_eq!(verdict.metrics, [("polite".to_owned(), 1.0)]);
        let fenced = format!("```json\n{answer}\n```\n");
        assert_eq!(form().read(&fenced).unwrap(), verdict);
        let within = AnswerForm::new(&schema(json!({"type": "boolean"})), "parts.a").unwrap();
        assert_eq!(within.read(r#"{"score": true, "parts": {"a": true}}"#).unwrap().reward, 1.0);
    }

    #[test]
    fn what_is_no_answer_is_no_reward() {
        for (content, reason) in [
            ("", "no JSON"),
            ("The score is 5.", "no JSON"),
            (r#"{"score": 5"#, "no JSON"),
            (r#"{"score": 5, "parts": {"a": true}} {"score": 1}"#, "no JSON"),
            (r#"{"score": 500, "parts": {"a": true}}"#, "breaks its schema at /score"),
            (r#"{"score": 0, "parts": {"a": true}}"#, "breaks its schema at /score"),
            (r#"{"score": "5", "parts": {"a": true}}"#, "breaks its schema at /score"),
            (r#"{"score": 1e999, "parts": {"a": true}}"#, "no JSON"),
            (r#"{"parts": {"a": true}}"#, "breaks its schema"),
            (r#"{"score": 5, "parts": {"a": true}, "more": 1}"#, "breaks its schema"),
            ("[5]", "breaks its schema"),
            ("null", "breaks its schema"),
        ] {
            let error = form().read(content).unwrap_err();
            assert!(error.contains(reason), "{content}: {error}");
        }
    }

    #[test]
    fn a_schema_that_leaves_the_reward_open_is_refused() {
        for (score, reason) in [
            (json!({"type": "number"}), "`minimum` and `maximum`"),
            (json!({"type": "number", "minimum": 0}), "`minimum` and `maximum`"),
            (json!({"type": "string"}), "its `type`"),
            (json!({}), "its `type`"),
            (json!({"enum": [1, "x"]}), "numbers alone"),
        ] {
            let error = AnswerForm::new(&schema(score.clone()), "score").unwrap_err();
            assert!(error.to_string().contains(reason), "{score}: {error}");
        }
        for score in [
            json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
            json!({"enum": [0, 0.5, 1]}),
            json!({"type": "boolean"}),
        ] {
            AnswerForm::new(&schema(score), "score").unwrap();
        }
        let error = |reward: &str| AnswerForm::new(&schema(json!({"type": "boolean"})), reward).unwrap_err();
        assert!(error("polite").to_string().contains("`required` must name `polite`"));
        assert!(error("mark").to_string().contains("`required` must name `mark`"));
        assert!(AnswerForm::new(&json!({"type": "objekt"}), "score").is_err());
        assert!(AnswerForm::new(&json!({"type": "array"}), "score").is_err());
        let reserved = json!({"type": "object", "required": ["score"],
            "properties": {"score": {"type": "boolean"}, "cost": {"type": "number"}}});
        assert!(AnswerForm::new(&reserved, "score").unwrap_err().to_string().contains("`cost`"));
    }
}
