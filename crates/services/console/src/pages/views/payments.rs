//! The statement of charges and refunds, newest first.

use askama::Template;

use super::layout::{Layout, Problem};
use crate::pages::{
    format::{Moment, Money, encoded, short},
    words,
};

/// One attempt to charge an order.
#[derive(Clone, Debug)]
pub struct PaymentRow {
    pub order_uuid: String,
    /// `PENDING`, `SUCCESS`, `INSUFFICIENT_FUNDS`, `FAILED` or `REFUNDED`.
    pub status: &'static str,
    pub method: &'static str,
    pub amount: Money,
    /// The sum of the partial refunds, if there are any.
    pub returned: Option<Money>,
    pub created_at: Moment,
}

impl PaymentRow {
    pub fn short(&self) -> &str {
        short(&self.order_uuid)
    }

    pub fn words(&self) -> &str {
        words::payment(self.status)
    }

    pub fn method_words(&self) -> &str {
        words::method(self.method)
    }

    pub fn class(&self) -> &'static str {
        match self.status {
            "SUCCESS" => "money",
            "INSUFFICIENT_FUNDS" | "FAILED" => "trouble",
            _ => "",
        }
    }

    /// Returns true if the user was charged and not refunded.
    pub fn is_charged(&self) -> bool {
        self.status == "SUCCESS"
    }
}

#[derive(Template)]
#[template(path = "payments.html")]
pub struct Payments {
    pub layout: Layout,
    pub payments: Vec<PaymentRow>,
    /// The query `page` of the next page.
    pub next: Option<String>,
    /// True if this is not the first page.
    pub is_later_page: bool,
    pub problem: Option<Problem>,
}

impl Payments {
    fn next_page(&self) -> String {
        self.next.as_deref().map(encoded).unwrap_or_default()
    }
}
