//! `OrderCancelled`: closes the order for charges and marks its charge for refund.

use contracts::events::{OrderCancelled, Received, Subscription};

use crate::service::{GROUP_CANCELLED, PaymentService};

pub fn order_cancelled(service: PaymentService) -> Subscription {
    Subscription::new(GROUP_CANCELLED, move |cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move { Ok(service.cancel(cancelled.id, cancelled.subject.order).await?) }
    })
}
