//! `POST /alerts` on the admin port: the webhook of Alertmanager, version 4
//! (<https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>).

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use chrono::{DateTime, Datelike as _, SubsecRound as _, Utc};
use platform::{
    error_chain,
    http::{self, json, problem::Problem},
};
use serde::Deserialize;

use crate::{
    model::{Alert, AlertKey, AlertStatus},
    service::Alerting,
};

/// Room for [`MAX_ALERTS`] alerts (Alertmanager's `max_alerts`) of about 2 KiB each.
const MAX_BODY_BYTES: usize = 512 * 1024;
const MAX_ALERTS: usize = 100;
/// The version of the webhook's format.
const VERSION: &str = "4";
/// The annotations that a message shows, in this order.
const TOLD: [&str; 4] = ["summary", "description", "runbook_url", "dashboard_url"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    version: String,
    alerts: Vec<Reported>,
    /// The number of alerts beyond `max_alerts`, which are not among `alerts`.
    #[serde(default)]
    truncated_alerts: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reported {
    status: Status,
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: DateTime<Utc>,
    fingerprint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

/// Returns the route. The admin port does not authenticate its callers.
pub fn routes(alerting: Alerting) -> Router {
    let routes =
        Router::new().route("/alerts", post(handle)).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).with_state(alerting);
    http::layers_with(routes, MAX_BODY_BYTES)
}

async fn handle(State(alerting): State<Alerting>, body: Bytes) -> Result<StatusCode, Problem> {
    let (alerts, left_out) = decode(&body)?;
    match alerting.tell(alerts, left_out).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(error) => {
            // Alertmanager repeats a failed call and counts the failure.
            let problem = error_chain(error);
            tracing::warn!(problem, "not all alerts sent, Alertmanager repeats them");
            Err(Problem::unavailable("not all alerts were sent"))
        }
    }
}

/// Returns the alerts and the number of further alerts that Alertmanager left out.
fn decode(body: &[u8]) -> Result<(Vec<Alert>, usize), Problem> {
    let webhook: Webhook = json::decode(body)?;
    if webhook.version != VERSION {
        return Err(Problem::invalid("version", format!("must be {VERSION:?}")));
    }
    if !(1..=MAX_ALERTS).contains(&webhook.alerts.len()) {
        return Err(Problem::invalid("alerts", format!("must have 1 to {MAX_ALERTS} elements")));
    }
    let alerts = webhook.alerts.into_iter().enumerate().map(|(index, alert)| read(index, alert));
    Ok((alerts.collect::<Result<_, _>>()?, webhook.truncated_alerts))
}

fn read(index: usize, mut reported: Reported) -> Result<Alert, Problem> {
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|letter| letter.is_ascii_hexdigit());
    if !is_hash(&reported.fingerprint) {
        return Err(Problem::invalid(format!("alerts[{index}].fingerprint"), "must be 16 hexadecimal digits"));
    }
    let name = reported.labels.remove("alertname").filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| Problem::invalid(format!("alerts[{index}].labels.alertname"), "is required"))?;
    let status = match reported.status {
        Status::Firing => AlertStatus::Firing,
        Status::Resolved => AlertStatus::Resolved,
    };
    // chrono also parses negative years, and PostgreSQL has no times before 4713 BC.
    if !(1..=9999).contains(&reported.starts_at.year()) {
        return Err(Problem::invalid(format!("alerts[{index}].startsAt"), "must be a time in the years 1 to 9999"));
    }
    // PostgreSQL stores microseconds.
    let starts_at = reported.starts_at.trunc_subsecs(6);
    let lines = TOLD.into_iter().filter_map(|key| reported.annotations.remove(key));
    Ok(Alert {
        key: AlertKey { fingerprint: reported.fingerprint, status, starts_at },
        name,
        severity: reported.labels.remove("severity").unwrap_or_default(),
        lines: lines.filter(|line| !line.trim().is_empty()).collect(),
    })
}
