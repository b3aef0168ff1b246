//! The ways in: HTTP for users, Kafka for what assembly says, and the clock for what nobody asks about.

mod answer;
mod cancel_order;
mod create_order;
mod extract;
mod follow;
mod get_order;
mod limit;
mod list_orders;
mod openapi;
mod pay_order;
mod problems;
mod routes;
mod sweep;
mod view;

pub use follow::{AssembledShips, FailedAssemblies};
pub use openapi::document;
pub use routes::{access, router};
pub use sweep::sweep;
