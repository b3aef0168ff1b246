//! `GET /console/api/orders/{uuid}/timeline`: the steps of an order, the oldest first, and `is_cut` if later ones may
//! be missing. `/receipt`: the results of the audit's rules for it. `/export`: both as one file.

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::{Html, IntoResponse as _, Response},
};
use platform::http::problem::Problem;
use serde_json::json;

use super::{AboutOrder, no_receipt, of_error};
use crate::{model::Kind, pages, service::is_cut};

pub async fn show((State(api), visit, uri, Path(path)): AboutOrder) -> Result<Response, Problem> {
    let (order, _) = api.readable(&visit, &path, uri.path()).await?;
    let steps = api.timelines.steps(order).await.map_err(of_error)?;
    let events = steps.iter().filter(|step| step.kind == Kind::Event).count();
    let mut timeline = json!({ "steps": steps });
    if is_cut(events) {
        timeline["is_cut"] = true.into();
    }
    Ok(Json(timeline).into_response())
}

pub async fn receipt((State(api), visit, uri, Path(path)): AboutOrder) -> Result<Response, Problem> {
    let (order, _) = api.readable(&visit, &path, uri.path()).await?;
    let checks = api.operations.receipt(order).await.map_err(|status| no_receipt(&status))?;
    Ok(Json(json!({ "checks": checks })).into_response())
}

pub async fn export((State(api), visit, uri, Path(path)): AboutOrder) -> Result<Response, Problem> {
    let (order, is_own) = api.readable(&visit, &path, uri.path()).await?;
    let steps = api.timelines.steps(order).await.map_err(of_error)?;
    let checks = api.operations.receipt(order).await.map_err(|status| no_receipt(&status))?;
    let file = pages::export(&api, &visit, order, steps, checks, is_own).await?;
    let name = format!("attachment; filename=\"order-{order}.html\"");
    Ok(([(header::CONTENT_DISPOSITION, name)], Html(file)).into_response())
}
