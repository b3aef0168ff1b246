//! The use cases: the catalogue, stock and reservations.

mod catalogue;
mod expire_reservations;
mod order_events;
mod reservations;

use std::{sync::Arc, time::Duration};

pub use expire_reservations::EXPIRY_BATCH;

use crate::{
    client::ExistingOrders,
    repository::{Catalogue, Warehouse},
};

#[derive(Clone)]
pub struct InventoryService {
    catalogue: Arc<dyn Catalogue>,
    warehouse: Arc<dyn Warehouse>,
    orders: Arc<dyn ExistingOrders>,
    reservation_ttl: Duration,
}

impl InventoryService {
    /// An unconfirmed reservation expires after `reservation_ttl` if its order does not exist then.
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        warehouse: Arc<dyn Warehouse>,
        orders: Arc<dyn ExistingOrders>,
        reservation_ttl: Duration,
    ) -> Self {
        Self { catalogue, warehouse, orders, reservation_ttl }
    }
}
