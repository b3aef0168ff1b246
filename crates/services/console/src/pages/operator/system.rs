//! `GET /console/operator/services`, `/outbox`, `/lag` and `/audit`: the state of the whole system.

use axum::{extract::State, http::StatusCode, response::Response};
use platform::{clock, http::problem::Problem};

use super::layout;
use crate::{
    api::{Api, Visit, not_read},
    pages::{
        format::Moment,
        frame::page,
        refusal,
        views::operator::{
            audit::Audit,
            lag::{GroupLag, Lag},
            outbox::Outbox,
            services::Services,
        },
    },
    service::Now,
};

pub async fn services(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, services) = tokio::join!(layout(&api, &visit), api.operations.services());
    let services = services.map_err(|error| not_read("the services", error));
    let (status, problem) = shown(services.as_ref().err());
    page(status, &Services { layout, services: services.unwrap_or_default(), at: Moment(clock::now()), problem })
}

pub async fn outbox(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, outboxes) = tokio::join!(layout(&api, &visit), api.operations.outboxes());
    let outboxes = outboxes.map_err(|error| not_read("the outboxes", error));
    let (status, problem) = shown(outboxes.as_ref().err());
    page(status, &Outbox { layout, outboxes: outboxes.unwrap_or_default(), at: Moment(clock::now()), problem })
}

pub async fn lag(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, lags) = tokio::join!(layout(&api, &visit), api.lag.now());
    let lags = lags.map_err(|error| not_read("the lag", error));
    let (status, problem) = shown(lags.as_ref().err());
    let (groups, at) = match &lags {
        Ok(lags) => (GroupLag::all(lags), Some(Moment(lags.at))),
        Err(_) => (Vec::new(), None),
    };
    page(status, &Lag { layout, groups, at, problem })
}

pub async fn audit(State(api): State<Api>, visit: Visit) -> Response {
    let layout = layout(&api, &visit).await;
    let Now { running, last } = api.audits.now();
    page(StatusCode::OK, &Audit { layout, running, last, problem: None })
}

/// Returns the status of a page, and the problem because of which something is missing on it.
pub fn shown(problem: Option<&Problem>) -> (StatusCode, Option<crate::pages::views::layout::Problem>) {
    match problem {
        Some(problem) => (refusal::status(problem), Some(refusal::shown(problem))),
        None => (StatusCode::OK, None),
    }
}
