//! The state that axum passes to every handler.

use crate::service::{DeliveryService, OrderService};

#[derive(Clone)]
pub struct Api {
    pub service: OrderService,
    pub deliveries: DeliveryService,
}
