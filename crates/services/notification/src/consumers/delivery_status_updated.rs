//! `DeliveryStatusUpdated`: queues a notification for the order's user once the ship is delivered.

use contracts::events::{DeliveryStatusUpdated, Received, Subscription, group};
use serde_json::json;

use super::notify;
use crate::{model::Kind, service::NotificationService};

const GROUP: &str = group::<DeliveryStatusUpdated>("notification");

/// The only status that notifies the user. Events with another status are only recorded in the inbox.
const DELIVERED: &str = "DELIVERED";

pub fn delivery_status_updated(service: NotificationService) -> Subscription {
    Subscription::new(GROUP, move |cause, updated: Received<DeliveryStatusUpdated>| {
        let service = service.clone();
        async move {
            if updated.event.status == DELIVERED {
                notify(&service, cause, Kind::ShipDelivered, updated.subject, facts(&updated.event)).await
            } else {
                Ok(service.skip(cause).await?)
            }
        }
    })
}

/// The variables of the template.
fn facts(event: &DeliveryStatusUpdated) -> serde_json::Value {
    json!({ "tracking_number": event.tracking_number })
}
