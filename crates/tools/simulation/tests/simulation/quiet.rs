//! Checks whether work is pending.

use contracts::events::readers;

use crate::{deliveries, refunds, world::World};

pub fn unfinished(world: &World) -> Option<String> {
    let stores = &world.stores;
    let mut consumed = readers(&world.broker.topics).filter(|(consumer, _)| stores.inbox(consumer.service).is_some());
    if let Some((consumer, _)) = consumed.find(|(consumer, topic)| !world.broker.is_done(consumer.group, topic)) {
        return Some(format!("{} has something to read", consumer.group));
    }
    for (service, outbox) in stores.outboxes() {
        if outbox.events().iter().any(|(_, published)| !published) {
            return Some(format!("{service} has something to publish"));
        }
    }
    let orders = stores.orders.all();
    let open = |order: &&order::model::Order| {
        use order::model::Status;
        matches!(order.status, Status::PendingPayment | Status::Paid)
    };
    if let Some(order) = orders.iter().find(open) {
        return Some(format!("order {} is {}, with {:?}", order.uuid, order.status.as_str(), order.attempt));
    }
    if let Some(payment) = stores.payments.all().iter().find(|payment| {
        use payment::model::Status;
        matches!(payment.status, Status::Pending { .. } | Status::Refunding { .. })
    }) {
        return Some(format!("payment {} is {:?}", payment.intent.transaction, payment.status));
    }
    if let Some((order, ..)) = stores.inventory.reservations().iter().find(|(_, kept)| kept.expires_at.is_some()) {
        return Some(format!("parts are held for order {order}"));
    }
    if let Some(open) = refunds::unfinished(world) {
        return Some(open);
    }
    deliveries::unfinished(world)
}
