//! The use cases: the catalogue, stock and reservations.

mod reservations;

use std::{sync::Arc, time::Duration};

use contracts::ids::PartId;
use platform::auth::Author;
use uuid::Uuid;

use crate::{
    client::ExistingOrders,
    error::Error,
    model::{Filter, Lines, MaxShare, NewPart, Page, Part},
    repository::{Catalogue, Warehouse},
};
pub use reservations::EXPIRY_BATCH;

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
    /// orders may hold any share of a part.
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

    /// Adds the parts that the catalogue does not have yet.
    pub async fn seed(&self, parts: &[NewPart]) -> Result<(), Error> {
        let added = self.catalogue.seed(parts).await?;
        if added > 0 {
            tracing::info!(added, "parts added to the catalogue");
        }
        Ok(())
    }

    pub async fn part(&self, part: PartId) -> Result<Part, Error> {
        self.catalogue.find(part).await?.ok_or(Error::PartNotFound(part))
    }

    /// Returns a page of the parts that match the filter, and the position after which the next page begins, if there
    /// is one.
    pub async fn parts(&self, filter: &Filter, page: Page) -> Result<(Vec<Part>, Option<i64>), Error> {
        self.catalogue.list(filter, page).await
    }

    /// Adds the lines to the stock, once per `restock`. Fails if an earlier call with the same `restock` had other
    /// lines.
    pub async fn restock(&self, restock: Uuid, lines: &Lines, by: &Author) -> Result<(), Error> {
        self.warehouse.restock(restock, lines, by).await?;
        tracing::info!(restock_uuid = %restock, "parts restocked");
        Ok(())
    }
}
