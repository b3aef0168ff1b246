//! The operators' pages below `/console/operator`.

mod actions;
mod confirm;
mod couriers;
mod dead_letters;
mod system;

use axum::{Router, routing::get};

pub use self::{
    actions::part_name,
    confirm::{Confirmation, confirm},
};
use super::{
    frame,
    views::layout::{Layout, Section},
};
use crate::{api::Api, pages::Visit};

/// Returns the pages of operators.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/console/operator/services", get(system::services))
        .route("/console/operator/dead-letters", get(dead_letters::show))
        .route("/console/operator/outbox", get(system::outbox))
        .route("/console/operator/lag", get(system::lag))
        .route("/console/operator/audit", get(system::audit))
        .route("/console/operator/couriers", get(couriers::show))
        .route("/console/operator/actions", get(actions::show))
}

async fn layout(api: &Api, visit: &Visit) -> Layout {
    frame::layout(api, visit, Section::Operator).await
}
