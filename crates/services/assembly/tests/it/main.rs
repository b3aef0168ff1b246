//! Assembly, layer by layer: repositories by their contract, building over memory, the whole over real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod building;
mod jobs;
