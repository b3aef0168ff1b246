//! The state that every handler gets.

use crate::service::{DeliveryService, OrderService};

#[derive(Clone)]
pub struct Api {
    pub service: OrderService,
    pub deliveries: DeliveryService,
}
