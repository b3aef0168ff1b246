//! The consumed events.

use contracts::events::{OrderCancelled, Received, Subscription, group};

use crate::service::PaymentService;

pub fn all(service: &PaymentService) -> [Subscription; 1] {
    [order_cancelled(service.clone())]
}

/// `OrderCancelled`: closes the order for charges and marks its charge for refund.
pub fn order_cancelled(service: PaymentService) -> Subscription {
    Subscription::new(
        const { group::<OrderCancelled>("payment") },
        move |cause, cancelled: Received<OrderCancelled>| {
            let service = service.clone();
            async move { Ok(service.cancel(cause, cancelled.subject.order).await?) }
        },
    )
}
