//! Who may ask: everybody on a server without a token, else who shows it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::error::ApiError;
use crate::payload::linger;

/// What an orchestrator asks, which shows no token.
const OPEN: [&str; 3] = ["/healthz", "/health", "/readyz"];

pub(crate) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_open = OPEN.contains(&request.uri().path());
    match &app.options.token {
        Some(token) if !is_open && !shows(request.headers(), token) => {
            linger(request.into_body().into_data_stream()).await;
            ApiError::Unauthorized.into_response()
        }
        _ => next.run(request).await,
    }
}

/// Whether the request shows the token. How long the comparison takes says nothing of how much of it is right.
fn shows(headers: &HeaderMap, token: &str) -> bool {
    let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let is_bearer = shown.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    is_bearer && shown[7..].ct_eq(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let shows_with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            shows(&headers, "sesame")
        };
        assert!(shows_with("Bearer sesame") && shows_with("bearer sesame"));
        for wrong in ["", "Bearer", "Bearer ", "Bearer sesam", "Bearer sesame2", "Basic sesame", "sesame"] {
            assert!(!shows_with(wrong), "{wrong}");
        }
        assert!(!shows(&HeaderMap::new(), "sesame"));
    }
}
