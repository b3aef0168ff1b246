//! The operators' pages below `/console/operator`.

mod actions;
mod confirm;
mod couriers;
mod dead_letters;
mod system;

use axum::response::Redirect;
use platform::http::endpoints::{Endpoints, OPERATOR};

pub use self::{
    actions::part_name,
    confirm::{Confirmation, confirm},
};
use super::{
    frame,
    views::layout::{Layout, Section},
};
use crate::api::{Api, Visit};

/// The first of the operators' pages, to which `/console/operator` leads.
const FIRST: &str = "/console/operator/services";

pub fn all() -> Endpoints<Api> {
    Endpoints::default()
        .page(OPERATOR, "/console/operator", first)
        .page(OPERATOR, "/console/operator/", first)
        .page(OPERATOR, FIRST, system::services)
        .page(OPERATOR, "/console/operator/dead-letters", dead_letters::show)
        .page(OPERATOR, "/console/operator/outbox", system::outbox)
        .page(OPERATOR, "/console/operator/lag", system::lag)
        .page(OPERATOR, "/console/operator/audit", system::audit)
        .page(OPERATOR, "/console/operator/couriers", couriers::show)
        .page(OPERATOR, "/console/operator/actions", actions::show)
}

async fn first() -> Redirect {
    Redirect::to(FIRST)
}

async fn layout(api: &Api, visit: &Visit) -> Layout {
    frame::layout(api, visit, Section::Operator).await
}
