//! The routes of the admin port, `/metrics`, `/health/live` and `/health/ready`, and the health routes of a public API.

use std::sync::Arc;

use axum::{
    Json, Router, extract::State, http::StatusCode, middleware::from_fn_with_state, response::IntoResponse,
    routing::get,
};
use base::readiness::Readiness;
use serde::Serialize;

use crate::{
    auth::Rule,
    http::{
        problem::{method_not_allowed, not_found},
        request_target::OwnHosts,
    },
};

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

/// Returns the routes of an admin port. They respond only under these hosts, and do not authenticate the caller.
pub fn admin_routes(readiness: Vec<Readiness>, hosts: OwnHosts) -> Router {
    ready_routes(readiness)
        .route("/metrics", get(|| async { crate::telemetry::render_metrics() }))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn_with_state(hosts, OwnHosts::check))
}
