//! The HTTP API, a file per endpoint.

mod cancel_order;
mod create_order;
mod dto;
mod extract;
mod get_order;
mod list_orders;
mod load_shed;
mod openapi;
mod pay_order;
mod problems;
mod response;
mod routes;
mod state;

pub use routes::{access, document, router};
