//! Building ships.

use std::{collections::HashSet, sync::Arc, time::Duration};

use contracts::events::{OrderPaid, Received};
use platform::{auth::Caller, outbox::Waker};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Job, NewJob},
    repository::Jobs,
};

/// The consumer group, and the inbox's name, of paid orders.
pub const GROUP_PAID: &str = "assembly-group-order-paid";
/// Jobs ended at once.
const BATCH: i64 = 200;
/// A backstop for jobs that another replica has made and not lived to finish.
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

    /// Starts to build the ship of a paid order.
    pub async fn start(&self, paid: &Received<OrderPaid>, build_time: Duration, fails: bool) -> Result<(), Error> {
        let job = NewJob { order: paid.subject.order.uuid(), user: paid.subject.user.uuid(), build_time, fails };
        if self.jobs.start(GROUP_PAID, paid.id.uuid(), &job).await? {
            tracing::info!(order_uuid = %job.order, ?build_time, "building a ship");
            self.started.notify_one();
        }
        Ok(())
    }

    /// Ends the jobs that are due. Answers how long the next one still takes.
    pub async fn finish_due(&self) -> Result<Duration, Error> {
        let building = self.jobs.building(BATCH).await?;
        let next = building.iter().map(|(_, left)| *left).find(|left| !left.is_zero());
        let due: Vec<Job> = building.into_iter().filter(|(_, left)| left.is_zero()).map(|(job, _)| job).collect();
        if due.is_empty() {
            return Ok(next.unwrap_or(POLL));
        }
        let ends: Vec<_> = due.iter().map(Job::end).collect();
        // Another replica may have ended some of them.
        let ended: HashSet<Uuid> = self.jobs.finish(&ends).await?.into_iter().collect();
        self.relay.wake();
        for job in due.iter().filter(|job| ended.contains(&job.order)) {
            metrics::histogram!("assembly_duration_seconds")
                .record(f64::from(i32::try_from(job.build_time_sec).unwrap_or(i32::MAX)));
        }
        tracing::info!(finished = ended.len(), "ships are finished");
        Ok(next.filter(|_| due.len() < usize::try_from(BATCH).unwrap_or_default()).unwrap_or_default())
    }

    /// Waits until the next job is due or a new one is there, at most for `left`.
    pub async fn wait(&self, left: Duration) {
        let _ = tokio::time::timeout(left.min(POLL), self.started.notified()).await;
    }

    /// The assembly of the caller's own order; a service sees all.
    pub async fn find(&self, caller: &Caller, order: Uuid) -> Result<Job, Error> {
        let job = self.jobs.find(order).await?;
        job.filter(|job| caller.may_see(job.user)).ok_or(Error::NotFound)
    }
}
