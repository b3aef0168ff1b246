//! `DeliveryStatusUpdated`: stores a copy of the new status of an order's delivery.

use contracts::{
    events::{DeliveryStatusUpdated, Received, Subscription, group},
    ids::DeliveryId,
};
use platform::kafka::Failure;

use crate::{
    client::estimated_delivery,
    model::{Delivery, DeliveryStatus},
    service::DeliveryService,
};

const GROUP: &str = group::<DeliveryStatusUpdated>("order");

pub fn delivery_status_updated(service: DeliveryService) -> Subscription {
    Subscription::new(GROUP, move |cause, updated: Received<DeliveryStatusUpdated>| {
        let service = service.clone();
        async move {
            let reported = decode(updated.event)?;
            Ok(service.status_updated(cause, updated.subject, reported).await?)
        }
    })
}

fn decode(event: DeliveryStatusUpdated) -> Result<Delivery, Failure> {
    let uuid = event.delivery_uuid.parse().map_err(|_| Failure::poison("delivery_uuid: must be a uuid"))?;
    let status = DeliveryStatus::parse(&event.status).ok_or_else(|| Failure::poison("status: unknown"))?;
    let estimated_delivery = estimated_delivery(&event.estimated_date)
        .map_err(|error| Failure::poison(format!("estimated_date: {error}")))?;
    Ok(Delivery { uuid: DeliveryId::new(uuid), status, tracking_number: event.tracking_number, estimated_delivery })
}
