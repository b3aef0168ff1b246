//! Tests by layer: the repository, the consumer, and the service over real PostgreSQL and Kafka.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod http;
mod messages;
mod outages;
mod repository;
mod slots;
mod stream;
