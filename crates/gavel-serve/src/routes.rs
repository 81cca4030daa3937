//! Every path, and what each request goes through.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::app::App;
use crate::error::ApiError;
use crate::{
    access, environment, metrics, nemo_gym, openapi, openenv, openrlhf, operators, page, sandbox_fusion,
    score, slime, tasks,
};

/// All paths. Those that judge are also there below `/rewards/NAME`, for clients that are configured by an address alone.
pub(crate) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .merge(judging())
        .nest("/rewards/{reward}", judging())
        .route("/", get(page::page).post(page::judge))
        .route("/v1/rewards", get(operators::rewards))
        .route("/openapi.json", get(openapi::document))
        .route("/healthz", get(operators::healthz))
        .route("/health", get(operators::healthz))
        .route("/readyz", get(operators::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/list_environments", get(tasks::environments))
        .route("/{environment}/splits", get(tasks::splits))
        .route("/{environment}/tasks", post(tasks::tasks))
        .route("/{environment}/num_tasks", post(tasks::num_tasks))
        .route("/{environment}/task", post(tasks::task))
        .route("/{environment}/task_range", post(tasks::task_range))
        .route("/run_code", post(sandbox_fusion::run_code))
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(from_fn_with_state(Arc::clone(app), access::check))
        .layer(from_fn_with_state(Arc::clone(app), watch))
        .with_state(Arc::clone(app))
}

/// The paths that judge by a reward.
fn judging() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/score", post(score::score))
        .route("/get_reward", post(openrlhf::get_reward))
        .route("/remote_rm", post(slime::remote_rm))
        .route("/verify", post(nemo_gym::verify))
        .route("/seed_session", post(nemo_gym::seed_session))
        .route("/reverify_mode", get(nemo_gym::reverify_mode))
        .route("/aggregate_metrics", post(nemo_gym::aggregate_metrics))
        .route("/reset", post(environment::reset))
        .route("/step", post(environment::step))
        .route("/state", get(environment::state))
        .route("/close", post(environment::close))
        .route("/ws", get(openenv::connect))
        .route("/submit", post(sandbox_fusion::submit))
}

/// Counts every request, and says it to whoever logs.
async fn watch(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // A path that is none of ours could be anything: there is one line of numbers for all of them.
    let path = request.extensions().get::<MatchedPath>().cloned();
    let endpoint = path.as_ref().map_or("other", MatchedPath::as_str);
    let (method, started) = (request.method().clone(), Instant::now());
    let in_flight = InFlight::of(&app);
    let response = if app.is_stopping() && endpoint != "/healthz" && endpoint != "/readyz" {
        ApiError::Stopping.into_response()
    } else {
        next.run(request).await
    };
    drop(in_flight);
    let (took, status) = (started.elapsed(), response.status().as_u16());
    app.stats.answered(endpoint, status, took);
    tracing::info!(%method, endpoint, status, ms = took.as_secs_f64() * 1e3, "request");
    response
}

/// A request that is being answered, or whose client has gone meanwhile.
struct InFlight(Arc<App>);

impl InFlight {
    fn of(app: &Arc<App>) -> Self {
        app.stats.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(app))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.stats.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
