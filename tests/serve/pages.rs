//! `docs/http-api.md`: each request of the page is answered as the page says.

use std::fs;

use serde_json::Value;

use crate::MATH;
use crate::server::{Server, repository};

fn page() -> String {
    fs::read_to_string(repository().join("docs/http-api.md")).unwrap()
}

/// Whether an answer is what the page shows; `"…"` is anything.
fn is_as_shown(shown: &Value, answer: &Value) -> bool {
    match (shown, answer) {
        (Value::String(text), _) if text == "…" => true,
        (Value::Object(shown), Value::Object(answer)) => {
            shown.len() == answer.len()
                && shown.iter().all(|(name, shown)| answer.get(name).is_some_and(|it| is_as_shown(shown, it)))
        }
        (Value::Array(shown), Value::Array(answer)) => {
            shown.len() == answer.len() && shown.iter().zip(answer).all(|(shown, it)| is_as_shown(shown, it))
        }
        (shown, answer) => shown == answer,
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a test says what it skipped")]
fn every_request_is_answered_as_it_is_printed() {
    let interpreters = repository().join("plugins/interpreters");
    let has_python = interpreters.join("python/python.wasm").exists();
    let flags = ["--run-code", "python", "--plugin-path", interpreters.to_str().unwrap()];
    let server = Server::start(&[("math", MATH)], if has_python { &flags } else { &[] });
    let page = page();
    let mut count = 0;
    for block in page.split("```http\n").skip(1) {
        let (request, rest) = block.split_once("```\n").unwrap();
        let shown = rest.split_once("```json\n").unwrap().1.split("```").next().unwrap();
        let shown: Value = serde_json::from_str(shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
        let (line, body) = request.split_once('\n').unwrap();
        if !has_python && (line.contains("/run_code") || line.contains("/v1/rewards")) {
            println!("skipped: {line}, which needs the interpreter of Python");
            continue;
        }
        let answer = match line.split_once(' ').unwrap() {
            ("GET", path) => server.get(path),
            (_, path) => server.post(path, body.trim().to_owned()),
        };
        assert!(is_as_shown(&shown, &answer.json()), "{line}\n{}\n{shown}", answer.text);
        count += 1;
    }
    assert!(count >= 10, "the page has lost its requests");
}

#[test]
fn every_path_and_every_code_is_on_the_page() {
    let (server, page) = (Server::start(&[("math", MATH)], &[]), page());
    for path in server.get("/openapi.json").json()["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("{path}`")), "{path}");
    }
    let codes = include_str!("../../crates/gavel-serve/src/error.rs");
    let codes = codes.split("(StatusCode::").skip(1).filter_map(|rest| rest.split('"').nth(1));
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}
