//! The HTTP API, one file per endpoint, and the gRPC API in `grpc`.

pub mod browser;
mod cancel_order;
mod checkout;
mod create_order;
mod dto;
mod extract;
mod get_delivery;
mod get_order;
mod get_payment;
pub mod grpc;
mod idempotency;
pub mod list_orders;
mod openapi;
mod pay_order;
mod problems;
mod response;
mod routes;
mod state;

pub use routes::{RULES, document, router};
pub use state::Api;
