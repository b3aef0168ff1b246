//! `OrderCancelled`: queues a notification for the order's user.

use contracts::events::{OrderCancelled, Received, Subscription, group};
use serde_json::json;

use super::notify;
use crate::{model::Kind, service::NotificationService};

const GROUP: &str = group::<OrderCancelled>("notification");

pub fn order_cancelled(service: NotificationService) -> Subscription {
    Subscription::new(GROUP, move |cause, cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        let facts = facts(&cancelled.event);
        async move { notify(&service, cause, Kind::OrderCancelled, cancelled.subject, facts).await }
    })
}

/// The variables of the template.
fn facts(event: &OrderCancelled) -> serde_json::Value {
    let reason = event.reason().as_str_name().trim_start_matches("CANCEL_REASON_");
    json!({ "reason": reason, "paid": event.paid })
}

#[cfg(test)]
mod tests {
    use contracts::events::CancelReason;

    use super::*;

    #[test]
    fn the_template_gets_the_reason_without_its_prefix() {
        let reason = CancelReason::PaymentDeadline.into();

        let facts = facts(&OrderCancelled { reason, paid: true, ..OrderCancelled::default() });

        assert_eq!(facts, json!({ "reason": "PAYMENT_DEADLINE", "paid": true }));
    }
}
