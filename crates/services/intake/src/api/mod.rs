//! The HTTP API, a file per endpoint, and the HTML pages.

mod accept;
mod caller;
mod erase_customer;
mod find_order;
mod get_order;
mod list_orders;
mod page;
mod place_order;
mod problems;
mod request_id;
mod routes;
mod state;

pub use routes::{RULES, document, router};
