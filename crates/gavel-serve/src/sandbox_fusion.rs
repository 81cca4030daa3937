//! SandboxFusion's `/run_code` and `/submit`, as its clients (verl among them) send them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use gavel_host::Ended;
use gavel_verify::Status;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::judge::judge_one;
use crate::payload::{Asked, Payload, row};
use crate::programs::{Run, exit_code, run};
use crate::score::written;

#[derive(Deserialize)]
struct RunCode {
    code: String,
    language: String,
    stdin: Option<String>,
    run_timeout: Option<f64>,
    #[serde(rename = "memory_limit_MB")]
    memory_limit: Option<f64>,
    #[serde(default)]
    files: Map<String, Value>,
    #[serde(default)]
    fetch_files: Vec<String>,
}

/// What SandboxFusion calls a language that gavel runs.
fn language(name: &str) -> &str {
    match name {
        "python" | "python3" | "pytest" => "python",
        "nodejs" | "javascript" | "js" => "javascript",
        other => other,
    }
}

pub(crate) async fn run_code(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    let body: RunCode = payload.parse()?;
    if !body.files.is_empty() || !body.fetch_files.is_empty() {
        let problem = "programs have no files here: leave `files` and `fetch_files` empty";
        return Err(ApiError::WrongType(problem.to_owned()));
    }
    let positive = |number: f64| (number > 0.0).then_some(number);
    let program = Run {
        source: body.code,
        stdin: body.stdin.unwrap_or_default(),
        timeout: body.run_timeout.and_then(positive).and_then(|time| Duration::try_from_secs_f64(time).ok()),
        memory: body.memory_limit.and_then(positive).map(|megabytes| (megabytes * (1 << 20) as f64) as u64),
    };
    let ran = run(&app, language(&body.language), program, asked.client).await?;
    let execution = match ran {
        Ok(execution) => execution,
        Err(failure) => return written(&answer("SandboxError", &failure.to_string(), Value::Null)),
    };
    let code = exit_code(&execution.ended);
    let status = if code == Some(0) { "Success" } else { "Failed" };
    let message = match &execution.ended {
        Ended::Exited(_) | Ended::Raised => String::new(),
        Ended::OutOfFuel => "it spent all its instructions".to_owned(),
        Ended::Deadline => "it went past its time".to_owned(),
        Ended::OutOfMemory => "it needed more memory than it may have".to_owned(),
        Ended::OutputTooLarge => "it wrote more than it may".to_owned(),
        Ended::Trapped(why) => format!("the interpreter broke: {why}"),
    };
    let result = json!({
        "status": if code.is_some() { "Finished" } else { "TimeLimitExceeded" },
        "execution_time": execution.elapsed.as_secs_f64(),
        "return_code": code,
        "stdout": String::from_utf8_lossy(&execution.stdout),
        "stderr": String::from_utf8_lossy(&execution.stderr),
    });
    written(&answer(status, &message, result))
}

fn answer(status: &str, message: &str, run_result: Value) -> Value {
    json!({
        "status": status,
        "message": message,
        "compile_result": null,
        "run_result": run_result,
        "executor_pod_name": null,
        "files": {},
    })
}

#[derive(Deserialize)]
struct Submit {
    id: Value,
    completion: String,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    provided_data: Option<Map<String, Value>>,
}

/// Judges a completion by the tests that come along (`config.provided_data`), with a reward whose plugin is `code`.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    let Submit { id, completion, config } = payload.parse()?;
    let Some(mut task) = config.provided_data else {
        let problem = "gavel keeps no data sets: send the task as `config.provided_data`, with its `test`";
        return Err(ApiError::WrongType(problem.to_owned()));
    };
    let chosen = app.choose_for(&asked, None)?;
    let columns = gavel_wire::Columns::default();
    let prompt = task.get("content").filter(|content| content.is_string()).cloned();
    task.insert("prompt".to_owned(), prompt.unwrap_or_else(|| "".into()));
    task.insert("completion".to_owned(), completion.into());
    let row = row(&Value::Object(task).to_string())?;
    let submission = row.submission(&columns).map_err(|error| ApiError::of_row(0, &error))?;
    let score = judge_one(&app, &chosen, submission, asked.client).await?;
    // What could not be judged is no wrong answer.
    if let Some((name, outcome)) = score
        .outcomes
        .iter()
        .find(|(_, outcome)| !matches!(outcome.status(), Status::Verdict | Status::Skipped))
    {
        let reason = outcome.result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        return Err(ApiError::BadSubmission { index: 0, problem: format!("{name}: {reason}") });
    }
    let verdicts = score.outcomes.iter().filter_map(|(_, outcome)| outcome.result.as_ref().ok());
    let tests: Vec<Value> =
        verdicts
            .filter_map(|verdict| {
                Some((verdict, verdict.metric("tests")? as u64, verdict.metric("passed")? as u64))
            })
            .flat_map(|(verdict, tests, passed)| {
                // Which of them it was that failed, the reason says.
                (0..tests).map(move |place| json!({
                "passed": place < passed,
                "exec_info": answer(if place < passed { "Success" } else { "Failed" }, "", Value::Null),
                "test_info": if place < passed { Value::Null } else { json!({"reason": verdict.reason}) },
            }))
            })
            .collect();
    written(&json!({
        "id": id,
        "accepted": score.reward.as_ref().is_ok_and(|reward| *reward >= 1.0),
        "extracted_code": "",
        "full_code": null,
        "test_code": null,
        "tests": tests,
        "extracted_type": null,
        "extra": {"reward": score.reward.as_ref().ok()},
    }))
}
