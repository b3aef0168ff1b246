//! The consumed events. Each handler queues a notification for the order's user, except for deliveries that are not
//! finished; `UserErased` ends them.

use contracts::events::{
    Cause, DeliveryStatusUpdated, OrderCancelled, OrderOf, OrderPaid, Received, ShipAssembled, Subscription,
    UserErased, group,
};
use platform::{ids, kafka::Failure};
use serde_json::{Value, json};

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

/// Queues a notification. `facts` are the variables of the template of its kind.
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

/// `OrderPaid`: queues a notification for the order's user.
pub fn order_paid(service: NotificationService) -> Subscription {
    Subscription::new(const { group::<OrderPaid>("notification") }, move |cause, paid: Received<OrderPaid>| {
        let (service, event) = (service.clone(), &paid.event);
        let facts = json!({ "payment_method": event.payment_method, "transaction_uuid": event.transaction_uuid });
        async move { notify(&service, cause, Kind::OrderPaid, paid.subject, facts).await }
    })
}

/// `ShipAssembled`: queues a notification for the order's user.
pub fn ship_assembled(service: NotificationService) -> Subscription {
    Subscription::new(
        const { group::<ShipAssembled>("notification") },
        move |cause, assembled: Received<ShipAssembled>| {
            let service = service.clone();
            let facts = json!({ "build_time_sec": assembled.event.build_time_sec });
            async move { notify(&service, cause, Kind::ShipAssembled, assembled.subject, facts).await }
        },
    )
}

/// `OrderCancelled`: queues a notification for the order's user.
pub fn order_cancelled(service: NotificationService) -> Subscription {
    Subscription::new(
        const { group::<OrderCancelled>("notification") },
        move |cause, cancelled: Received<OrderCancelled>| {
            let service = service.clone();
            let facts = cancellation(&cancelled.event);
            async move { notify(&service, cause, Kind::OrderCancelled, cancelled.subject, facts).await }
        },
    )
}

fn cancellation(event: &OrderCancelled) -> Value {
    let reason = event.reason().as_str_name().trim_start_matches("CANCEL_REASON_");
    json!({ "reason": reason, "paid": event.paid })
}

/// The only status that notifies the user. Events with another status are only recorded in the inbox.
const DELIVERED: &str = "DELIVERED";

/// `DeliveryStatusUpdated`: queues a notification for the order's user once the ship is delivered.
pub fn delivery_status_updated(service: NotificationService) -> Subscription {
    Subscription::new(
        const { group::<DeliveryStatusUpdated>("notification") },
        move |cause, updated: Received<DeliveryStatusUpdated>| {
            let service = service.clone();
            async move {
                if updated.event.status == DELIVERED {
                    let facts = json!({ "tracking_number": updated.event.tracking_number });
                    notify(&service, cause, Kind::ShipDelivered, updated.subject, facts).await
                } else {
                    Ok(service.skip(cause).await?)
                }
            }
        },
    )
}

/// `UserErased`: removes the chats of the user's notifications, and ends those that are queued.
pub fn user_erased(service: NotificationService) -> Subscription {
    Subscription::new(const { group::<UserErased>("notification") }, move |_, erased: Received<UserErased>| {
        let service = service.clone();
        async move { Ok(service.forget(erased.subject).await?) }
    })
}

#[cfg(test)]
mod tests {
    use contracts::events::CancelReason;

    use super::*;

    #[test]
    fn the_template_gets_the_reason_without_its_prefix() {
        let reason = CancelReason::PaymentDeadline.into();

        let facts = cancellation(&OrderCancelled { reason, paid: true, ..OrderCancelled::default() });

        assert_eq!(facts, json!({ "reason": "PAYMENT_DEADLINE", "paid": true }));
    }
}
