//! Background jobs: work on a timer or when something falls due, beside the requests.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

pub use crate::batch::Done;
use crate::{
    inbox,
    lease::{Lease, PgLease},
    outage::Outage,
    outbox,
    postgres::Database,
};

/// How often tables are looked at for rows that have outlived their use.
const RETENTION_PERIOD: Duration = Duration::from_mins(1);

/// One background job of a service, not started yet.
pub struct Job {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>,
}

impl Job {
    /// A job that runs in every replica until its token is cancelled.
    pub fn new<F>(name: &'static str, run: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { name, run: Box::new(|stop| Box::pin(run(stop))) }
    }

    /// Repeats `batch` every `period` in the one replica that has the lease, and at once when a batch was full.
    pub fn periodic<F>(
        name: &'static str,
        lease: Arc<dyn Lease>,
        period: Duration,
        batch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<Done>> + Send + 'static,
    {
        Self::new(name, move |stop| repeat(name, lease, period, batch, stop))
    }

    /// Runs the job until `stop`.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        (self.run)(stop).await
    }
}

/// The jobs that remove rows which have outlived their use, once a minute in one replica.
pub struct Retention {
    pub database: Database,
    /// Identifies this process among its replicas, see [`Server::instance`](crate::server::Server::instance).
    pub holder: String,
    /// How old a row must be: older than any record in a topic.
    pub age: Duration,
}

impl Retention {
    /// Repeats `remove`, which gets the database and the age and removes one batch of rows. `name` is that of its lease, too.
    pub fn job<F>(&self, name: &'static str, remove: impl Fn(Database, Duration) -> F + Send + Sync + 'static) -> Job
    where
        F: Future<Output = anyhow::Result<Done>> + Send + 'static,
    {
        let (database, age) = (self.database.clone(), self.age);
        let lease = Arc::new(PgLease::new(database.clone(), name, self.holder.clone()));
        Job::periodic(name, lease, RETENTION_PERIOD, move || remove(database.clone(), age))
    }

    /// Removes outbox rows that were published long enough ago. Its lease is not the relay's, which it must not hold up.
    pub fn outbox(&self) -> Job {
        self.job("outbox-retention", |database, age| async move {
            Ok(Done::of(outbox::sweep(&database, age).await?, outbox::SWEEP_BATCH))
        })
    }

    /// Removes old inbox rows, which every consumer's database needs.
    pub fn inbox(&self) -> Job {
        self.job("inbox", |database, age| async move {
            Ok(Done::of(inbox::sweep(&database, age).await?, inbox::SWEEP_BATCH))
        })
    }
}

/// Repeats `batch` every `period` while this replica has the lease, and at once when a batch was full, until `stop`.
///
/// `batch` returns how much it did and whether that was all. Its failures are logged and it is tried again.
pub async fn repeat<F>(
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
