//! `OrderCancelled`: an order that is to have paid nothing.

use async_trait::async_trait;
use events::OrderCancelled;
use platform::kafka::{Failure, Handler, Message};

use crate::service::PaymentService;

pub struct CancelledOrders {
    pub service: PaymentService,
}

#[async_trait]
impl Handler for CancelledOrders {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let cancelled = events::read::<OrderCancelled>(message)?;

        Ok(self.service.cancel(&cancelled).await?)
    }
}
