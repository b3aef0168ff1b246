//! Use cases: start, finish and show builds.

use std::{sync::Arc, time::Duration};

use contracts::{events::Cause, ids::OrderId};
use outbox::Waker;
use platform::{auth::Caller, error_chain, postgres::Halves};
use tokio::sync::Notify;

use crate::{
    error::Error,
    metrics,
    model::{Build, Event, NewBuild},
    repository::Builds,
};

const BATCH_SIZE: i64 = 200;
/// The interval of polling for builds that other replicas started, which do not wake this one.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct AssemblyService {
    builds: Arc<dyn Builds>,
    relay: Waker,
    started: Arc<Notify>,
}

impl AssemblyService {
    pub fn new(builds: Arc<dyn Builds>, relay: Waker) -> Self {
        Self { builds, relay, started: Arc::default() }
    }

    /// Starts the build of a paid order, unless the event was handled before or the order has a build.
    pub async fn start(&self, cause: Cause, build: &NewBuild) -> Result<(), Error> {
        if self.builds.start(cause, build).await? {
            tracing::info!(order_uuid = %build.order, build_time = ?build.build_time, "build started");
            self.started.notify_one();
        }
        Ok(())
    }

    /// Finishes a batch of due builds. Returns the time until the next call is due.
    pub async fn finish_builds(&self) -> Result<Duration, Error> {
        let building = self.builds.building(BATCH_SIZE).await?;
        let next = building.iter().map(|(_, left)| *left).find(|left| !left.is_zero());
        let due: Vec<Event> = building.into_iter().filter(|(_, left)| left.is_zero()).map(|(end, _)| end).collect();
        if due.is_empty() {
            return Ok(next.unwrap_or(POLL_INTERVAL));
        }
        let mut parts = Halves::new(&due);
        while let Some(part) = parts.next_part() {
            match self.builds.finish(part).await {
                Err(Error::Database(error)) if error.is_permanent_refusal() => {
                    let Some(end) = parts.refused(part) else { continue };
                    tracing::error!(order_uuid = %end.order(), error = error_chain(error), "build not finished, skipped");
                    self.builds.move_back(end.order()).await?;
                }
                // Another replica may have finished some of the builds.
                outcome => {
                    let ended = outcome?;
                    self.relay.wake();
                    for (_, took) in &ended {
                        metrics::built(*took);
                    }
                    tracing::info!(finished = ended.len(), "builds finished");
                }
            }
        }
        Ok(next.filter(|_| due.len() < usize::try_from(BATCH_SIZE).unwrap_or_default()).unwrap_or_default())
    }

    /// Waits until a new build starts, for at most `left`.
    pub async fn wait(&self, left: Duration) {
        let _ = tokio::time::timeout(left.min(POLL_INTERVAL), self.started.notified()).await;
    }

    /// Users see only the builds of their own orders; services see all.
    pub async fn find(&self, caller: &Caller, order: OrderId) -> Result<Build, Error> {
        let build = self.builds.find(order).await?;
        build.filter(|build| caller.admits(build.user.uuid())).ok_or(Error::NotFound)
    }
}
