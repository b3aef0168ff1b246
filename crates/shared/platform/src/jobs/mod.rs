//! Background jobs: work that runs on a timer or when a row falls due.

pub(crate) mod batch;
mod report;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use futures::{Stream, StreamExt as _, future::BoxFuture, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use crate::jobs::batch::Done;
use crate::{
    inbox,
    lease::{Lease, PgLease},
    outage::Outage,
    outbox,
    postgres::Database,
};

/// How often the retention jobs run.
const RETENTION_INTERVAL: Duration = Duration::from_mins(1);
/// The time within which the first runs of periodic jobs begin. If all began at once, each would open a connection of
/// its own while the services start.
const START_SPREAD: Duration = Duration::from_secs(5);
/// How often a job asks its table for due rows, unless it is woken earlier.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

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
/// must repeat a run exactly.
fn first_run(name: &str, period: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let percent = 20 + u32::try_from(hasher.finish() % 80).unwrap_or_default();
    period.min(START_SPREAD) * percent / 100
}

/// How much earlier outbox rows are deleted than others; longer than the time between two runs.
const OUTBOX_HEAD_START: Duration = Duration::from_hours(1);

/// The settings of the jobs that delete old rows, once a minute in one replica.
pub struct Retention {
    pub database: Database,
    /// Identifies this process among its replicas, see [`Server::instance`](crate::server::Server::instance).
    pub holder: String,
    /// The minimum age of a row to be deleted, greater than the age of any record in a topic. Outbox rows are deleted
    /// an hour earlier.
    pub age: Duration,
}

impl Retention {
    /// Creates a job that calls `remove` with the database and the age to delete one batch of rows. `name` is also the
    /// name of its lease.
    pub fn job<F>(&self, name: &'static str, remove: impl Fn(Database, Duration) -> F + Send + Sync + 'static) -> Job
    where
        F: Future<Output = anyhow::Result<Done>> + Send + 'static,
    {
        let (database, age) = (self.database.clone(), self.age);
        let lease = Arc::new(PgLease::new(database.clone(), name, self.holder.clone()));
        Job::periodic(name, lease, RETENTION_INTERVAL, move || remove(database.clone(), age))
    }

    /// Creates the job that deletes old published rows of the outbox. It has its own lease, so that it does not block
    /// the relay.
    ///
    /// Outbox rows are deleted an hour earlier than, for example, inbox rows. Otherwise `cargo run`, which republishes
    /// events that the mock broker lost, could republish a handled event whose inbox row is already deleted.
    pub fn outbox(&self) -> Job {
        self.job("outbox-retention", |database, age| async move {
            let age = age.saturating_sub(OUTBOX_HEAD_START);
            Ok(Done::from_count(outbox::sweep(&database, age).await?, outbox::SWEEP_BATCH))
        })
    }

    /// Creates the job that deletes old inbox rows, which every database with an inbox needs.
    pub fn inbox(&self) -> Job {
        self.job("inbox", |database, age| async move {
            Ok(Done::from_count(inbox::sweep(&database, age).await?, inbox::SWEEP_BATCH))
        })
    }
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

/// Streams the rows of a table as they fall due, until `stop`. `task` names the job in the log.
///
/// `take` returns the next due rows and leases them to this replica, so that every replica may run the job. After it
/// returned rows, it is called again at once; otherwise after a second, or when `wake` is notified. Consecutive
/// failures are logged as one outage.
pub fn due<T, E, F>(
    task: &'static str,
    take: impl Fn() -> F,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> impl Stream<Item = T>
where
    E: Into<anyhow::Error>,
    F: Future<Output = Result<Vec<T>, E>>,
{
    let outage = Outage::new("PostgreSQL", task);
    stream::unfold((take, wake, stop, outage), |(take, wake, stop, mut outage)| async move {
        while !stop.is_cancelled() {
            match take().await {
                Ok(due) => {
                    outage.over();
                    if !due.is_empty() {
                        return Some((stream::iter(due), (take, wake, stop, outage)));
                    }
                }
                Err(error) => {
                    let error: anyhow::Error = error.into();
                    outage.met(format!("{error:#}"));
                }
            }
            tokio::select! {
                // `biased`, because the simulation must repeat a run exactly from its seed, and tokio would otherwise
                // choose randomly among ready branches.
                biased;
                () = stop.cancelled() => {}
                () = wake.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
        None
    })
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{Mutex, PoisonError},
    };

    use tokio::time::Instant;

    use super::*;

    type Answer = Result<Vec<u32>, anyhow::Error>;

    /// Returns a `take` that yields these answers in order, and then no rows.
    fn table(answers: Vec<Answer>) -> impl Fn() -> std::future::Ready<Answer> {
        let answers = Mutex::new(answers.into_iter());
        move || {
            let next = answers.lock().unwrap_or_else(PoisonError::into_inner).next();
            std::future::ready(next.unwrap_or_else(|| Ok(Vec::new())))
        }
    }

    #[test]
    fn a_first_run_is_within_the_first_period_but_not_at_once() {
        for name in ["inbox", "outbox-retention", "payment-deadlines", ""] {
            for period in [Duration::from_millis(100), RETENTION_INTERVAL] {
                let delay = first_run(name, period);
                assert!(
                    delay >= period.min(START_SPREAD) / 5 && delay < period.min(START_SPREAD),
                    "{name}: {delay:?} of {period:?}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn due_rows_follow_each_other_without_a_pause() {
        let begun = Instant::now();
        let take = table(vec![Ok(vec![1, 2]), Ok(vec![3])]);
        let rows = due("test", take, Arc::default(), CancellationToken::new());

        let rows: Vec<u32> = rows.take(3).collect().await;

        assert_eq!(rows, [1, 2, 3]);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_that_fails_or_has_nothing_is_asked_each_second() {
        let begun = Instant::now();
        let take = table(vec![Err(anyhow::anyhow!("away")), Ok(Vec::new()), Ok(vec![1])]);
        let mut rows = pin!(due("test", take, Arc::default(), CancellationToken::new()));

        assert_eq!(rows.next().await, Some(1));
        assert_eq!(begun.elapsed(), 2 * POLL_INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_notification_comes_before_the_next_second() {
        let (begun, wake) = (Instant::now(), Arc::new(Notify::new()));
        let take = table(vec![Ok(Vec::new()), Ok(vec![1])]);
        let mut rows = pin!(due("test", take, wake.clone(), CancellationToken::new()));

        wake.notify_one();

        assert_eq!(rows.next().await, Some(1));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_is_stopped_takes_nothing_more() {
        let stop = CancellationToken::new();
        let mut rows = pin!(due("test", table(vec![Ok(vec![1]), Ok(vec![2])]), Arc::default(), stop.clone()));

        assert_eq!(rows.next().await, Some(1));
        stop.cancel();

        assert_eq!(rows.next().await, None);
    }
}
