//! Tests of the order service: the contract suites of its repositories, its use cases over in-memory implementations,
//! and its API over PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod api;
mod attempts;
mod checkout;
mod contract;
mod deadline;
mod delivery;
mod dependencies;
mod idempotency;
mod ids;
mod jobs;
mod machine;
mod payment_completed;
mod problems;
mod race;
mod reservations;
mod service;
mod shop;
mod statuses;
