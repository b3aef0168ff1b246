//! The gRPC health service `grpc.health.v1.Health`. It needs no session and reports the server's readiness.

use axum::Router;
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

use super::watch_limits::{self, MAX_OPEN_MESSAGE_BYTES};
use crate::server::readiness::Readiness;

/// Creates the service, and the reporter that sets its statuses.
pub(super) fn service() -> (HealthReporter, Router) {
    let (reporter, health) = tonic_health::server::health_reporter();
    let routes = Routes::new(health.max_decoding_message_size(MAX_OPEN_MESSAGE_BYTES));
    (reporter, watch_limits::bounded(routes, watch_limits::is_watch))
}

/// Reports SERVING for `""` and `names` while `readiness` is met, otherwise NOT_SERVING. Never returns.
pub(super) async fn report(reporter: &HealthReporter, names: &[&'static str], readiness: &Readiness) {
    let mut changes = readiness.changes();
    loop {
        let status = if readiness.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in names.iter().copied().chain([""]) {
            reporter.set_service_status(name, status).await;
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
