//! The payment service from the outside, its ports over every implementation, and its races over the real database.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod balances;
mod contract;
mod provider;
mod races;
mod repository;
mod service;
mod stripe;
mod stripe_client;

use contracts::money::Money;
use payment::{
    client::Declines,
    model::{Intent, Method, ProviderName},
};
use platform::ids;

/// What new users have.
const INITIAL: i64 = 100_000;
/// What costs more is declined.
const LIMIT: i64 = 500_000;

fn money(minor: i64) -> Money {
    Money::from_minor(minor).unwrap()
}

fn declines() -> Declines {
    Declines { rate: 0.0, above: Some(money(LIMIT)) }
}

/// The first attempt to pay 10.00 for a new order of a new user.
fn intent(method: Method) -> Intent {
    Intent {
        transaction: ids::random(),
        order: ids::random(),
        attempt: 1,
        user: ids::random(),
        method,
        amount: money(1000),
        provider: ProviderName::Ledger,
    }
}

/// Another attempt for the same order.
fn again(intent: &Intent) -> Intent {
    Intent { transaction: ids::random(), attempt: intent.attempt + 1, ..*intent }
}
