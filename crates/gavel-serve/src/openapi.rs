//! `GET /openapi.json`: the paths, what they take and what they answer, for tools.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::error::json_response;

pub(crate) async fn document() -> Response {
    json_response(StatusCode::OK, describe().to_string())
}

/// A path that is posted to: what it is for, the names of the forms of request and answer, and the statuses of errors
/// besides those that every path has.
const POSTS: [(&str, &str, &str, &str, bool); 16] = [
    ("/v1/score", "Judge one submission, many, or a stream of lines", "ScoreRequest", "ScoreAnswer", true),
    ("/get_reward", "OpenRLHF's remote reward model", "GetReward", "GetRewardAnswer", true),
    (
        "/remote_rm",
        "slime's remote reward model: the answer is the reward",
        "RemoteRm",
        "RemoteRmAnswer",
        true,
    ),
    ("/verify", "NeMo Gym: the request and its reward", "Verify", "VerifyAnswer", true),
    ("/seed_session", "NeMo Gym: a session, of which nothing is kept", "SeedSession", "Object", false),
    (
        "/aggregate_metrics",
        "NeMo Gym: sums up answers of /verify",
        "AggregateMetrics",
        "AggregateMetricsAnswer",
        false,
    ),
    ("/reset", "Gymnasium and OpenEnv: opens an episode", "Object", "Object", true),
    ("/step", "Gymnasium and OpenEnv: judges the answer, which ends the episode", "Object", "Object", true),
    ("/close", "OpenEnv: closes an episode", "Object", "Object", true),
    ("/{environment}/tasks", "OpenEnv: the tasks of a split", "OfSplit", "Object", false),
    ("/{environment}/num_tasks", "OpenEnv: how many tasks a split has", "OfSplit", "Object", false),
    ("/{environment}/task", "OpenEnv: a task of a split", "OfSplit", "Object", false),
    ("/{environment}/task_range", "OpenEnv: some tasks of a split", "OfSplit", "Object", false),
    ("/submit", "SandboxFusion: judges a completion by the tests that come along", "Submit", "Object", true),
    ("/run_code", "SandboxFusion: runs a program", "RunCode", "RunCodeAnswer", false),
    ("/", "The form of the page", "Form", "Page", false),
];

const GETS: [(&str, &str, &str); 12] = [
    ("/", "A page for a person", "Page"),
    ("/v1/rewards", "What judges: rewards, verifiers, digests", "Object"),
    ("/openapi.json", "This document", "Object"),
    ("/healthz", "Whether the server is there; needs no token", "Object"),
    ("/health", "The same, for clients that ask so", "Object"),
    ("/readyz", "Whether it takes requests; needs no token", "Object"),
    ("/metrics", "Numbers for Prometheus", "Text"),
    ("/state", "OpenEnv: where an episode stands", "Object"),
    ("/list_environments", "OpenEnv: the environments, which are the rewards", "List"),
    ("/{environment}/splits", "OpenEnv: the splits of an environment's tasks", "List"),
    ("/ws", "OpenEnv: a session over a WebSocket", "WebSocket"),
    ("/reverify_mode", "NeMo Gym: whether /verify may be asked again", "Word"),
];

pub(crate) fn describe() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (path, summary, answer) in GETS {
        let operation = json!({"summary": summary, "responses": responses(answer)});
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry["get"] = operation;
        if path == "/state" {
            entry["get"]["parameters"] = json!([query("episode_id", "Which episode", "string")]);
        }
    }
    for (path, summary, request, answer, judges) in POSTS {
        let mut operation = json!({
            "summary": summary,
            "requestBody": {"required": true, "content": content(request)},
            "responses": responses(answer),
        });
        if judges {
            operation["parameters"] = json!([
                query("reward", "Which reward, where there are several", "string"),
                query("timing", "Whether times are wanted", "boolean"),
                query(
                    "deadline",
                    "How many seconds the judging may take, below what the server allows",
                    "number"
                ),
                query("limits", "Lower limits than the reward file's, a JSON object", "string"),
                query("details", "Whether outcomes are wanted where a protocol has none", "boolean"),
            ]);
        }
        paths.entry(path).or_insert_with(|| json!({}))["post"] = operation;
    }
    for (_, entry) in paths.iter_mut().filter(|(path, _)| path.contains("{environment}")) {
        entry["parameters"] = json!([{"name": "environment", "in": "path", "required": true,
            "description": "The reward's name", "schema": {"type": "string"}}]);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "gavel serve", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    })
}

fn query(name: &str, description: &str, kind: &str) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": {"type": kind}})
}

fn content(form: &str) -> Value {
    let schema = json!({"schema": {"$ref": format!("#/components/schemas/{form}")}});
    match form {
        "ScoreRequest" | "ScoreAnswer" => {
            json!({"application/json": schema, "application/x-ndjson": {"schema": {"type": "string"}}})
        }
        "Form" => json!({"application/x-www-form-urlencoded": schema}),
        "Page" => json!({"text/html": {"schema": {"type": "string"}}}),
        "Text" => json!({"text/plain": {"schema": {"type": "string"}}}),
        _ => json!({"application/json": schema}),
    }
}

