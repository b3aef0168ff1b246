//! The events of which users are notified, a file each.

mod order_cancelled;
mod order_paid;
mod ship_assembled;

use contracts::events::{Event, OrderOf, Received};
pub use order_cancelled::order_cancelled;
pub use order_paid::order_paid;
use platform::{ids, kafka::Failure};
use serde_json::Value;
pub use ship_assembled::ship_assembled;

use crate::{
    model::{Kind, NewNotification},
    service::NotificationService,
};

/// Queues a notification of this kind for the user of an event.
async fn notify<E: Event<Subject = OrderOf>>(
    service: &NotificationService,
    group: &'static str,
    kind: Kind,
    received: &Received<E>,
    facts: Value,
) -> Result<(), Failure> {
    let OrderOf { order, user } = received.subject;
    let new = NewNotification { uuid: ids::ordered(), order: order.uuid(), user: user.uuid(), kind, facts };

    Ok(service.queue(group, received.id.uuid(), &new).await?)
}
