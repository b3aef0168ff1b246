//! Tests of the payment service: its API, the contracts of store and provider over every implementation, and
//! concurrency.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod contract;
mod outside;
mod races;
mod service;
mod stripe;

use contracts::{ids::OrderId, money::Money};
use payment::{
    client::Declines,
    model::{Intent, Method, PartialRefund, ProviderName, Reference, RefundReason},
};
use platform::auth::Author;
use testkit::{new_order, new_transaction, new_user};

/// The initial balance of a new user, in minor units.
const INITIAL_BALANCE: i64 = 100_000;
/// The built-in provider declines larger amounts than this, in minor units.
const MAX_AMOUNT: i64 = 500_000;

fn money(minor: i64) -> Money {
    Money::from_minor(minor).unwrap()
}

fn declines() -> Declines {
    Declines { rate: 0.0, above: Some(money(MAX_AMOUNT)) }
}

/// Returns the intent of a first attempt to charge a new user 10.00 for a new order.
fn intent(method: Method) -> Intent {
    Intent {
        transaction: new_transaction(),
        order: new_order(),
        attempt: 1,
        user: new_user(),
        method,
        amount: money(1000),
        provider: ProviderName::Ledger,
    }
}

/// Returns a refund of a part of an order's charge.
fn part(order: OrderId, reference: &str, minor: i64) -> PartialRefund {
    PartialRefund {
        order,
        reference: Reference::new(reference).unwrap(),
        amount: money(minor),
        reason: RefundReason::Return,
        decided_by: Author::part("test"),
    }
}

/// Returns the intent of the next attempt for the same order.
fn again(intent: &Intent) -> Intent {
    Intent { transaction: new_transaction(), attempt: intent.attempt + 1, ..*intent }
}
