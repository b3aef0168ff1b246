//! `ShipAssembled`: queues a notification for the order's user.

use contracts::events::{Received, ShipAssembled, Subscription};
use serde_json::json;

use crate::{
    model::Kind,
    service::{GROUP_ASSEMBLED, NotificationService},
};

use super::notify;

pub fn ship_assembled(service: NotificationService) -> Subscription {
    Subscription::new(GROUP_ASSEMBLED, move |assembled: Received<ShipAssembled>| {
        let service = service.clone();
        let facts = facts(&assembled.event);
        async move { notify(&service, GROUP_ASSEMBLED, Kind::ShipAssembled, &assembled, facts).await }
    })
}

/// Returns the variables of the template.
fn facts(event: &ShipAssembled) -> serde_json::Value {
    json!({ "build_time_sec": event.build_time_sec })
}
