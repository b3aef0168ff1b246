//! Tests by layer: the repository, the consumer, the service over real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod http;
mod messages;
mod outages;
mod page;
mod repository;
mod slots;
mod stream;
