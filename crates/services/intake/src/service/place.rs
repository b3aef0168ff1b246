//! Places an order in the topic, from which it is taken like every other.

use super::IntakeService;
use crate::{error::Error, model::Order};

impl IntakeService {
    /// Returns once the topic has the order. After an error it may still be there, if the broker took it without saying so.
    pub async fn place(&self, order: &Order) -> Result<(), Error> {
        self.topic.publish(order).await
    }
}
