//! The HTTP API, a file per endpoint.

mod answer;
mod cancel_order;
mod create_order;
mod extract;
mod get_order;
mod limit;
mod list_orders;
mod openapi;
mod pay_order;
mod problems;
mod routes;
mod view;

pub use openapi::document;
pub use routes::{access, router};
