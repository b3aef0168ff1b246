//! `OrderCreated`, `OrderCancelled` and `ShipAssembled`: what becomes of an order decides what becomes of its parts.

use async_trait::async_trait;
use events::{OrderCancelled, OrderCreated, ShipAssembled};
use platform::kafka::{Failure, Handler, Message};
use uuid::Uuid;

use crate::{model::Lines, service::InventoryService};

pub struct CreatedOrders(pub InventoryService);
pub struct CancelledOrders(pub InventoryService);
pub struct AssembledOrders(pub InventoryService);

#[async_trait]
impl Handler for CreatedOrders {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let created = events::read::<OrderCreated>(message)?;
        let lines = lines(&created.event.part_uuids)?;

        Ok(self.0.order_created(&created, &lines).await?)
    }
}

#[async_trait]
impl Handler for CancelledOrders {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let cancelled = events::read::<OrderCancelled>(message)?;

        Ok(self.0.order_cancelled(&cancelled).await?)
    }
}

#[async_trait]
impl Handler for AssembledOrders {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let assembled = events::read::<ShipAssembled>(message)?;

        Ok(self.0.order_assembled(&assembled).await?)
    }
}

/// A repeated uuid is a quantity.
fn lines(part_uuids: &[String]) -> Result<Lines, Failure> {
    if part_uuids.is_empty() {
        return Err(Failure::poison("part_uuids is empty"));
    }
    let one = |uuid: &String| Uuid::try_parse(uuid).map(|uuid| (uuid, 1));
    let lines: Result<Lines, _> = part_uuids.iter().map(one).collect();
    lines.map_err(|_| Failure::poison("part_uuids has what is not a uuid"))
}
