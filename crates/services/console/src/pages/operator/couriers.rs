//! `GET /console/operator/couriers`.

use axum::{extract::State, response::Response};

use super::layout;
use crate::{
    api::{Api, Visit},
    pages::{frame::page, map, views::operator::couriers::Couriers},
};
use axum::http::StatusCode;

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, grid) = tokio::join!(layout(&api, &visit), map::couriers(&api, &visit));
    page(StatusCode::OK, &Couriers { layout, couriers: grid.couriers, problem: grid.problem })
}
