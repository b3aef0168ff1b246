//! `GET /console/api/orders/{uuid}/timeline`: the steps of an order, the oldest first.

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
    response::{IntoResponse as _, Response},
};
use platform::http::problem::Problem;
use serde_json::json;

use super::{Api, of_error};
use crate::pages::Visit;

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let (order, _) = api.readable(&visit, &path, uri.path()).await?;
    let steps = api.timelines.steps(order).await.map_err(of_error)?;
    Ok(Json(json!({ "steps": steps })).into_response())
}
