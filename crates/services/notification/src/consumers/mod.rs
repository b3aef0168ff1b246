//! The consumed events, one per file. Each handler queues a notification for the order's user, except for deliveries
//! that are not finished; `UserErased` ends them.

mod delivery_status_updated;
mod order_cancelled;
mod order_paid;
mod ship_assembled;
mod user_erased;

use contracts::events::{Cause, OrderOf, Subscription};
pub use delivery_status_updated::delivery_status_updated;
pub use order_cancelled::order_cancelled;
pub use order_paid::order_paid;
use platform::{ids, kafka::Failure};
use serde_json::Value;
pub use ship_assembled::ship_assembled;
pub use user_erased::user_erased;

use crate::{
    model::{Kind, NewNotification, NotificationId},
    service::NotificationService,
};

pub fn all(service: &NotificationService) -> [Subscription; 5] {
    [
        order_paid(service.clone()),
        ship_assembled(service.clone()),
        order_cancelled(service.clone()),
        delivery_status_updated(service.clone()),
        user_erased(service.clone()),
    ]
}

async fn notify(
    service: &NotificationService,
    cause: Cause,
    kind: Kind,
    OrderOf { order, user }: OrderOf,
    facts: Value,
) -> Result<(), Failure> {
    let new = NewNotification { id: NotificationId::new(ids::ordered()), order, user, kind, facts };
    Ok(service.queue(cause, &new).await?)
}
