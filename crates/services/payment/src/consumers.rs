//! Kafka consumers, one per event type.

use contracts::events::{OrderCancelled, Received, Subscription, group};

use crate::service::PaymentService;

pub fn all(service: &PaymentService) -> [Subscription; 1] {
    [order_cancelled(service.clone())]
}

const ORDER_CANCELLED: &str = group::<OrderCancelled>("payment");

pub fn order_cancelled(service: PaymentService) -> Subscription {
    Subscription::new(ORDER_CANCELLED, move |cause, cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move { Ok(service.cancel(cause, cancelled.subject.order).await?) }
    })
}
