//! `ShipAssembled`: queues a notification for the order's user.

use contracts::events::{Received, ShipAssembled, Subscription, group};
use serde_json::json;

use super::notify;
use crate::{model::Kind, service::NotificationService};

const GROUP: &str = group::<ShipAssembled>("notification");

pub fn ship_assembled(service: NotificationService) -> Subscription {
    Subscription::new(GROUP, move |cause, assembled: Received<ShipAssembled>| {
        let service = service.clone();
        let facts = facts(&assembled.event);
        async move { notify(&service, cause, Kind::ShipAssembled, assembled.subject, facts).await }
    })
}

/// The variables of the template.
fn facts(event: &ShipAssembled) -> serde_json::Value {
    json!({ "build_time_sec": event.build_time_sec })
}
