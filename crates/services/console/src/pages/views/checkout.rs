//! The order before it is placed: its lines, the total, and the address.

use std::collections::BTreeMap;

use askama::Template;

use super::layout::{Layout, Problem, concerns};
use crate::{api::MAX_UNITS, pages::format::Money};

/// A part of the order. While inventory does not respond, the name is the uuid, and price and stock are absent.
#[derive(Clone, Debug)]
pub struct CheckoutLine {
    pub part_uuid: String,
    pub name: String,
    pub quantity: i64,
    pub price: Option<Money>,
    /// The units that can be bought now.
    pub stock: Option<i64>,
}

impl CheckoutLine {
    pub fn sum(&self) -> Option<Money> {
        Some(self.price?.times(self.quantity))
    }

    /// Returns how many units the form can order.
    pub fn most(&self) -> i64 {
        self.stock.map_or(MAX_UNITS, |stock| stock.min(MAX_UNITS))
    }

    pub fn is_short(&self) -> bool {
        self.stock.is_some_and(|stock| self.quantity > stock)
    }

    pub fn is_sold_out(&self) -> bool {
        self.stock == Some(0)
    }
}

/// The cell of the grid to which an address belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub x: i32,
    pub y: i32,
}

#[derive(Template)]
#[template(path = "checkout.html")]
pub struct Checkout {
    pub layout: Layout,
    pub lines: Vec<CheckoutLine>,
    /// The uuids of wanted parts that are not ordered.
    pub left_out: Vec<String>,
    /// Absent if the price of a part is absent.
    pub total: Option<Money>,
    /// The idempotency key, which is created with the cart, or for the next try after a refusal.
    pub key: String,
    /// True if the order was refused. The browser's cart then takes the key of this page.
    pub is_refused: bool,
    /// The values of the form's fields, by name.
    pub fields: BTreeMap<String, String>,
    /// The address's cell, once it was looked up.
    pub cell: Option<Cell>,
    pub problem: Option<Problem>,
}

impl Checkout {
    fn value(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    fn is_wrong(&self, field: &str) -> bool {
        concerns(self.problem.as_ref(), field)
    }

    fn is_short(&self) -> bool {
        self.lines.iter().any(CheckoutLine::is_short)
    }
}
