//! In-memory implementation of the repository, for tests and the simulation.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::{EventId, OrderId};
use platform::{clock::Virtual, inbox::MemoryInbox, outbox::MemoryOutbox};

use super::Jobs;
use crate::{
    error::Error,
    model::{Event, Job, NewJob, Status},
};

/// Jobs behind a lock instead of a table; clones share them.
#[derive(Clone, Default)]
pub struct MemoryJobs {
    jobs: Arc<Mutex<BTreeMap<OrderId, Job>>>,
    pub inbox: MemoryInbox,
    pub outbox: MemoryOutbox,
    clock: Virtual,
}

impl MemoryJobs {
    /// Returns every job, for the audit.
    pub fn all(&self) -> Vec<Job> {
        self.jobs().values().cloned().collect()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<OrderId, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Jobs for MemoryJobs {
    async fn start(&self, consumer: &'static str, event: EventId, job: &NewJob) -> Result<bool, Error> {
        let mut jobs = self.jobs();
        if !self.inbox.fresh(consumer, event.uuid()) || jobs.contains_key(&job.order) {
            return Ok(false);
        }
        let now = self.clock.now();
        let started = Job {
            order: job.order,
            user: job.user,
            status: Status::Building,
            build_time_sec: job.build_time_sec(),
            fails: job.fails,
            started_at: now,
            due_at: now + job.build_time,
            finished_at: None,
        };
        jobs.insert(job.order, started);
        Ok(true)
    }

    async fn building(&self, limit: i64) -> Result<Vec<(Job, Duration)>, Error> {
        let now = self.clock.now();
        let mut building: Vec<Job> =
            self.jobs().values().filter(|job| job.status == Status::Building).cloned().collect();
        building.sort_by_key(|job| job.due_at);
        building.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(building
            .into_iter()
            .map(|job| {
                let left = (job.due_at - now).to_std().unwrap_or_default();
                (job, left)
            })
            .collect())
    }

    async fn finish(&self, ended: &[Event]) -> Result<Vec<OrderId>, Error> {
        let mut jobs = self.jobs();
        let mut written = Vec::new();
        for event in ended {
            if let Some(job) = jobs.get_mut(&event.order()).filter(|job| job.status == Status::Building) {
                job.status = event.status();
                job.finished_at = Some(self.clock.now());
                self.outbox.insert(event.into());
                written.push(event.order());
            }
        }
        Ok(written)
    }

    async fn find(&self, order: OrderId) -> Result<Option<Job>, Error> {
        Ok(self.jobs().get(&order).cloned())
    }
}
