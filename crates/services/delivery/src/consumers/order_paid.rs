//! `OrderPaid`: creates the delivery of an order that has an address.

use contracts::events::{OrderOf, OrderPaid, Received, Subscription};

use crate::{
    generate::Generator,
    service::{DeliveryService, GROUP_PAID},
};

pub fn order_paid(service: DeliveryService, generator: Generator) -> Subscription {
    Subscription::new(GROUP_PAID, move |paid: Received<OrderPaid>| {
        let (service, generator) = (service.clone(), generator.clone());
        let OrderOf { order, user } = paid.subject;
        async move {
            if !paid.event.deliver {
                return Ok(service.order_paid_without_address(paid.id).await?);
            }
            let new = generator.delivery(order, Some(user));
            Ok(service.order_paid(paid.id, &new).await?)
        }
    })
}
