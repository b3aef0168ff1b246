//! `AssemblyFailed`: cancels the order, because its ship cannot be built. Payment refunds the charge when it receives `OrderCancelled`.

use contracts::events::{AssemblyFailed, Received, Subscription, group};

use crate::service::OrderService;

const GROUP: &str = group::<AssemblyFailed>("order");

pub fn assembly_failed(service: OrderService) -> Subscription {
    Subscription::new(GROUP, move |cause, failed: Received<AssemblyFailed>| {
        let service = service.clone();
        async move { Ok(service.compensate(cause, failed.subject.order, failed.subject.user).await?) }
    })
}
