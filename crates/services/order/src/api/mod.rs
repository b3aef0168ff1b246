//! The HTTP API, a file per group of endpoints, and the gRPC API in `grpc`.

mod checkout;
mod delivery;
mod dto;
mod extract;
pub mod grpc;
mod idempotency;
mod openapi;
pub mod orders;
mod problems;
mod response;
mod routes;
mod state;

pub use routes::{RULES, document, router};
pub use state::Api;
