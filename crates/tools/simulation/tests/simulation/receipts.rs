//! Checks that no receipt calls an order violated while its work is pending.

use audit::{facts::Position, receipt::receipt};
use contracts::events::ROUTES;
use platform::clock::Virtual;

use crate::{facts, world::World};

/// Returns the violations in the receipts of all orders. Processes may be down, and events unconsumed.
pub async fn problems(world: &World, clock: Virtual) -> Vec<String> {
    let mut facts = facts::gather(world, clock).await;
    facts.positions = positions(world);
    let receipts = facts.orders.iter().map(|order| (order.uuid, receipt(&facts, order.uuid)));
    let violated = receipts.flat_map(|(order, receipt)| {
        let checks: Vec<_> = receipt.violated().map(|check| (check.number, check.text.clone())).collect();
        checks.into_iter().map(move |(number, text)| format!("receipt of order {order}: {number}: {text}"))
    });
    violated.collect()
}

/// Returns the position of each consumer relative to every record that it consumes. Notification, which is not
/// simulated, stays at the beginning.
fn positions(world: &World) -> Vec<Position> {
    let mut positions = Vec::new();
    for route in &ROUTES {
        let topic = route.topic(&world.broker.topics);
        for (partition, offset, record) in world.broker.records(topic) {
            let Some(event) = record.headers.get("event-uuid").and_then(|uuid| uuid.parse().ok()) else { continue };
            let of = |group| Position {
                group: String::from(group),
                event,
                is_past: world.broker.committed(group, topic, partition) > offset,
            };
            positions.extend(route.consumers.iter().map(|consumer| of(consumer.group)));
        }
    }
    positions
}
