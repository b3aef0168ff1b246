//! The health routes of an API: `/health/live` and `/health/ready`.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use base::readiness::Readiness;
use serde::Serialize;

use crate::auth::Rule;

pub(crate) const PROBE_RULES: [Rule; 2] = [Rule::public("GET /health/live"), Rule::public("GET /health/ready")];

#[derive(Serialize)]
struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting_for: Vec<String>,
}

/// Returns a router with the [probes](probe_routes) and `GET /health`, an alias of `GET /health/ready`.
pub fn ready_routes(readiness: Vec<Readiness>) -> Router {
    let whole = Router::new().route("/health", get(ready)).with_state(readiness.clone().into());
    whole.merge(probe_routes(readiness))
}

/// Returns a router with `GET /health/ready` (200, or 503 with the unmet conditions) and `GET /health/live`. The
/// service is ready if every element of `readiness` is.
pub fn probe_routes(readiness: Vec<Readiness>) -> Router {
    Router::new().route("/health/ready", get(ready)).route("/health/live", get(live)).with_state(readiness.into())
}

async fn ready(State(all): State<Arc<[Readiness]>>) -> impl IntoResponse {
    let waiting_for: Vec<_> = all.iter().flat_map(Readiness::waiting_for).collect();
    if waiting_for.is_empty() {
        (StatusCode::OK, Json(Report { status: "ready", waiting_for }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Report { status: "not ready", waiting_for }))
    }
}

async fn live() -> impl IntoResponse {
    Json(Report { status: "live", waiting_for: Vec::new() })
}
