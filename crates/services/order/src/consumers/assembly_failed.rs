//! `AssemblyFailed`: cancels the order, because its ship cannot be built. Payment refunds the charge when it receives `OrderCancelled`.

use contracts::events::{AssemblyFailed, Received, Subscription};

use crate::service::{GROUP_ASSEMBLY_FAILED, OrderService};

pub fn assembly_failed(service: OrderService) -> Subscription {
    Subscription::new(GROUP_ASSEMBLY_FAILED, move |failed: Received<AssemblyFailed>| {
        let service = service.clone();
        async move { Ok(service.compensate(failed.id, failed.subject.order, failed.subject.user).await?) }
    })
}
