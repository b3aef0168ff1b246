//! Tests of the inventory service: the contract of its stores, its use cases, concurrency, and its API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod contention;
mod contract;
mod due;
mod events;
mod fixture;
mod indexes;
mod random;
mod service;
mod stock_api;
mod times;

use platform::auth::Author;

/// An author of restocks.
fn by() -> Author {
    Author::part("test")
}
