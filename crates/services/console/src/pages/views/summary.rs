//! The summary of an order: its stage, parts, payment, delivery, and what its owner can do.

use askama::Template;

use super::layout::Problem;
use crate::pages::{
    format::{Moment, Money, short},
    words,
};

#[derive(Clone, Debug)]
pub struct OrderLine {
    pub name: String,
    pub quantity: i64,
    /// The price of one unit; absent if the part is no longer in the catalogue.
    pub price: Option<Money>,
}

impl OrderLine {
    pub fn sum(&self) -> Option<Money> {
        Some(self.price?.times(self.quantity))
    }
}

#[derive(Clone, Debug)]
pub struct PaymentView {
    /// `PENDING`, `SUCCESS`, `INSUFFICIENT_FUNDS`, `FAILED` or `REFUNDED`.
    pub status: String,
    pub amount: Money,
    pub method: String,
    pub transaction_uuid: Option<String>,
    pub paid_at: Option<Moment>,
}

impl PaymentView {
    pub fn words(&self) -> &str {
        words::payment(&self.status)
    }

    pub fn method_words(&self) -> &str {
        words::method(&self.method)
    }

    pub fn is_trouble(&self) -> bool {
        matches!(self.status.as_str(), "INSUFFICIENT_FUNDS" | "FAILED")
    }
}

#[derive(Clone, Debug)]
pub struct CarrierView {
    pub name: String,
    pub x: i32,
    pub y: i32,
    pub steps_left: i32,
}

#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// `PENDING`, `IN_TRANSIT`, `OUT_FOR_DELIVERY`, `DELIVERED` or `FAILED`.
    pub status: String,
    pub tracking_number: String,
    pub estimated_delivery: String,
    /// Per cent.
    pub progress: i32,
    pub courier: Option<CarrierView>,
}

impl DeliveryView {
    pub fn words(&self) -> &str {
        words::delivery(&self.status)
    }
}

/// A stage of an order: done, now, or to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub text: &'static str,
    pub state: &'static str,
}

/// A button to pay.
#[derive(Clone, Debug)]
pub struct Method {
    pub value: &'static str,
    pub text: &'static str,
}

#[derive(Template)]
#[template(path = "summary.html")]
pub struct Summary {
    pub uuid: String,
    pub created_at: Option<Moment>,
    /// `PENDING_PAYMENT`, `PAID`, `ASSEMBLED` or `CANCELLED`.
    pub status: String,
    /// Why it was cancelled, in words.
    pub reason: Option<String>,
    pub lines: Vec<OrderLine>,
    pub total: Money,
    pub payment: Option<PaymentView>,
    pub delivery_address: Option<String>,
    pub delivery: Option<DeliveryView>,
    /// For `INVESTOR_MONEY`.
    pub balance: Option<Money>,
    /// The idempotency key of the next payment. Empty if the visitor cannot pay.
    pub pay_key: String,
    pub methods: Vec<Method>,
    /// True while a payment is in progress or its outcome is unknown, so that the visitor can neither pay nor cancel.
    pub is_paying: bool,
    pub can_cancel: bool,
    /// Services that did not respond, so that their data may be missing.
    pub away: Vec<String>,
    /// Shown only by the page of the order, not by the fragment.
    pub problem: Option<Problem>,
}

impl Summary {
    pub fn short(&self) -> &str {
        short(&self.uuid)
    }

    pub fn can_pay(&self) -> bool {
        !self.pay_key.is_empty()
    }

    pub fn is_cancelled(&self) -> bool {
        self.status == "CANCELLED"
    }

    pub fn delivery_status(&self) -> &str {
        self.delivery.as_ref().map_or("", |delivery| delivery.status.as_str())
    }

    pub fn headline(&self) -> &'static str {
        let has_address = self.delivery_address.is_some();
        match (self.status.as_str(), self.delivery_status()) {
            ("PENDING_PAYMENT", _) if self.is_paying => "Your payment is under way",
            ("PENDING_PAYMENT", _) => "Your order waits for your payment",
            ("PAID", _) => "Your ship is being built",
            ("CANCELLED", _) => "This order is cancelled",
            (_, "IN_TRANSIT") => "Your ship is on its way",
            (_, "OUT_FOR_DELIVERY") => "Your ship is almost there",
            (_, "DELIVERED") => "Your ship has arrived",
            ("ASSEMBLED", _) if has_address => "Your ship is built and waits for a courier",
            ("ASSEMBLED", _) => "Your ship is built",
            _ => "Your order",
        }
    }

    pub fn stages(&self) -> Vec<Stage> {
        let reached = match (self.status.as_str(), self.delivery_status()) {
            (_, "DELIVERED") => 5,
            ("ASSEMBLED", _) => 3,
            ("PAID", _) => 2,
            _ => 1,
        };
        let mut texts = vec!["Ordered", "Paid", "Built"];
        if self.delivery_address.is_some() {
            texts.extend(["On its way", "Delivered"]);
        }
        let state = |place| match place {
            place if place < reached => "done",
            _ if self.is_cancelled() => "off",
            place if place == reached => "now",
            _ => "next",
        };
        texts.into_iter().enumerate().map(|(place, text)| Stage { text, state: state(place) }).collect()
    }
}

impl Method {
    pub fn all() -> Vec<Self> {
        let method = |value| Self { value, text: words::method(value) };
        ["CARD", "SBP", "CREDIT_CARD", "INVESTOR_MONEY"].into_iter().map(method).collect()
    }
}