fn responses(answer: &str) -> Value {
    let error = json!({"description": "An error", "content": content("Error")});
    if answer == "WebSocket" {
        return json!({"101": {"description": "The connection becomes a WebSocket"}, "4XX": error, "5XX": error});
    }
    json!({"200": {"description": "The answer", "content": content(answer)}, "4XX": error, "5XX": error})
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let number_or_null = json!({"type": ["number", "null"]});
    let object = json!({"type": "object"});
    let count = json!({"type": ["integer", "null"], "minimum": 0});
    json!({
        "Object": {"type": "object"},
        "Word": {"type": "string"},
        "List": {"type": "array"},
        "OfSplit": {"type": "object", "required": ["split"], "properties": {"split": text,
            "index": count, "start": count, "stop": count}},
        "Error": {"type": "object", "required": ["error"], "properties": {"error": {
            "type": "object", "required": ["code", "message"], "properties": {"code": text, "message": text}}}},
        "Submission": {"type": "object", "description": "A row: `prompt`, `completion`, `reference`, and the task's other \
            columns; or whatever `[columns]` of the reward file says"},
        "ScoreRequest": {"anyOf": [
            {"$ref": "#/components/schemas/Submission"},
            {"type": "array", "items": {"$ref": "#/components/schemas/Submission"}},
            {"type": "object", "required": ["submissions"], "properties": {"reward": text,
                "submissions": {"type": "array", "items": {"$ref": "#/components/schemas/Submission"}}}},
        ]},
        "Outcome": {"type": "object", "required": ["status", "reward"], "properties": {
            "status": text, "reward": number_or_null, "reason": {"type": ["string", "null"]},
            "metrics": {"type": "object", "additionalProperties": {"type": "number"}},
            "fuel": {"type": ["integer", "null"]}, "ms": {"type": "number"}}},
        "Score": {"type": "object", "required": ["reward", "outcomes"], "properties": {
            "reward": number_or_null, "no_reward": {"type": "object", "required": ["kind"], "properties": {"kind": text}},
            "reward_components": {"type": "object", "additionalProperties": {"type": "number"}},
            "outcomes": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Outcome"}}}},
        "ScoreAnswer": {"anyOf": [
            {"$ref": "#/components/schemas/Score"},
            {"type": "array", "items": {"$ref": "#/components/schemas/Score"}},
            {"type": "object", "required": ["scores"], "properties": {
                "scores": {"type": "array", "items": {"$ref": "#/components/schemas/Score"}}}},
        ]},
        "GetReward": {"type": "object", "required": ["query", "prompts"], "properties": {
            "query": texts, "prompts": texts, "labels": {"type": "array"}}},
        "GetRewardAnswer": {"type": "object", "required": ["rewards", "scores", "extra_logs"], "properties": {
            "rewards": {"type": "array", "items": number_or_null}, "scores": {"type": "array", "items": number_or_null},
            "extra_logs": object}},
        "RemoteRm": {"type": "object", "required": ["prompt", "response"], "properties": {"response": text}},
        "RemoteRmAnswer": {"anyOf": [{"type": "number"}, {"type": "null"}, {"$ref": "#/components/schemas/Score"}]},
        "Verify": {"type": "object", "required": ["responses_create_params", "response"], "properties": {
            "responses_create_params": object, "response": object}},
        "VerifyAnswer": {"type": "object", "required": ["reward", "mask_sample"], "properties": {
            "reward": {"type": "number"}, "mask_sample": {"type": "boolean"}}},
        "SeedSession": {"type": "object", "properties": {"resources_session_id": {"type": ["string", "null"]}}},
        "AggregateMetrics": {"type": "object", "required": ["verify_responses"], "properties": {
            "verify_responses": {"type": "array", "items": object}}},
        "AggregateMetricsAnswer": {"type": "object", "properties": {
            "group_level_metrics": {"type": "array", "items": object}, "agent_metrics": object, "key_metrics": object}},
        "Submit": {"type": "object", "required": ["id", "completion"], "properties": {
            "id": {}, "completion": text, "config": object}},
        "RunCode": {"type": "object", "required": ["code", "language"], "properties": {
            "code": text, "language": text, "stdin": {"type": ["string", "null"]},
            "run_timeout": {"type": ["number", "null"]}, "memory_limit_MB": {"type": ["number", "null"]},
            "files": object, "fetch_files": texts}},
        "RunCodeAnswer": {"type": "object", "required": ["status", "run_result"], "properties": {
            "status": {"enum": ["Success", "Failed", "SandboxError"]}, "message": text,
            "run_result": {"type": ["object", "null"]}}},
        "Form": {"type": "object", "required": ["reward", "completion"], "properties": {
            "reward": text, "prompt": text, "completion": text, "reference": text, "metadata": text}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_is_named_is_there() {
        let document = describe();
        let (text, schemas) = (document.to_string(), &document["components"]["schemas"]);
        let named = text.split("#/components/schemas/").skip(1);
        for name in named.map(|rest| rest.split('"').next().unwrap_or_default()) {
            assert!(schemas[name].is_object(), "{name}");
        }
    }
}
