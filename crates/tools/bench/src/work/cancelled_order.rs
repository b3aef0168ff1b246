//! Creates an order and cancels it, so that inventory releases its parts.

use super::CreateOrder;
use crate::sample::Work;

pub struct CancelledOrder(CreateOrder);

impl CancelledOrder {
    pub fn workers(create: Vec<CreateOrder>) -> Vec<Self> {
        create.into_iter().map(Self).collect()
    }
}

impl Work for CancelledOrder {
    async fn once(&mut self) -> anyhow::Result<()> {
        let (order, session) = self.0.create_to_go_on().await?;
        self.0.cancel(&order, &session).await
    }
}
