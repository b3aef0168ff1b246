//! `OrderPaid`: queues a notification for the order's user.

use contracts::events::{OrderPaid, Received, Subscription};
use serde_json::json;

use crate::{
    model::Kind,
    service::{GROUP_PAID, NotificationService},
};

use super::notify;

pub fn order_paid(service: NotificationService) -> Subscription {
    Subscription::new(GROUP_PAID, move |paid: Received<OrderPaid>| {
        let service = service.clone();
        let facts = facts(&paid.event);
        async move { notify(&service, GROUP_PAID, Kind::OrderPaid, &paid, facts).await }
    })
}

/// Returns the variables of the template.
fn facts(event: &OrderPaid) -> serde_json::Value {
    json!({ "payment_method": event.payment_method, "transaction_uuid": event.transaction_uuid })
}
