//! `GET /console/orders/{uuid}` and its fragments: summary, timeline and receipt.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use contracts::ids::OrderId;
use platform::http::{problem::Problem, query::QueryParameters};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    frame::{Layout, embedding, layout, page},
    receipt::Receipt,
    refusal,
    summary::{self as short, Summary},
    timeline::Timeline,
};
use crate::{
    api::{AboutOrder, Api, Visit, no_receipt, of_error},
    client::Incident,
    error::Error,
    model::Step,
};

#[derive(Default, Deserialize, ToSchema)]
pub struct OrderQuery {
    /// The code of the refusal after which the visitor was redirected to the page.
    refused: Option<String>,
}

#[derive(Template)]
#[template(path = "order.html")]
struct Order {
    layout: Layout,
    summary: Summary,
    timeline: Timeline,
    receipt: Receipt,
    /// The place of the newest step shown, after which live updates continue.
    after: i64,
    /// True if an operator reads another user's order.
    is_of_another: bool,
    /// The address of the playground's panel. The page then polls, since the stream has the order's steps, but no
    /// faults.
    panel: Option<String>,
}

/// An order that the visitor may see, with its steps.
struct Seen {
    order: OrderId,
    steps: Vec<Step>,
    is_own: bool,
}

async fn seen(api: &Api, visit: &Visit, path: &str, uri: &str) -> Result<Seen, Problem> {
    if Uuid::try_parse(path).is_err() {
        // A page with an invalid UUID in its address gets the response for an order that does not exist.
        return Err(of_error(Error::OrderNotFound));
    }
    let (order, is_own) = api.readable(visit, path, uri).await?;
    let steps = api.timelines.steps(order).await.map_err(of_error)?;
    Ok(Seen { order, steps, is_own })
}

pub async fn show(
    (State(api), visit, uri, Path(path)): AboutOrder,
    QueryParameters(query): QueryParameters<OrderQuery>,
) -> Result<Response, Problem> {
    let Seen { order, steps, is_own } = seen(&api, &visit, &path, uri.path()).await?;
    let (layout, summary, receipt, incidents) = tokio::join!(
        layout(&api, &visit, "orders"),
        short::summary(&api, &visit, order, &steps, is_own),
        receipt_view(&api, order),
        incidents(&api, order)
    );
    let mut summary = summary?;
    summary.problem = query.refused.map(|code| refusal::of_code(&code, "Please try again.", None));
    let after = steps.iter().map(|step| step.place).max().unwrap_or_default();
    let timeline = timeline_view(&api, steps, incidents, &summary);
    let panel = api.playground.as_ref().map(|playground| playground.url().to_owned());
    let view = Order { layout, summary, timeline, receipt, after, is_of_another: !is_own, panel };
    Ok(embedding(api.playground.as_ref(), page(StatusCode::OK, &view)))
}

pub async fn summary((State(api), visit, uri, Path(path)): AboutOrder) -> Result<Response, Problem> {
    let Seen { order, steps, is_own } = seen(&api, &visit, &path, uri.path()).await?;
    Ok(page(StatusCode::OK, &short::summary(&api, &visit, order, &steps, is_own).await?))
}

pub async fn timeline((State(api), visit, uri, Path(path)): AboutOrder) -> Result<Response, Problem> {
    let Seen { order, steps, is_own } = seen(&api, &visit, &path, uri.path()).await?;
    let (summary, incidents) =
        tokio::join!(short::summary(&api, &visit, order, &steps, is_own), incidents(&api, order));
    Ok(page(StatusCode::OK, &timeline_view(&api, steps, incidents, &summary?)))
}

pub async fn receipt((State(api), visit, uri, Path(path)): AboutOrder) -> Result<Response, Problem> {
    let Seen { order, .. } = seen(&api, &visit, &path, uri.path()).await?;
    Ok(page(StatusCode::OK, &receipt_view(&api, order).await))
}

async fn incidents(api: &Api, order: OrderId) -> Vec<Incident> {
    match &api.playground {
        Some(playground) => playground.incidents(order).await,
        None => Vec::new(),
    }
}

pub fn timeline_view(api: &Api, steps: Vec<Step>, incidents: Vec<Incident>, summary: &Summary) -> Timeline {
    let is_finished = match (summary.known.status.as_str(), summary.delivery_status()) {
        ("CANCELLED", _) | (_, "DELIVERED") => true,
        ("ASSEMBLED", _) => summary.known.address().is_none(),
        _ => false,
    };
    Timeline::new(steps, incidents, is_finished, api.jaeger.clone())
}

async fn receipt_view(api: &Api, order: OrderId) -> Receipt {
    Receipt::new(order, api.operations.receipt(order).await.map_err(|status| no_receipt(&status)))
}
