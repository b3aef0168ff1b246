//! What operators read: services, outboxes, the lag of consumers, and the log of actions.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use platform::http::problem::Problem;
use serde_json::json;

use crate::{
    api::{Api, of_error},
    error::Error,
};

/// The maximum number of actions that are shown.
pub const MAX_ACTIONS: i64 = 200;

/// `GET /console/api/operator/services`
pub async fn services(State(api): State<Api>) -> Result<Response, Problem> {
    let services = api.operations.services().await.map_err(|error| not_read("the services", error))?;
    Ok(Json(json!({ "services": services })).into_response())
}

/// `GET /console/api/operator/outbox`
pub async fn outbox(State(api): State<Api>) -> Result<Response, Problem> {
    let outboxes = api.operations.outboxes().await.map_err(|error| not_read("the outboxes", error))?;
    Ok(Json(json!({ "outboxes": outboxes })).into_response())
}

/// `GET /console/api/operator/lag`
pub async fn lag(State(api): State<Api>) -> Result<Response, Problem> {
    let lags = api.lag.now().await.map_err(|error| not_read("the lag", error))?;
    Ok(Json(&*lags).into_response())
}

/// `GET /console/api/operator/actions`
pub async fn actions(State(api): State<Api>) -> Result<Response, Problem> {
    let actions = api.actions.latest(MAX_ACTIONS).await.map_err(of_error)?;
    Ok(Json(json!({ "actions": actions })).into_response())
}

pub fn not_read(what: &'static str, error: anyhow::Error) -> Problem {
    of_error(Error::NotRead(what, error))
}
