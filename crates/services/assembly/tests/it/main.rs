//! Tests by layer: the contract of the repository, builds with the in-memory repository, and the service over real
//! PostgreSQL and Kafka.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod building;
mod builds;
