//! Readiness, and the admin port: `/metrics`, `/health/live`, `/health/ready`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The conditions that must all be met for a service to receive work. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<BTreeMap<&'static str, bool>>>,
    changed: Arc<watch::Sender<()>>,
    drain: Duration,
}

/// One condition of readiness.
#[derive(Clone)]
pub struct Condition {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// `drain` is how long listeners stay open after the service has stopped being ready.
    pub fn new(drain: Duration) -> Self {
        Self { drain, ..Self::default() }
    }

    /// Adds a condition, not met yet.
    #[must_use]
    pub fn condition(&self, name: &'static str) -> Condition {
        let condition = Condition { name, readiness: self.clone() };
        condition.set(false);
        condition
    }

    /// True when every condition is met.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|met| *met)
    }

    /// The conditions that are not met.
    pub fn missing(&self) -> Vec<&'static str> {
        self.lock().iter().filter(|(_, met)| !**met).map(|(name, _)| *name).collect()
    }

    /// Returns once every condition is met.
    pub async fn ready(&self) {
        let mut changes = self.changed.subscribe();
        while !self.is_ready() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Called when the process is told to stop: not ready from now on, and returns when load balancers have had the
    /// time to notice.
    pub(crate) async fn drained(&self, stop: CancellationToken) {
        stop.cancelled().await;
        self.condition("not stopping").set(false);
        tokio::time::sleep(self.drain).await;
    }

    pub(crate) fn drain(&self) -> Duration {
        self.drain
    }

    /// Tells of each change of any condition from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, bool>> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Condition {
    pub fn set(&self, met: bool) {
        let before = self.readiness.lock().insert(self.name, met);
        if before != Some(met) {
            if before.is_some() {
                tracing::info!(condition = self.name, met, "readiness changed");
            }
            self.readiness.changed.send_replace(());
        }
    }
}

/// The body of a readiness answer.
#[derive(Serialize)]
struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting_for: Vec<&'static str>,
}

/// `GET /health`, and the [probes](probe_routes).
pub fn ready_routes(readiness: Vec<Readiness>) -> Router {
    let whole = Router::new().route("/health", get(ready)).with_state(readiness.clone().into());
    whole.merge(probe_routes(readiness))
}

/// `GET /health/ready`: 200, or 503 and what is missing, and `GET /health/live`. Several readinesses count as one.
pub fn probe_routes(readiness: Vec<Readiness>) -> Router {
    Router::new().route("/health/ready", get(ready)).route("/health/live", get(live)).with_state(readiness.into())
}

async fn ready(State(all): State<Arc<[Readiness]>>) -> impl IntoResponse {
    let waiting_for: Vec<_> = all.iter().flat_map(Readiness::missing).collect();
    if waiting_for.is_empty() {
        (StatusCode::OK, Json(Report { status: "ready", waiting_for }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Report { status: "not ready", waiting_for }))
    }
}

async fn live() -> impl IntoResponse {
    Json(Report { status: "live", waiting_for: Vec::new() })
}

/// Everything on the admin port.
pub fn admin_routes(readiness: Vec<Readiness>) -> Router {
    ready_routes(readiness).route("/metrics", get(|| async { crate::telemetry::render_metrics() }))
}
