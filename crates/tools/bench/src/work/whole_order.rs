//! Creates and pays an order, which the shop then completes without further requests.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use super::CreateOrder;
use crate::sample::Work;

pub struct WholeOrder {
    create: CreateOrder,
    /// The number of paid orders, over all workers.
    paid: Arc<AtomicI64>,
}

impl WholeOrder {
    pub fn workers(create: Vec<CreateOrder>, paid: &Arc<AtomicI64>) -> Vec<Self> {
        create.into_iter().map(|create| Self { create, paid: paid.clone() }).collect()
    }
}

impl Work for WholeOrder {
    async fn once(&mut self) -> anyhow::Result<()> {
        let (order, session) = self.create.create_to_go_on().await?;
        self.create.pay(&order, &session).await?;
        self.paid.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
