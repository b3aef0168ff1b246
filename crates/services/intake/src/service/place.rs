//! Publishes an order to the topic, from which this service consumes it like every other.

use super::IntakeService;
use crate::{error::Error, model::Order};

impl IntakeService {
    /// Returns once the order is in the topic. After an error it may be there, too, if the broker's acknowledgement was
    /// lost.
    pub async fn place(&self, order: &Order) -> Result<(), Error> {
        self.topic.publish(order).await
    }
}
