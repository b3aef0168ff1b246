//! The catalogue, and what orders hold of the stock.

use std::{sync::Arc, time::Duration};

use contracts::events::{OrderCancelled, OrderCreated, Received, ShipAssembled};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Filter, Lines, NewPart, Page, Part, Reserved},
    repository::{Catalogue, Delivery, Hold, Warehouse},
};

/// The consumer groups, which are the inbox's names too.
pub const GROUP_CREATED: &str = "inventory-group-order-created";
pub const GROUP_CANCELLED: &str = "inventory-group-order-cancelled";
pub const GROUP_ASSEMBLED: &str = "inventory-group-order-assembled";
/// Reservations that expire at once.
pub const EXPIRY_BATCH: u32 = 200;

#[derive(Clone)]
pub struct InventoryService {
    catalogue: Arc<dyn Catalogue>,
    warehouse: Arc<dyn Warehouse>,
    ttl: Duration,
}

impl InventoryService {
    /// A reservation that is not confirmed lasts for `ttl`.
    pub fn new(catalogue: Arc<dyn Catalogue>, warehouse: Arc<dyn Warehouse>, ttl: Duration) -> Self {
        Self { catalogue, warehouse, ttl }
    }

    /// Adds the parts that are new.
    pub async fn seed(&self, parts: &[NewPart]) -> Result<(), Error> {
        let added = self.catalogue.seed(parts).await?;
        if added > 0 {
            tracing::info!(added, "the catalogue has new parts");
        }
        Ok(())
    }

    pub async fn part(&self, part: Uuid) -> Result<Part, Error> {
        self.catalogue.find(part).await?.ok_or(Error::PartNotFound(part))
    }

    pub async fn parts(&self, filter: &Filter, page: Page) -> Result<Vec<Part>, Error> {
        self.catalogue.list(filter, page).await
    }

    /// Sets parts aside for an order: for good when `confirm`, else for a while.
    pub async fn reserve(&self, order: Uuid, lines: &Lines, confirm: bool) -> Result<Vec<Reserved>, Error> {
        let hold = if confirm { Hold::Confirmed } else { Hold::For(self.ttl) };
        let outcome = self.warehouse.reserve(order, lines, hold, None).await;
        let label = match &outcome {
            Ok(_) => "reserved",
            Err(Error::OutOfStock(_)) => "out_of_stock",
            Err(_) => "refused",
        };
        metrics::counter!("inventory_reservations_total", "outcome" => label).increment(1);
        outcome
    }

    pub async fn release(&self, order: Uuid) -> Result<(), Error> {
        self.warehouse.release(order, None).await
    }

    pub async fn commit(&self, order: Uuid) -> Result<(), Error> {
        self.warehouse.commit(order, None).await
    }

    pub async fn restock(&self, restock: Uuid, lines: &Lines) -> Result<(), Error> {
        self.warehouse.restock(restock, lines).await?;
        tracing::info!(restock_uuid = %restock, "restocked");
        Ok(())
    }

    /// The order exists: what is set aside for it stays so.
    pub async fn order_created(&self, created: &Received<OrderCreated>, lines: &Lines) -> Result<(), Error> {
        let cause = Delivery { consumer: GROUP_CREATED, event: created.id.uuid() };
        match self.warehouse.reserve(created.subject.order.uuid(), lines, Hold::Confirmed, Some(cause)).await {
            Ok(_) => Ok(()),
            // Nothing is charged without a reservation, so the order comes to the same end.
            Err(error @ (Error::OutOfStock(_) | Error::ReservationEnded(_))) => {
                tracing::warn!(order_uuid = %created.subject.order.uuid(), %error, "an order has no parts any more");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The order is cancelled: its parts can be sold to others.
    pub async fn order_cancelled(&self, cancelled: &Received<OrderCancelled>) -> Result<(), Error> {
        let cause = Delivery { consumer: GROUP_CANCELLED, event: cancelled.id.uuid() };
        settled(
            cancelled.subject.order.uuid(),
            self.warehouse.release(cancelled.subject.order.uuid(), Some(cause)).await,
        )
    }

    /// The ship is built: its parts are gone.
    pub async fn order_assembled(&self, assembled: &Received<ShipAssembled>) -> Result<(), Error> {
        let cause = Delivery { consumer: GROUP_ASSEMBLED, event: assembled.id.uuid() };
        settled(
            assembled.subject.order.uuid(),
            self.warehouse.commit(assembled.subject.order.uuid(), Some(cause)).await,
        )
    }

    /// Gives back what was not confirmed in time, a bounded batch. Answers of how many orders.
    pub async fn expire(&self) -> Result<u64, Error> {
        self.warehouse.expire(EXPIRY_BATCH.into()).await
    }
}

/// An order that ends in two ways cannot happen, and no repetition mends it: somebody has to look.
fn settled(order: Uuid, outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(error @ (Error::ReservationNotFound(_) | Error::ReservationEnded(_) | Error::OutOfStock(_))) => {
            tracing::error!(order_uuid = %order, %error, "the stock cannot follow what became of an order");
            metrics::counter!("inventory_inconsistencies_total").increment(1);
            Ok(())
        }
        outcome => outcome,
    }
}
