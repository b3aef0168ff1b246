//! `OrderCreated`: confirms the order's reservation.

use contracts::{
    events::{OrderCreated, Received, Subscription},
    ids::PartId,
};
use platform::kafka::Failure;
use uuid::Uuid;

use crate::{
    model::Lines,
    service::{GROUP_CREATED, InventoryService},
};

pub fn order_created(service: InventoryService) -> Subscription {
    Subscription::new(GROUP_CREATED, move |created: Received<OrderCreated>| {
        let service = service.clone();
        async move {
            let lines = decode(&created.event.part_uuids)?;
            Ok(service.order_created(created.id, created.subject.order, &lines).await?)
        }
    })
}

/// Decodes the parts and their quantities. The event contains a part's UUID once per unit.
fn decode(part_uuids: &[String]) -> Result<Lines, Failure> {
    if part_uuids.is_empty() {
        return Err(Failure::poison("part_uuids is empty"));
    }
    let unit = |uuid: &String| Uuid::try_parse(uuid).map(|uuid| (PartId::new(uuid), 1));
    let lines: Result<Lines, _> = part_uuids.iter().map(unit).collect();
    lines.map_err(|_| Failure::poison("part_uuids has what is not a uuid"))
}
