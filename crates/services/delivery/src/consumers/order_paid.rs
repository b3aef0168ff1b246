//! `OrderPaid`: creates the delivery of an order that has an address.

use contracts::events::{OrderOf, OrderPaid, Received, Subscription, group};

use crate::{generate::Generator, service::DeliveryService};

const GROUP: &str = group::<OrderPaid>("delivery");

pub fn order_paid(service: DeliveryService, generator: Generator) -> Subscription {
    Subscription::new(GROUP, move |cause, paid: Received<OrderPaid>| {
        let (service, generator) = (service.clone(), generator.clone());
        let OrderOf { order, user } = paid.subject;
        async move {
            if !paid.event.deliver {
                return Ok(service.skip(cause).await?);
            }
            let new = generator.delivery(order, Some(user));
            Ok(service.order_paid(cause, &new).await?)
        }
    })
}
