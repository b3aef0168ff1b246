//! Creates and pays an order. The shop then completes it without further requests.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use anyhow::Context as _;

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
        let (answer, session) = self.create.create().await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).context("POST /orders answered no JSON")?;
        let order = answer["order_uuid"].as_str().context("POST /orders answered no order_uuid")?;
        self.create.pay(order, &session).await?;
        self.paid.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
