//! Use cases: start, finish and show builds.

use std::{sync::Arc, time::Duration};

use contracts::{events::Cause, ids::OrderId};
use platform::{auth::Caller, outbox::Waker};
use tokio::sync::Notify;

use crate::{
    error::Error,
    metrics,
    model::{Build, NewBuild},
    repository::Builds,
};

/// Builds finished per statement.
const BATCH_SIZE: i64 = 200;
/// How often this replica looks for builds that other replicas started, which do not wake it.
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
        let due: Vec<Build> = building.into_iter().filter(|(_, left)| left.is_zero()).map(|(build, _)| build).collect();
        if due.is_empty() {
            return Ok(next.unwrap_or(POLL_INTERVAL));
        }
        let ends: Vec<_> = due.iter().map(Build::end).collect();
        // Another replica may have finished some of the builds.
        let ended = self.builds.finish(&ends).await?;
        self.relay.wake();
        for (_, took) in &ended {
            metrics::built(*took);
        }
        tracing::info!(finished = ended.len(), "builds finished");
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
