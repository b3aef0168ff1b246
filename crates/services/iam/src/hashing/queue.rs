//! The queues in which hashes wait for their turn. A hash that finds its queue full is refused at once.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{error::Error, metrics};

/// The reason for hashing a password, which selects the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A user logs in or changes the password.
    Login,
    /// A user registers, or an outdated hash is renewed. Only one such hash is computed at a time, so that a login waits for at most one of
    /// them.
    Registration,
}

/// The queues of logins and registrations. Clones share them.
#[derive(Clone)]
pub struct Queues {
    pub(super) logins: Queue,
    pub(super) registrations: Queue,
    /// A hash holds one permit while it is computed.
    pub(super) running: Arc<Semaphore>,
}

#[derive(Clone)]
pub struct Queue {
    /// A hash holds one permit while it waits or is computed.
    pub(super) admitted: Arc<Semaphore>,
    /// A hash holds one permit while it is next in line or is computed.
    pub(super) next: Arc<Semaphore>,
}

/// The right to compute one hash. The holder drops it after the computation.
pub struct Turn {
    _admitted: OwnedSemaphorePermit,
    _next: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

impl Queues {
    /// Creates the queues for `threads` hashes at once, with the maximum numbers of logins and registrations that wait.
    pub fn new(threads: usize, logins: usize, registrations: usize) -> Self {
        Self {
            logins: Queue::new(threads, logins),
            registrations: Queue::new(1, registrations),
            running: Arc::new(Semaphore::new(threads)),
        }
    }

    /// Waits for the turn of a hash. Fails at once if the queue is full.
    pub async fn turn(&self, purpose: Purpose) -> Result<Turn, Error> {
        let arrived = Instant::now();
        let queue = match purpose {
            Purpose::Login => &self.logins,
            Purpose::Registration => &self.registrations,
        };
        let admitted = queue.admitted.clone().try_acquire_owned().map_err(|_| Error::HashingBusy)?;
        let next = queue.next.clone().acquire_owned().await.map_err(|_| Error::HashingBusy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Error::HashingBusy)?;
        metrics::hash_waited(arrived.elapsed());
        Ok(Turn { _admitted: admitted, _next: next, _running: running })
    }
}

impl Queue {
    fn new(next: usize, waiting: usize) -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(next.saturating_add(waiting).min(Semaphore::MAX_PERMITS))),
            next: Arc::new(Semaphore::new(next)),
        }
    }
}
