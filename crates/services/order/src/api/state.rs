//! The state that every handler gets.

use crate::service::OrderService;

#[derive(Clone)]
pub struct Api {
    pub service: OrderService,
}
