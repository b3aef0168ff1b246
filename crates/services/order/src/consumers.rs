//! Kafka consumers, one per event type.

use std::time::Duration;

use contracts::{
    events::{
        AssemblyFailed, DeliveryStatusUpdated, PaymentCompleted, Received, ShipAssembled, Subscription, UserErased,
        group,
    },
    ids::{DeliveryId, TransactionId},
};
use platform::{clock, kafka::Failure};

use crate::{
    client::estimated_delivery,
    model::{Delivery, DeliveryStatus},
    repository::Addresses,
    service::{Completed, DeliveryService, OrderService, PaymentResult},
};

/// Returns the consumers that the simulation runs, too. [`user_erased`] works over a store alone, and `app.rs` adds it.
pub fn all(orders: &OrderService, deliveries: &DeliveryService) -> [Subscription; 4] {
    [
        payment_completed(orders.clone()),
        ship_assembled(orders.clone()),
        assembly_failed(orders.clone()),
        delivery_status_updated(deliveries.clone()),
    ]
}

pub fn payment_completed(service: OrderService) -> Subscription {
    Subscription::new(
        const { group::<PaymentCompleted>("order") },
        move |cause, received: Received<PaymentCompleted>| {
            let service = service.clone();
            async move { Ok(service.payment_completed(cause, &completed(&received)?).await?) }
        },
    )
}

fn completed(received: &Received<PaymentCompleted>) -> Result<Completed, Failure> {
    let PaymentCompleted { transaction_uuid, amount_minor, status, attempt, .. } = &received.event;
    let result = match status.as_str() {
        "SUCCESS" => {
            let transaction = transaction_uuid.parse();
            let transaction =
                transaction.map_err(|_| Failure::poison("transaction_uuid: must be a uuid".to_owned()))?;
            PaymentResult::Success(TransactionId::new(transaction))
        }
        "INSUFFICIENT_FUNDS" => PaymentResult::InsufficientFunds,
        "FAILED" => PaymentResult::Failed,
        _ => return Err(Failure::poison("status: unknown".to_owned())),
    };
    let (order, user) = (received.subject.order, received.subject.user);
    Ok(Completed { order, user, attempt: *attempt, amount_minor: *amount_minor, result })
}

pub fn ship_assembled(service: OrderService) -> Subscription {
    Subscription::new(const { group::<ShipAssembled>("order") }, move |cause, assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.complete(cause, assembled.subject.order).await?) }
    })
}

pub fn assembly_failed(service: OrderService) -> Subscription {
    Subscription::new(const { group::<AssemblyFailed>("order") }, move |cause, failed: Received<AssemblyFailed>| {
        let service = service.clone();
        async move { Ok(service.compensate(cause, failed.subject.order, failed.subject.user).await?) }
    })
}

pub fn delivery_status_updated(service: DeliveryService) -> Subscription {
    Subscription::new(
        const { group::<DeliveryStatusUpdated>("order") },
        move |cause, updated: Received<DeliveryStatusUpdated>| {
            let service = service.clone();
            async move {
                let reported = delivery(updated.event)?;
                Ok(service.status_updated(cause, updated.subject, reported).await?)
            }
        },
    )
}

fn delivery(event: DeliveryStatusUpdated) -> Result<Delivery, Failure> {
    let uuid = event.delivery_uuid.parse().map_err(|_| Failure::poison("delivery_uuid: must be a uuid"))?;
    let status = DeliveryStatus::parse(&event.status).ok_or_else(|| Failure::poison("status: unknown"))?;
    let estimated_delivery = estimated_delivery(&event.estimated_date)
        .map_err(|error| Failure::poison(format!("estimated_date: {error}")))?;
    Ok(Delivery { uuid: DeliveryId::new(uuid), status, tracking_number: event.tracking_number, estimated_delivery })
}

/// A request that was admitted before the sessions ended may create an order for this long. It is longer than a
/// request takes.
const LAST_REQUESTS: Duration = Duration::from_secs(15);

pub fn user_erased(addresses: Addresses) -> Subscription {
    Subscription::new(const { group::<UserErased>("order") }, move |_, erased: Received<UserErased>| {
        let addresses = addresses.clone();
        async move {
            tokio::time::sleep(remaining(&erased.event)).await;
            Ok(addresses.end_account(erased.subject).await?)
        }
    })
}

/// Returns the duration until the last request of the user has ended.
fn remaining(event: &UserErased) -> Duration {
    let now = clock::now().timestamp();
    let since = now - event.erased_at.as_ref().map_or(0, |at| at.seconds);
    LAST_REQUESTS.saturating_sub(Duration::from_secs(since.max(0).unsigned_abs()))
}
