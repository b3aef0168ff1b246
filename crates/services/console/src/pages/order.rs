//! `GET /console/orders/{uuid}` and its fragments: summary, timeline and receipt.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use contracts::ids::{OrderId, UserId};
use platform::{
    clock,
    http::{problem::Problem, query::QueryParameters},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    format::Moment,
    frame::{layout, page},
    refusal, steps, summary as short,
    views::{
        layout::Section,
        order::Order,
        receipt::{CheckState, CheckView, Receipt},
        summary::Summary,
        timeline::Timeline,
    },
};
use crate::{
    api::{Api, Visit, of_error},
    client,
    error::Error,
    model::Step,
};

#[derive(Default, Deserialize, ToSchema)]
pub struct OrderQuery {
    /// The code of the refusal after which the visitor was redirected to the page.
    refused: Option<String>,
}

/// An order that the visitor may see, with its steps.
struct Seen {
    order: OrderId,
    steps: Vec<Step>,
    is_own: bool,
}

async fn seen(api: &Api, visit: &Visit, path: &str, uri: &str) -> Result<Seen, Problem> {
    if Uuid::try_parse(path).is_err() {
        // To a person, an invalid uuid in the address is a page that does not exist.
        return Err(of_error(Error::OrderNotFound));
    }
    let (order, is_own) = api.readable(visit, path, uri).await?;
    let steps = api.timelines.steps(order).await.map_err(of_error)?;
    Ok(Seen { order, steps, is_own })
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Path(path): Path<String>,
    QueryParameters(query): QueryParameters<OrderQuery>,
) -> Result<Response, Problem> {
    let Seen { order, steps, is_own } = seen(&api, &visit, &path, uri.path()).await?;
    let (layout, summary, receipt) = tokio::join!(
        layout(&api, &visit, Section::Orders),
        short::summary(&api, &visit, order, &steps, is_own),
        receipt_view(&api, &visit, order)
    );
    let mut summary = summary?;
    summary.problem = query.refused.map(|code| refusal::of_code(&code, "Please try again.", None));
    let after = steps.iter().map(|step| step.place).max().unwrap_or_default();
    let timeline = timeline_view(&api, &steps, &summary);
    let view = Order { layout, summary, timeline, receipt, after, is_of_another: !is_own };
    Ok(page(StatusCode::OK, &view))
}

pub async fn summary(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let Seen { order, steps, is_own } = seen(&api, &visit, &path, uri.path()).await?;
    Ok(page(StatusCode::OK, &short::summary(&api, &visit, order, &steps, is_own).await?))
}

pub async fn timeline(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let Seen { order, steps, is_own } = seen(&api, &visit, &path, uri.path()).await?;
    let summary = short::summary(&api, &visit, order, &steps, is_own).await?;
    Ok(page(StatusCode::OK, &timeline_view(&api, &steps, &summary)))
}

pub async fn receipt(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let Seen { order, .. } = seen(&api, &visit, &path, uri.path()).await?;
    Ok(page(StatusCode::OK, &receipt_view(&api, &visit, order).await))
}

pub fn timeline_view(api: &Api, steps: &[Step], summary: &Summary) -> Timeline {
    let is_finished = match (summary.status.as_str(), summary.delivery_status()) {
        ("CANCELLED", _) | (_, "DELIVERED") => true,
        ("ASSEMBLED", _) => summary.delivery_address.is_none(),
        _ => false,
    };
    Timeline::new(steps::views(steps, api.jaeger.as_deref()), is_finished)
}

async fn receipt_view(api: &Api, visit: &Visit, order: OrderId) -> Receipt {
    let checks = api.receipts.of(order, UserId::new(visit.user.uuid)).await;
    receipt_of_checks(order, checks.map_err(of_error))
}

pub fn receipt_of_checks(order: OrderId, checks: Result<Arc<Vec<client::Check>>, Problem>) -> Receipt {
    let (checks, problem) = match checks {
        Ok(checks) => (checks, None),
        Err(problem) => (Arc::default(), Some(refusal::shown(&problem))),
    };
    Receipt {
        order_uuid: order.to_string(),
        checks: checks.iter().map(check_view).collect(),
        checked_at: Some(Moment(clock::now())),
        problem,
    }
}

pub fn check_view(check: &client::Check) -> CheckView {
    CheckView {
        invariant: check.invariant.clone(),
        text: check.text.clone(),
        state: match check.state {
            client::CheckState::Held => CheckState::Held,
            client::CheckState::Open => CheckState::Open,
            client::CheckState::Violated => CheckState::Violated,
        },
        evidence: check.evidence.clone(),
    }
}
