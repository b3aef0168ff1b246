//! The HTTP API, the endpoints of a resource in one file, and the gRPC API in `grpc`.

mod checkout;
mod delivery;
mod dto;
mod extract;
pub mod grpc;
pub mod orders;
mod payment;
mod problems;
mod routes;

use crate::service::{DeliveryService, OrderService};
pub use routes::{RULES, document, router};

pub struct Api {
    pub service: OrderService,
    pub deliveries: DeliveryService,
}

type ApiState = axum::extract::State<std::sync::Arc<Api>>;
