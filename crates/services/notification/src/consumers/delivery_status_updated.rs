//! `DeliveryStatusUpdated`: queues a notification for the order's user once the ship is delivered.

use contracts::events::{DeliveryStatusUpdated, Received, Subscription};
use serde_json::json;

use crate::{
    model::Kind,
    service::{GROUP_DELIVERY, NotificationService},
};

use super::notify;

/// The only status of which the user is notified. Events with another status are recorded in the inbox as handled.
const DELIVERED: &str = "DELIVERED";

pub fn delivery_status_updated(service: NotificationService) -> Subscription {
    Subscription::new(GROUP_DELIVERY, move |updated: Received<DeliveryStatusUpdated>| {
        let service = service.clone();
        async move {
            if updated.event.status == DELIVERED {
                notify(&service, GROUP_DELIVERY, Kind::ShipDelivered, &updated, facts(&updated.event)).await
            } else {
                Ok(service.skip(GROUP_DELIVERY, updated.id).await?)
            }
        }
    })
}

/// Returns the variables of the template.
fn facts(event: &DeliveryStatusUpdated) -> serde_json::Value {
    json!({ "tracking_number": event.tracking_number })
}
