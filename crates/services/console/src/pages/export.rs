//! The timeline and the receipt of an order as one file.

use std::sync::Arc;

use askama::Template as _;
use contracts::ids::OrderId;
use platform::{clock, http::problem::Problem};

use super::{
    assets::STYLE,
    format::Moment,
    order::{receipt_of_checks, timeline_view},
    summary::summary,
    views::export::Export,
};
use crate::{
    api::{Api, Visit},
    client::Check,
    model::Step,
};

/// Returns the file of an order that the visitor may see.
pub async fn file(
    api: &Api,
    visit: &Visit,
    order: OrderId,
    steps: &[Step],
    checks: Arc<Vec<Check>>,
    is_own: bool,
) -> Result<String, Problem> {
    let summary = summary(api, visit, order, steps, is_own).await?;
    let view = Export {
        style: STYLE,
        timeline: timeline_view(api, steps, &summary),
        summary,
        receipt: receipt_of_checks(order, Ok(checks)),
        exported_at: Moment(clock::now()),
    };
    view.render().map_err(|error| {
        tracing::error!(%error, "a file could not be rendered");
        Problem::unavailable("the file cannot be made now")
    })
}
