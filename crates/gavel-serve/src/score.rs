//! `POST /v1/score`: one submission, many, or a stream of lines.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use gavel_files::{closest, did_you_mean};
use gavel_verify::{Reward as _, Score, Submission, visible_name};
use gavel_wire::{GroupKey, ScoreForm};
use indexmap::IndexMap;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::app::{App, Chosen};
use crate::error::{ApiError, json_response};
use crate::judge::{judge_groups, judge_one};
use crate::payload::{Asked, Payload, row};
use crate::stream;

/// What a body may be, by its first character and its fields.
#[derive(Deserialize)]
struct Many<'a> {
    #[serde(borrow)]
    submissions: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    reward: Option<Cow<'a, str>>,
    limits: Option<Value>,
    deadline: Option<f64>,
    #[serde(rename = "submissions")]
    _submissions: IgnoredAny,
    #[serde(flatten)]
    others: IndexMap<String, IgnoredAny>,
}

/// What a body may have beside `submissions`.
const FIELDS: [&str; 3] = ["reward", "limits", "deadline"];

#[derive(Serialize)]
struct Scores<'a> {
    scores: &'a [ScoreForm<'a>],
}

pub(crate) async fn score(
    State(app): State<Arc<App>>,
    mut asked: Asked,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    if is_lines(&headers) {
        let chosen = app.choose_for(&asked, None)?;
        // Lines are answered one by one, while nobody knows which are still to come.
        if chosen.reward.needs_groups() {
            return Err(ApiError::NeedsGroups);
        }
        return Ok(stream::score(app, chosen, asked, request.into_body()));
    }
    let payload = Payload::from_request(request, &app).await?;
    let text = payload.text();
    if text.trim_start().starts_with('[') {
        let chosen = app.choose_for(&asked, None)?;
        let submissions = submissions(text, &chosen)?;
        let scores = judge_groups(&app, &chosen, submissions, asked.client).await?;
        return written(&forms(&scores, asked.timing()));
    }
    let many: Many<'_> = serde_json::from_str(text).map_err(|error| of_body(text, &error))?;
    let Some(many) = many.submissions else {
        let chosen = app.choose_for(&asked, None)?;
        let row = payload.row()?;
        let submission =
            row.submission(chosen.reward.columns()).map_err(|error| ApiError::of_row(0, &error))?;
        let score = judge_one(&app, &chosen, submission, asked.client).await?;
        return written(&ScoreForm { score: &score, timing: asked.timing() });
    };
    let named: Named<'_> = serde_json::from_str(text).map_err(|error| ApiError::of_json(&error))?;
    if let Some((name, _)) = named.others.first() {
        let meant = did_you_mean(closest(name, FIELDS));
        let name = visible_name(name, 60);
        return Err(ApiError::WrongType(format!(
            "unknown field `{name}`{meant}; beside `submissions` there may be {}, and what is of a submission stands in it",
            FIELDS.map(|field| format!("`{field}`")).join(", ")
        )));
    }
    asked.say(named.limits.as_ref(), named.deadline)?;
    let chosen = app.choose_for(&asked, named.reward.as_deref())?;
    let submissions = submissions(many.get(), &chosen)?;
    let scores = judge_groups(&app, &chosen, submissions, asked.client).await?;
    written(&Scores { scores: &forms(&scores, asked.timing()) })
}

/// What is wrong with a body that should be an object. Several of them are lines, which have a type of their own.
fn of_body(text: &str, error: &serde_json::Error) -> ApiError {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let is_whole = |object: Option<Result<IgnoredAny, _>>| object.is_some_and(|object| object.is_ok());
    let begins_another =
        is_whole(objects.next()) && text[objects.byte_offset()..].trim_start().starts_with('{');
    if !begins_another {
        return ApiError::of_json(error);
    }
    ApiError::BadJson(
        "there are several objects in it: send lines as `Content-Type: application/x-ndjson`, or one list of them".to_owned(),
    )
}

fn is_lines(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    ["application/x-ndjson", "application/ndjson", "application/jsonl"].contains(&kind)
}

/// The submissions of a list of rows, and what their groups have in common where the reward needs them. A row that is no
/// submission refuses them all: whoever sends a list waits for all of it.
fn submissions(list: &str, chosen: &Chosen) -> Result<(Vec<Submission>, Vec<GroupKey>), ApiError> {
    let rows: Vec<&RawValue> = serde_json::from_str(list).map_err(|error| ApiError::of_json(&error))?;
    let (columns, needs_groups) = (chosen.reward.columns(), chosen.reward.needs_groups());
    let (mut submissions, mut keys) = (Vec::with_capacity(rows.len()), Vec::new());
    for (index, raw) in rows.iter().enumerate() {
        let in_list = |problem: String| ApiError::BadSubmission { index, problem };
        let row = row(raw.get()).map_err(|error| in_list(error.to_string()))?;
        let submission = row.submission(columns).map_err(|error| ApiError::of_row(index, &error))?;
        keys.extend(needs_groups.then(|| GroupKey::of(&row, columns, &submission)));
        submissions.push(submission);
    }
    Ok((submissions, keys))
}

fn forms(scores: &[Score], timing: bool) -> Vec<ScoreForm<'_>> {
    scores.iter().map(|score| ScoreForm { score, timing }).collect()
}

/// The answer, as JSON.
pub(crate) fn written(answer: &impl Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(answer).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(json_response(StatusCode::OK, body))
}
