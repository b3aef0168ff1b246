//! The use cases: the catalogue, stock and reservations.

mod catalogue;
mod expire_reservations;
mod order_events;
mod reservations;

use std::{sync::Arc, time::Duration};

pub use expire_reservations::EXPIRY_BATCH;

use crate::{
    client::ExistingOrders,
    model::MaxShare,
    repository::{Catalogue, Warehouse},
};

#[derive(Clone)]
pub struct InventoryService {
    catalogue: Arc<dyn Catalogue>,
    warehouse: Arc<dyn Warehouse>,
    orders: Arc<dyn ExistingOrders>,
    reservation_ttl: Duration,
    max_share: MaxShare,
}

impl InventoryService {
    /// An unconfirmed reservation expires after `reservation_ttl` if its order does not exist then. A user's unpaid
    /// orders hold any share of a part.
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        warehouse: Arc<dyn Warehouse>,
        orders: Arc<dyn ExistingOrders>,
        reservation_ttl: Duration,
    ) -> Self {
        Self { catalogue, warehouse, orders, reservation_ttl, max_share: MaxShare::OFF }
    }

    #[must_use]
    pub fn with_max_share(self, max_share: MaxShare) -> Self {
        Self { max_share, ..self }
    }
}
