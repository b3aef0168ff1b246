//! Tests by layer: the contract of the repository, builds with the in-memory repository, the service over real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod building;
mod builds;
