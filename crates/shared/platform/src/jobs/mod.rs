//! Background jobs: work that runs on a timer or when a row falls due, and jobs that set gauges from counts of rows. A
//! panic in a round of a job fails the round, and does not end the process.

mod due;
mod retention;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use base::outage::Outage;
use futures::{FutureExt as _, future::BoxFuture};
use outbox::Lease;
use tokio_util::sync::CancellationToken;

pub use self::{
    due::{due, for_each},
    retention::Retention,
};

/// The maximum delay of the first runs of periodic jobs. If all began at once, each would open a connection of
/// its own while the services start.
const START_SPREAD: Duration = Duration::from_secs(5);
/// A row that a job could not handle is moved back: its column `next_try_at` makes it due again only after this time,
/// so that a job that reads a limited number of rows reaches the others.
pub const MOVED_BACK_FOR: Duration = Duration::from_secs(30);

/// A background job of a service that has not been started yet.
pub struct Job {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>,
}

impl Job {
    /// Creates a job that runs in every replica.
    pub fn new<F>(name: &'static str, run: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { name, run: Box::new(|stop| Box::pin(run(stop))) }
    }

    /// Creates a job that runs `batch` every `period` in the one replica that has the lease, and again at once after a
    /// full batch. It first runs within the first period.
    pub fn periodic<F>(
        name: &'static str,
        lease: Arc<dyn Lease>,
        period: Duration,
        batch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<Done>> + Send + 'static,
    {
        Self::new(name, move |stop| async move {
            tokio::select! {
                () = tokio::time::sleep(first_run(name, period)) => repeat(name, lease, period, batch, stop).await,
                () = stop.clone().cancelled_owned() => Ok(()),
            }
        })
    }

    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        (self.run)(stop).await
    }
}

/// Returns the time until the first run of a job. It is derived from the name instead of random, because the simulation
/// must reproduce a run exactly.
fn first_run(name: &str, period: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let percent = 20 + u32::try_from(hasher.finish() % 80).unwrap_or_default();
    period.min(START_SPREAD) * percent / 100
}

/// Runs `batch` every `period` while this replica has the lease, until `stop`, and again at once after a full batch.
/// Logs a failure.
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
    // The lease outlasts a period, so that its holder keeps it, but is short enough that another replica takes over
    // soon.
    let ttl = period * 3 + Duration::from_secs(2);
    let mut outage = Outage::new("sweeping", name);
    metrics::counter!("swept_total", "sweeper" => name).increment(0);
    loop {
        let round = async {
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
        };
        match caught(round).await {
            Ok(()) => outage.over(),
            Err(error) => outage.met(format!("{error:#}")),
        }
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub count: u64,
    /// True if the batch was full: the caller then starts the next one at once.
    pub more: bool,
}

impl Done {
    /// Creates the result of a batch that processed `count` of at most `limit` rows.
    pub fn from_count(count: u64, limit: u64) -> Self {
        Self { count, more: count >= limit }
    }
}

/// Runs one round of a job. A panic, which the panic hook has logged, becomes an error, and the job retries.
pub async fn caught<T, E: Into<anyhow::Error>>(round: impl Future<Output = Result<T, E>>) -> anyhow::Result<T> {
    match AssertUnwindSafe(round).catch_unwind().await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err(anyhow::anyhow!("the round panicked")),
    }
}

/// The interval between two counts. Prometheus scrapes the metrics at the same interval.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

impl Job {
    /// Creates a job that calls `report` every [`REPORT_INTERVAL`] in every replica, even after a panic of `report`.
    pub fn reporting<F>(name: &'static str, report: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::new(name, move |stop| async move {
            let mut outage = Outage::new("reporting", name);
            while !stop.is_cancelled() {
                let round = async {
                    report().await;
                    anyhow::Ok(())
                };
                match caught(round).await {
                    Ok(()) => outage.over(),
                    Err(error) => outage.met(error),
                }
                tokio::select! {
                    // `biased`, because the simulation must reproduce a run exactly from its seed.
                    biased;
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(REPORT_INTERVAL) => {}
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use outbox::MemoryLease;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_fails_its_round_and_the_next_round_runs() {
        let rounds = Arc::new(AtomicU32::new(0));
        let (stop, counted) = (CancellationToken::new(), rounds.clone());
        let lease: Arc<dyn Lease> = Arc::new(MemoryLease::new("job"));
        let job = Job::periodic("job", lease, Duration::from_secs(1), move || {
            let round = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(round > 0, "the first round panics");
                Ok(Done::default())
            }
        });
        let running = tokio::spawn(job.run(stop.clone()));

        tokio::time::sleep(Duration::from_secs(5)).await;
        stop.cancel();

        running.await.unwrap().unwrap();
        assert!(rounds.load(Ordering::Relaxed) > 2);
    }
}
