//! `POST /remote_rm`: slime's remote reward model, whose whole answer is the reward.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gavel_wire::{Columns, ScoreForm};

use crate::app::App;
use crate::error::ApiError;
use crate::judge::judge_one;
use crate::payload::{Asked, Payload};
use crate::score::written;

/// `{"prompt": …, "response": …, "label": …}`; other fields are the task's columns. With `?details=true` the answer is an
/// object, of which slime takes `--reward-key reward`.
pub(crate) async fn remote_rm(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    let chosen = app.choose_for(&asked, None)?;
    let columns = Columns {
        prompt: "prompt".into(),
        completion: "response".into(),
        reference: "label".into(),
        ..chosen.reward.columns().clone()
    };
    let submission = payload.row()?.submission(&columns).map_err(|error| ApiError::of_row(0, &error))?;
    let score = judge_one(&app, &chosen, submission, asked.client).await?;
    if asked.wishes.details.unwrap_or(false) {
        return written(&ScoreForm { score: &score, timing: asked.timing() });
    }
    // Where there is no reward there is none: `null`, which slime's own code does not take for a number.
    written(&score.reward.ok())
}
