//! The page of an order.

use askama::Template;

use super::{layout::Layout, receipt::Receipt, summary::Summary, timeline::Timeline};

#[derive(Template)]
#[template(path = "order.html")]
pub struct Order {
    pub layout: Layout,
    pub summary: Summary,
    pub timeline: Timeline,
    pub receipt: Receipt,
    /// The place of the newest step shown; live updates go on from there.
    pub after: i64,
    /// True for another user's order, which an operator reads.
    pub is_of_another: bool,
}
