//! `GET /console/api/orders/{uuid}/timeline`: the steps of an order, the oldest first, and `is_cut` if later ones may
//! be missing. `/receipt`: the results of the audit's rules for it; signed if the request accepts a JWS. `/export`: both
//! as one file, signed.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{Html, IntoResponse as _, Response},
};
use platform::http::{accepts, problem::Problem};
use serde_json::{Value, json};

use super::{AboutOrder, Api, no_receipt, of_error};
use crate::{
    model::{Kind, signed_receipt::MEDIA_TYPE},
    pages,
    service::is_cut,
};

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

pub async fn receipt(
    (State(api), visit, uri, Path(path)): AboutOrder,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (order, _) = api.readable(&visit, &path, uri.path()).await?;
    let checks = api.operations.receipt(order).await.map_err(|status| no_receipt(&status))?;
    if accepts(&headers, MEDIA_TYPE) {
        let signed = api.receipts.signed(order, checks).await.map_err(of_error)?;
        return Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], signed).into_response());
    }
    Ok(Json(json!({ "checks": checks })).into_response())
}

/// `GET /console/.well-known/receipt-keys.json`
pub async fn receipt_keys(State(api): State<Api>) -> Json<Value> {
    Json(api.receipts.key_set())
}

pub async fn export((State(api), visit, uri, Path(path)): AboutOrder) -> Result<Response, Problem> {
    let (order, is_own) = api.readable(&visit, &path, uri.path()).await?;
    let steps = api.timelines.steps(order).await.map_err(of_error)?;
    let checks = api.operations.receipt(order).await.map_err(|status| no_receipt(&status))?;
    let page = pages::export(&api, &visit, order, steps, checks.clone(), is_own).await?;
    let file = api.receipts.signed_page(order, checks, &page).await.map_err(of_error)?;
    let name = format!("attachment; filename=\"order-{order}.html\"");
    Ok(([(header::CONTENT_DISPOSITION, name)], Html(file)).into_response())
}
