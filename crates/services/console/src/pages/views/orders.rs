//! The visitor's orders, newest first.

use askama::Template;

use super::layout::{Layout, Problem};
use crate::pages::{
    format::{Moment, Money, encoded, short},
    words,
};

#[derive(Clone, Debug)]
pub struct OrderRow {
    pub uuid: String,
    pub created_at: Moment,
    /// The number of parts, counting repeats.
    pub parts: i64,
    pub total: Money,
    pub status: String,
    pub delivery_status: Option<String>,
}

impl OrderRow {
    pub fn short(&self) -> &str {
        short(&self.uuid)
    }

    /// The text for the delivery's status once the ship is on its way, else for the order's status.
    pub fn words(&self) -> &str {
        match (self.status.as_str(), self.delivery_status.as_deref()) {
            ("ASSEMBLED", Some(delivery)) if delivery != "PENDING" => words::delivery(delivery),
            (status, _) => words::order(status),
        }
    }

    pub fn class(&self) -> &'static str {
        match self.status.as_str() {
            "PENDING_PAYMENT" => "",
            "CANCELLED" => "trouble",
            _ => "goods",
        }
    }
}

#[derive(Template)]
#[template(path = "orders.html")]
pub struct Orders {
    pub layout: Layout,
    pub orders: Vec<OrderRow>,
    /// The query `cursor` of the next page.
    pub next_cursor: Option<String>,
    /// True if this is not the first page.
    pub is_later_page: bool,
    pub problem: Option<Problem>,
}

impl Orders {
    fn next(&self) -> String {
        self.next_cursor.as_deref().map(encoded).unwrap_or_default()
    }
}
