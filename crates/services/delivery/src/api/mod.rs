//! The HTTP API, a file per group of endpoints, for the console and outside programs; and in `grpc` the gRPC API, for
//! services and operators.

mod couriers;
mod dto;
pub mod grpc;
mod orders;
mod problems;
mod routes;

pub use routes::{RULES, document, router};
