//! An outbox as one process uses it. The process may crash between its statements.

use std::time::Duration;

use async_trait::async_trait;
use outbox::{Backlog, MemoryOutbox, Outbox, TakenBack, Unpublished};

use crate::{plan::Mistake, steps::Steps, world::locked};

impl Steps<MemoryOutbox> {
    /// Returns the epoch for the table's check. With the mistake of an unfenced relay, it is always the current one.
    fn shown(&self, epoch: i64) -> i64 {
        if self.process.world.makes(Mistake::UnfencedRelay) { self.twin.epoch() } else { epoch }
    }

    fn published(&self) -> usize {
        self.twin.events().iter().filter(|(_, published)| *published).count()
    }
}

#[async_trait]
impl Outbox for Steps<MemoryOutbox> {
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        self.twin.lease(ttl).await
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        self.twin.release(epoch).await
    }

    async fn unpublished(&self, limit: i64, besides: &[i64]) -> anyhow::Result<Vec<Unpublished>> {
        self.at("before it reads its outbox").await?;
        let rows = self.twin.unpublished(limit, besides).await?;
        if self.process.world.makes(Mistake::MarkBeforeAck) {
            self.twin.mark(self.twin.epoch(), &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        }
        Ok(rows)
    }

    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.at("before it marks events").await?;
        let (fenced_off, before) = (epoch < self.twin.epoch(), self.published());
        self.twin.mark(self.shown(epoch), ids).await?;
        let marked = self.published() - before;
        if fenced_off && marked > 0 {
            let holder = &self.process.holder;
            let problem =
                format!("{holder} marked {marked} events after another process had taken the lease of its relay");
            locked(&self.process.world.stores.problems).push(problem);
        }
        self.at("after it marks events").await?;
        Ok(())
    }

    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.at("before it sets events aside").await?;
        self.twin.set_aside(self.shown(epoch), ids).await
    }

    async fn take_back(&self, epoch: i64, kinds: &[&str], limit: i64) -> anyhow::Result<TakenBack> {
        self.twin.take_back(self.shown(epoch), kinds, limit).await
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
