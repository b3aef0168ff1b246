//! Tests by layer: the contract of the repository, use cases with in-memory dependencies, and the service over real
//! PostgreSQL and Kafka.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod assigning;
mod contract;
mod ids;
mod service;
