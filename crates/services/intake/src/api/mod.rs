//! The HTTP API, a file per group of endpoints, and the HTML pages.

mod orders;
mod pages;
mod place_order;
mod problems;
mod routes;
mod state;

pub use routes::{RULES, document, router};
