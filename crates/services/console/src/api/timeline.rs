//! `GET /console/api/orders/{uuid}/timeline`: the steps of an order, the oldest first, and `is_cut` if later ones may be missing.

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
    response::{IntoResponse as _, Response},
};
use platform::http::problem::Problem;
use serde_json::json;

use super::{Api, of_error};
use crate::{model::Kind, pages::Visit, service::is_cut};

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let (order, _) = api.readable(&visit, &path, uri.path()).await?;
    let steps = api.timelines.steps(order).await.map_err(of_error)?;
    let events = steps.iter().filter(|step| step.kind == Kind::Event).count();
    let mut timeline = json!({ "steps": steps });
    if is_cut(events) {
        timeline["is_cut"] = true.into();
    }
    Ok(Json(timeline).into_response())
}
