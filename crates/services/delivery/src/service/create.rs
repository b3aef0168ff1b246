//! Creates deliveries that wait for a courier at once: of baskets and trial orders, and at the request of a service.

use super::DeliveryService;
use crate::{
    error::Error,
    model::{Cargo, Delivery, Early, Known, NewDelivery, Street, Volume},
};

impl DeliveryService {
    /// Creates the delivery, or returns the order's existing one.
    pub async fn create(&self, new: &NewDelivery, street: &Street, volume: Volume) -> Result<Delivery, Error> {
        let mut located = None;
        // The versions before December 2026 stored a basket under its own id.
        if let Some(basket) = new.basket
            && let Known::Delivery(earlier) = self.deliveries.find(basket).await?
            && earlier.user.is_none()
        {
            return Ok(*earlier);
        }
        loop {
            let known = self.deliveries.find(new.order).await?;
            let (delivery, events) = match known {
                Known::Delivery(delivery) => return Ok(*delivery),
                // No courier carries a cancelled order.
                Known::Early(Early::Cancelled) => new.clone().cancelled(),
                Known::Nothing | Known::Early(Early::Assembled) => {
                    let location = match located {
                        Some(location) => location,
                        None => *located.insert(self.geo.locate(street).await?),
                    };
                    new.clone().ready(Cargo { location, volume })
                }
            };
            if self.write(&known, &delivery, &events, None).await? {
                tracing::info!(order_uuid = %delivery.public_id(), "delivery created");
                return Ok(delivery);
            }
        }
    }
}
