//! `GET /health`, as clients of this API expect it.

use axum::{Json, Router, http::StatusCode, routing::get};
use platform::server::readiness::Readiness;
use serde_json::{Value, json};

/// The paths that report readiness.
pub const PATHS: [&str; 2] = ["/health", "/api/v1/health"];

pub fn routes(readiness: &Readiness) -> Router {
    let mut router = Router::new();
    for path in PATHS {
        let readiness = readiness.clone();
        router = router.route(path, get(move || std::future::ready(answer(&readiness))));
    }
    router
}

fn answer(readiness: &Readiness) -> (StatusCode, Json<Value>) {
    if readiness.is_ready() {
        (StatusCode::OK, Json(json!({ "status": "Healthy" })))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "Unhealthy" })))
    }
}
