//! Work that is done again and again in the background, by one replica at a time, in bounded batches.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    inbox,
    lease::{Lease, PgLease},
    outage::Outage,
    outbox,
    postgres::Database,
    shutdown::Tasks,
};

/// Repeats `batch` every `period` while this replica has the lease, and at once when a batch was full.
///
/// `batch` answers how much it did and says whether that was all. Its failures are logged and it is tried again.
pub async fn run<F>(
    name: &'static str,
    lease: Arc<dyn Lease>,
    period: Duration,
    batch: impl Fn() -> F,
    stop: CancellationToken,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Done>>,
{
    // Longer than a period, so that the holder keeps it, and soon passed on.
    let ttl = period * 3 + Duration::from_secs(2);
    let mut outage = Outage::new("sweeping", name);
    metrics::counter!("swept_total", "sweeper" => name).increment(0);
    loop {
        let outcome = async {
            while lease.acquire(ttl).await?.is_some() {
                let done = batch().await?;
                if done.count > 0 {
                    tracing::info!(sweeper = name, count = done.count, "swept");
                    metrics::counter!("swept_total", "sweeper" => name).increment(done.count);
                }
                if !done.more || stop.is_cancelled() {
                    break;
                }
            }
            Ok::<_, anyhow::Error>(())
        }
        .await;
        match outcome {
            Ok(()) => outage.over(),
            Err(error) => outage.met(format!("{error:#}")),
        }
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// What a batch did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub count: u64,
    /// True when the batch was full and the next should follow at once.
    pub more: bool,
}

impl Done {
    /// A batch that did `count` of at most `limit`.
    pub fn of(count: u64, limit: u64) -> Self {
        Self { count, more: count >= limit }
    }
}

/// Starts sweepers among a service's tasks, each with a lease of its own in the service's database.
pub struct Sweepers<'a> {
    tasks: &'a mut Tasks,
    pool: Database,
    holder: String,
}

impl<'a> Sweepers<'a> {
    /// `holder` tells this process from its replicas.
    pub fn new(tasks: &'a mut Tasks, pool: Database, holder: String) -> Self {
        Self { tasks, pool, holder }
    }

    /// Repeats `batch` every `period`.
    #[must_use]
    pub fn every<F>(self, period: Duration, name: &'static str, batch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<Done>> + Send + 'static,
    {
        let lease = Arc::new(PgLease::new(self.pool.clone(), name, self.holder.clone()));
        self.tasks.spawn(name, |stop| run(name, lease, period, batch, stop));
        self
    }

    /// Removes outbox rows that were published longer than `keep` ago. Its lease is not the relay's, which it must not hold up.
    #[must_use]
    pub fn outbox(self, keep: Duration) -> Self {
        let pool = self.pool.clone();
        self.every(Duration::from_mins(1), "outbox-retention", move || {
            let pool = pool.clone();
            async move { Ok(Done::of(outbox::sweep(&pool, keep).await?, outbox::SWEEP_BATCH)) }
        })
    }

    /// Removes inbox rows older than `keep`, which every consumer's database needs.
    pub fn inbox(self, keep: Duration) {
        let pool = self.pool.clone();
        let _ = self.every(Duration::from_mins(1), "inbox", move || {
            let pool = pool.clone();
            async move { Ok(Done::of(inbox::sweep(&pool, keep).await?, inbox::SWEEP_BATCH)) }
        });
    }
}
