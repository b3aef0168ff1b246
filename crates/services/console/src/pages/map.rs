//! `GET /console/map` and its fragment: the couriers.

use axum::{extract::State, http::StatusCode, response::Response};
use contracts::ids::OrderId;

use super::{
    format::Span,
    frame::{layout, page},
    refusal,
    views::{
        layout::Section,
        map::{CourierView, Grid, Map},
    },
};
use crate::{
    api::{Api, Visit, of_error},
    service::Visible,
};

/// The time of a step, in milliseconds.
const STEP_MS: i64 = 1_000;

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, grid) = tokio::join!(layout(&api, &visit, Section::Map), couriers(&api, &visit));
    page(StatusCode::OK, &Map { layout, grid })
}

pub async fn grid(State(api): State<Api>, visit: Visit) -> Response {
    page(StatusCode::OK, &couriers(&api, &visit).await)
}

/// Returns the couriers as the visitor may see them.
pub async fn couriers(api: &Api, visit: &Visit) -> Grid {
    match api.couriers.list(&visit.caller()).await {
        Ok(all) => {
            let mut couriers = Vec::with_capacity(all.len());
            for one in all {
                couriers.push(view(api, visit, one).await);
            }
            Grid { couriers, problem: None }
        }
        Err(error) => Grid { couriers: Vec::new(), problem: Some(refusal::shown(&of_error(error))) },
    }
}

async fn view(api: &Api, visit: &Visit, Visible { courier, own_order, is_busy }: Visible) -> CourierView {
    let cell = courier.location.unwrap_or_default();
    let destination = match own_order {
        Some(order) => destination(api, visit, order).await,
        None => None,
    };
    let arrival = Span(i64::from(courier.steps_left) * STEP_MS);
    CourierView {
        name: courier.name,
        speed: courier.speed,
        x: cell.x,
        y: cell.y,
        steps_left: courier.steps_left,
        is_own: own_order.is_some(),
        order_uuid: Some(courier.order_id).filter(|order| !order.is_empty()),
        destination,
        is_busy,
        arrival: (courier.steps_left > 0).then(|| format!("in {arrival}")),
    }
}

/// Returns the cell to which an order of the visitor goes.
async fn destination(api: &Api, visit: &Visit, order: OrderId) -> Option<(i32, i32)> {
    if let Some(cell) = api.couriers.destination(order) {
        return Some(cell);
    }
    let answer = api.orders.get(&visit.session, &format!("/api/v1/orders/{order}")).await.ok()?.json();
    api.couriers.find_destination(order, answer["delivery_address"].as_str()?).await
}
