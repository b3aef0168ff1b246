//! `OrderCancelled`: queues a notification for the order's user.

use contracts::events::{OrderCancelled, Received, Subscription};
use serde_json::json;

use crate::{
    model::Kind,
    service::{GROUP_CANCELLED, NotificationService},
};

use super::notify;

pub fn order_cancelled(service: NotificationService) -> Subscription {
    Subscription::new(GROUP_CANCELLED, move |cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        let facts = facts(&cancelled.event);
        async move { notify(&service, GROUP_CANCELLED, Kind::OrderCancelled, &cancelled, facts).await }
    })
}

/// Returns the variables of the template.
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
