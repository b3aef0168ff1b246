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
    /// The place of the newest step shown, after which live updates continue.
    pub after: i64,
    /// True if an operator reads another user's order.
    pub is_of_another: bool,
}
