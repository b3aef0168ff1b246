//! Tests by layer: contracts of the repositories, and the API of the whole service over real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod failures;
mod fixture;
mod operators;
mod passwords;
mod server;
mod sessions;
mod stores;
mod users;
