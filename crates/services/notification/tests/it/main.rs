//! Notification, layer by layer: repositories and clients by their contracts, workers over memory, the whole over real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod bad_gateway;
mod greeting;
mod notifications;
mod offsets;
mod queue;
mod sending;
mod telegram;
mod users;
