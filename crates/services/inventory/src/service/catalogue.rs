//! The use cases of the catalogue: seeding, finding, listing and restocking parts.

use contracts::ids::PartId;
use platform::auth::Author;
use uuid::Uuid;

use super::InventoryService;
use crate::{
    error::Error,
    model::{Filter, Lines, NewPart, Page, Part},
};

impl InventoryService {
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

    /// Adds the lines to the stock, once per `restock`. Fails if an earlier call with the same `restock` had other lines.
    pub async fn restock(&self, restock: Uuid, lines: &Lines, by: &Author) -> Result<(), Error> {
        self.warehouse.restock(restock, lines, by).await?;
        tracing::info!(restock_uuid = %restock, "parts restocked");
        Ok(())
    }
}
