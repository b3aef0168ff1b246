//! Use cases: start, finish and show build jobs.

use std::{collections::HashSet, sync::Arc, time::Duration};

use contracts::{
    events::{OrderPaid, group},
    ids::{EventId, OrderId},
};
use platform::{auth::Caller, outbox::Waker};
use tokio::sync::Notify;

use crate::{
    error::Error,
    metrics,
    model::{Job, NewJob},
    repository::Jobs,
};

/// The consumer group of `OrderPaid`, which is also the consumer's name in the inbox.
pub const GROUP_PAID: &str = group::<OrderPaid>("assembly");
/// The maximum number of jobs finished per statement.
const BATCH: i64 = 200;
/// How often this replica checks for jobs that another replica started, because it is not notified of them.
const POLL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct AssemblyService {
    jobs: Arc<dyn Jobs>,
    relay: Waker,
    started: Arc<Notify>,
}

impl AssemblyService {
    pub fn new(jobs: Arc<dyn Jobs>, relay: Waker) -> Self {
        Self { jobs, relay, started: Arc::default() }
    }

    /// Starts the build job of a paid order, unless the event was handled before or the order has a job.
    pub async fn start(&self, event: EventId, job: &NewJob) -> Result<(), Error> {
        if self.jobs.start(GROUP_PAID, event, job).await? {
            tracing::info!(order_uuid = %job.order, build_time = ?job.build_time, "build started");
            self.started.notify_one();
        }
        Ok(())
    }

    /// Finishes the due jobs. Returns the time until the next one is due.
    pub async fn finish_due(&self) -> Result<Duration, Error> {
        let building = self.jobs.building(BATCH).await?;
        let next = building.iter().map(|(_, left)| *left).find(|left| !left.is_zero());
        let due: Vec<Job> = building.into_iter().filter(|(_, left)| left.is_zero()).map(|(job, _)| job).collect();
        if due.is_empty() {
            return Ok(next.unwrap_or(POLL));
        }
        let ends: Vec<_> = due.iter().map(Job::end).collect();
        // Another replica may have finished some of them.
        let ended: HashSet<OrderId> = self.jobs.finish(&ends).await?.into_iter().collect();
        self.relay.wake();
        for job in due.iter().filter(|job| ended.contains(&job.order)) {
            metrics::built(job.build_time_sec);
        }
        tracing::info!(finished = ended.len(), "builds finished");
        Ok(next.filter(|_| due.len() < usize::try_from(BATCH).unwrap_or_default()).unwrap_or_default())
    }

    /// Waits until a new job starts, but no longer than `left`.
    pub async fn wait(&self, left: Duration) {
        let _ = tokio::time::timeout(left.min(POLL), self.started.notified()).await;
    }

    /// Returns the build job of an order. Users see those of their own orders; a service sees all.
    pub async fn find(&self, caller: &Caller, order: OrderId) -> Result<Job, Error> {
        let job = self.jobs.find(order).await?;
        job.filter(|job| caller.admits(job.user.uuid())).ok_or(Error::NotFound)
    }
}
