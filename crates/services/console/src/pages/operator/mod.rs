//! The operators' pages below `/console/operator`.

mod actions;
mod audit;
mod confirm;
mod dead_letters;
mod lag;
mod services;

use axum::response::Redirect;
use platform::http::endpoints::{Endpoints, OPERATOR};

pub use self::{
    actions::part_name,
    confirm::{Confirmation, confirm},
};
use super::map;
use crate::api::Api;

/// The first of the operators' pages, to which `/console/operator` leads.
const FIRST: &str = "/console/operator/services";

/// The result of an action, which a page shows.
struct Outcome {
    /// The title, such as `12 messages replayed, 12 dead letters resolved`.
    title: String,
    /// A line each.
    lines: Vec<String>,
    is_trouble: bool,
}

pub fn all() -> Endpoints<Api> {
    Endpoints::default()
        .page(OPERATOR, "/console/operator", first)
        .page(OPERATOR, "/console/operator/", first)
        .page(OPERATOR, FIRST, services::show)
        .page(OPERATOR, "/console/operator/dead-letters", dead_letters::show)
        .page(OPERATOR, "/console/operator/outbox", services::outbox)
        .page(OPERATOR, "/console/operator/lag", lag::show)
        .page(OPERATOR, "/console/operator/audit", audit::show)
        .page(OPERATOR, "/console/operator/couriers", map::operator)
        .page(OPERATOR, "/console/operator/actions", actions::show)
}

async fn first() -> Redirect {
    Redirect::to(FIRST)
}
