//! `OrderPaid`: queues a notification for the order's user.

use contracts::events::{OrderPaid, Received, Subscription, group};
use serde_json::json;

use super::notify;
use crate::{model::Kind, service::NotificationService};

const GROUP: &str = group::<OrderPaid>("notification");

pub fn order_paid(service: NotificationService) -> Subscription {
    Subscription::new(GROUP, move |cause, paid: Received<OrderPaid>| {
        let service = service.clone();
        let facts = facts(&paid.event);
        async move { notify(&service, cause, Kind::OrderPaid, paid.subject, facts).await }
    })
}

/// The variables of the template.
fn facts(event: &OrderPaid) -> serde_json::Value {
    json!({ "payment_method": event.payment_method, "transaction_uuid": event.transaction_uuid })
}
