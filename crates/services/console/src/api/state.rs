//! What every endpoint works with.

use std::sync::Arc;

use crate::{
    client::{Customers, Delivery, Iam, Inventory, Orders, Payments},
    repository::{Actions, Timeline},
    service::{Couriers, Live, Receipts, Timelines},
};

#[derive(Clone)]
pub struct Api {
    pub iam: Iam,
    pub inventory: Inventory,
    pub orders: Orders,
    pub payments: Payments,
    pub customers: Customers,
    pub delivery: Delivery,
    pub couriers: Couriers,
    pub timelines: Timelines,
    pub timeline: Arc<dyn Timeline>,
    pub actions: Arc<dyn Actions>,
    pub receipts: Receipts,
    pub live: Live,
    /// True if browsers reach the console over TLS alone.
    pub is_secure: bool,
    /// The address of Jaeger's web page.
    pub jaeger: Option<Arc<str>>,
}
