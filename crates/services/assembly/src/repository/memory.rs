//! In-memory implementation of the repository, for tests and the simulation.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{events::Cause, ids::OrderId};
use outbox::{MemoryOutbox, inbox::MemoryInbox};
use platform::{clock::Virtual, jobs::MOVED_BACK_FOR};

use super::Builds;
use crate::{
    error::Error,
    model::{Build, Event, NewBuild, Status},
};

/// The builds of ships, in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryBuilds {
    builds: Arc<Mutex<BTreeMap<OrderId, Build>>>,
    /// The times at which builds that were moved back are due again.
    moved_back: Arc<Mutex<BTreeMap<OrderId, DateTime<Utc>>>>,
    pub inbox: MemoryInbox,
    pub outbox: MemoryOutbox,
    clock: Virtual,
}

impl MemoryBuilds {
    /// All builds, for the audit.
    pub fn all(&self) -> Vec<Build> {
        self.builds().values().cloned().collect()
    }

    fn builds(&self) -> MutexGuard<'_, BTreeMap<OrderId, Build>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved_back(&self) -> MutexGuard<'_, BTreeMap<OrderId, DateTime<Utc>>> {
        self.moved_back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Builds for MemoryBuilds {
    async fn start(&self, cause: Cause, build: &NewBuild) -> Result<bool, Error> {
        let mut builds = self.builds();
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) || builds.contains_key(&build.order) {
            return Ok(false);
        }
        let now = self.clock.now();
        let started = Build {
            order: build.order,
            user: build.user,
            status: Status::Building,
            build_time_sec: build.build_time_sec(),
            fails: build.fails,
            started_at: now,
            due_at: now + build.build_time,
            finished_at: None,
        };
        builds.insert(build.order, started);
        Ok(true)
    }

    async fn building(&self, limit: i64) -> Result<Vec<(Event, Duration)>, Error> {
        let now = self.clock.now();
        let (builds, moved_back) = (self.builds(), self.moved_back());
        let building = builds.values().filter(|build| build.status == Status::Building);
        let mut building: Vec<_> = building
            .map(|build| (moved_back.get(&build.order).copied().unwrap_or(build.due_at).max(build.due_at), build))
            .collect();
        building.sort_by_key(|(due_at, _)| *due_at);
        building.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let left = |due_at: DateTime<Utc>| (due_at - now).to_std().unwrap_or_default();
        let end = |build: &Build| Event::end_of(build.order, build.user, build.build_time_sec, build.fails);
        Ok(building.into_iter().map(|(due_at, build)| (end(build), left(due_at))).collect())
    }

    async fn move_back(&self, order: OrderId) -> Result<(), Error> {
        self.moved_back().insert(order, self.clock.now() + MOVED_BACK_FOR);
        Ok(())
    }

    async fn finish(&self, ended: &[Event]) -> Result<Vec<(OrderId, Duration)>, Error> {
        let now = self.clock.now();
        let mut builds = self.builds();
        let mut written = Vec::new();
        for event in ended {
            if let Some(build) = builds.get_mut(&event.order()).filter(|build| build.status == Status::Building) {
                build.status = event.status();
                build.finished_at = Some(now);
                if self.outbox.insert_new(event.into()) {
                    written.push((event.order(), (now - build.started_at).to_std().unwrap_or_default()));
                }
            }
        }
        Ok(written)
    }

    async fn find(&self, order: OrderId) -> Result<Option<Build>, Error> {
        Ok(self.builds().get(&order).cloned())
    }
}
