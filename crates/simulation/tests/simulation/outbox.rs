//! An outbox in the hands of one process, between the statements of which it may die.

use std::time::Duration;

use async_trait::async_trait;
use platform::{
    outbox::{Backlog, MemoryOutbox, Outbox, Unpublished},
    sweeper::Done,
};

use crate::{plan::Mistake, steps::Steps};

#[async_trait]
impl Outbox for Steps<MemoryOutbox> {
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        self.twin.lease(ttl).await
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        self.twin.release(epoch).await
    }

    async fn unpublished(&self, limit: i64) -> anyhow::Result<Vec<Unpublished>> {
        self.before("before it reads its outbox").await?;
        let rows = self.twin.unpublished(limit).await?;
        if self.process.world.makes(Mistake::MarkBeforeAck) {
            self.twin.mark(self.twin.epoch(), &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        }
        Ok(rows)
    }

    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.before("before it marks events").await?;
        self.twin.mark(epoch, ids).await?;
        self.after("after it marks events").await?;
        Ok(())
    }

    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.before("before it sets events aside").await?;
        self.twin.set_aside(epoch, ids).await
    }

    async fn take_back(&self, epoch: i64, kinds: &[&str]) -> anyhow::Result<Done> {
        self.twin.take_back(epoch, kinds).await
    }

    async fn backlog(&self) -> anyhow::Result<Backlog> {
        self.twin.backlog().await
    }

    async fn notify(&self) -> anyhow::Result<()> {
        self.twin.notify().await
    }

    async fn notified(&self) {
        self.twin.notified().await;
    }
}
