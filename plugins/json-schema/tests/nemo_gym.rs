//! NeMo Gym's structured_outputs: its schemas are taken, and its rollouts get the reward they got there. Skipped where
//! the shared data is absent.

use std::fs;

use gavel_plugin::{Submission, Verdict, judge};
use gavel_plugin_json_schema::JsonSchema;
use serde_json::{Map, Value, json};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/nemo_gym_fixtures");

/// That server takes nothing but JSON as the whole completion, and makes every schema strict.
const OPTIONS: &str = r#"{"order": ["whole"], "strict": true}"#;

#[test]
fn takes_every_schema_and_tells_a_sample_of_it_from_a_broken_one() {
    let Some(tasks) = rows("structured_outputs.example.jsonl") else { return };
    assert_eq!(tasks.len(), 5);
    for task in tasks {
        let schema: Value = serde_json::from_str(task["schema_str"].as_str().unwrap()).unwrap();
        let sample = sample(&schema);
        let verdict = verdict(&sample.to_string(), &task.to_string(), OPTIONS);
        assert_eq!(verdict.reward, 1.0, "{sample}: {verdict:?}");
        for broken in broken(&sample) {
            let verdict = self::verdict(&broken.to_string(), &task.to_string(), OPTIONS);
            assert_eq!(verdict.reward, 0.0, "{broken}: {verdict:?}");
        }
    }
}

/// The rollouts do not carry their schemas; four fail there for the fence around the JSON, which no schema excuses.
#[test]
fn rollouts_are_json_where_they_were_there() {
    let Some(rollouts) = rows("structured_outputs.example_rollouts.jsonl") else { return };
    assert_eq!(rollouts.len(), 5);
    let any_object = json!({"schema": {"type": "object"}}).to_string();
    for rollout in rollouts {
        let output = rollout["response"]["output"].as_array().unwrap();
        let message = output.iter().find(|item| item["type"] == "message").unwrap();
        let completion = message["content"][0]["text"].as_str().unwrap();
        let strictly = verdict(completion, &any_object, OPTIONS);
        assert_eq!(Some(strictly.reward), rollout["reward"].as_f64(), "{strictly:?}");
        let anywhere = verdict(completion, &any_object, "{}");
        assert_eq!(anywhere.reward, 1.0, "{anywhere:?}");
    }
}

fn verdict(completion: &str, metadata: &str, options: &str) -> Verdict {
    judge::<JsonSchema>(&Submission::new(completion).with_metadata(metadata), options).unwrap()
}

/// A value of the schema's shape, with everything in it that the schema names.
fn sample(schema: &Value) -> Value {
    let kind = if schema["type"].is_array() { &schema["type"][0] } else { &schema["type"] };
    if let Some(choices) = schema["enum"].as_array() {
        return choices[0].clone();
    }
    match kind.as_str().unwrap() {
        "object" => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_else(Map::new);
            properties.into_iter().map(|(name, schema)| (name, sample(&schema))).collect()
        }
        "array" => json!([sample(&schema["items"])]),
        "string" => json!("x"),
        "integer" => json!(7),
        "number" => json!(0.5),
        "boolean" => json!(true),
        "null" => Value::Null,
        other => panic!("a type of JSON Schema: {other}"),
    }
}

/// The sample without one of its properties, with one too many, with one of another type, and another kind of value.
fn broken(sample: &Value) -> Vec<Value> {
    let change = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut broken = sample.clone();
        let object = if broken.is_array() { &mut broken[0] } else { &mut broken };
        change(object.as_object_mut().unwrap());
        broken
    };
    let first = |map: &Map<String, Value>| map.keys().next().unwrap().clone();
    vec![
        change(&|map| drop(map.remove(&first(map)))),
        change(&|map| drop(map.insert("one too many".to_owned(), json!(1)))),
        change(&|map| drop(map.insert(first(map), json!([[1]])))),
        Value::Null,
        json!("{}"),
    ]
}

fn rows(file: &str) -> Option<Vec<Value>> {
    let path = format!("{DATA}/{file}");
    let Ok(lines) = fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: {path} is not there");
        }
        return None;
    };
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}
