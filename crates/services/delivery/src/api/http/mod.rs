//! The HTTP API, a file per group of endpoints.

mod couriers;
mod dto;
mod orders;
mod problems;
mod routes;

pub use routes::{RULES, document, router};
