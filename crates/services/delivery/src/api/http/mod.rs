//! The HTTP API, a file per endpoint.

mod add_courier;
mod add_storage_place;
mod caller;
mod create_order;
mod dto;
mod health;
mod list_active_orders;
mod list_couriers;
mod problems;
mod routes;

pub use routes::{RULES, document, router};
