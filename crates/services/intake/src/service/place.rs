//! Publishes an order to the topic, from which it is consumed like every other.

use super::IntakeService;
use crate::{error::Error, model::Order};

impl IntakeService {
    /// Publishes an order. Returns once it is in the topic. After an error it may be in the topic nevertheless, if the broker's
    /// acknowledgement was lost.
    pub async fn place(&self, order: &Order) -> Result<(), Error> {
        self.topic.publish(order).await
    }
}
