//! `OrderCancelled`: closes the order for charges and marks its charge for refund.

use contracts::events::{OrderCancelled, Received, Subscription, group};

use crate::service::PaymentService;

const GROUP: &str = group::<OrderCancelled>("payment");

pub fn order_cancelled(service: PaymentService) -> Subscription {
    Subscription::new(GROUP, move |cause, cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move { Ok(service.cancel(cause, cancelled.subject.order).await?) }
    })
}
