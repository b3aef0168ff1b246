//! `OrderCreated`: the order's reservation has no expiry any more.

use contracts::events::{OrderCreated, Received, Subscription};
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
            let lines = lines(&created.event.part_uuids)?;
            Ok(service.order_created(&created, &lines).await?)
        }
    })
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
