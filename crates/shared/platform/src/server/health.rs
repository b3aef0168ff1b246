//! The routes of the admin port: `/metrics`, `/health`, `/health/live` and `/health/ready`.

use axum::{Router, middleware::from_fn_with_state, routing::get};
use base::readiness::Readiness;
pub use edge::http::health::{probe_routes, ready_routes};
use edge::http::{method_not_allowed, not_found, request_target::OwnHosts};

/// Returns the routes of an admin port. They respond only under these hosts, and do not authenticate the caller.
pub fn admin_routes(readiness: Vec<Readiness>, hosts: OwnHosts) -> Router {
    ready_routes(readiness)
        .route("/metrics", get(|| async { crate::telemetry::render_metrics() }))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn_with_state(hosts, OwnHosts::check))
}
