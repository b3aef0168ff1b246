//! Password hashing with argon2id, which is expensive by design: on a few dedicated threads behind bounded queues.

mod argon;
mod threads;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use argon2::{Block, Params};
use platform::config::ConfigError;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use self::{
    argon::{HASH_BYTES, Outcome, Stored},
    threads::Threads,
};
use crate::{config, error::Error, model::Password};

/// A random salt.
pub type SaltBytes = [u8; 16];

/// How long unused memory is kept.
const IDLE: Duration = Duration::from_secs(10);

/// Hashes passwords with argon2id; clones share threads, queues and memory.
#[derive(Clone)]
pub struct Hashing {
    params: Params,
    /// The work of each verification, so that its time does not tell with which parameters a hash was made: the greatest seen.
    work: Arc<AtomicU64>,
    logins: Queue,
    registrations: Queue,
    /// One permit per hash that runs.
    running: Arc<Semaphore>,
    threads: Threads,
    memory: Arc<Memory>,
}

/// For whom a password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A caller who logs in or has a session.
    Login,
    /// A new user, or the renewal of a hash: one at a time, so that a login waits for one of them at most.
    Registration,
}

/// What a password is to a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, but the hash was made with other parameters, or of a password that was not normalised.
    Outdated,
}

#[derive(Clone)]
struct Queue {
    /// One permit per hash that runs or waits.
    admitted: Arc<Semaphore>,
    /// One permit per hash that runs or is next.
    next: Arc<Semaphore>,
}

/// Memory of finished hashes, reused by the next ones.
#[derive(Default)]
struct Memory {
    spare: Mutex<Vec<Vec<Block>>>,
    used: AtomicBool,
}

impl Hashing {
    pub fn new(config: &config::Hashing) -> Result<Self, ConfigError> {
        let params = Params::new(config.iam_argon2_memory_kib, config.iam_argon2_iterations, 1, Some(HASH_BYTES))
            .map_err(|error| ConfigError::new("IAM_ARGON2_MEMORY_KIB", error))?;
        let threads = config.iam_hashing_threads;
        Ok(Self {
            work: Arc::new(AtomicU64::new(argon::work(&params))),
            params,
            logins: Queue::new(threads, config.iam_hashing_queue),
            registrations: Queue::new(1, config.iam_registration_queue),
            running: Arc::new(Semaphore::new(threads)),
            threads: Threads::start(threads).map_err(|error| ConfigError::new("IAM_HASHING_THREADS", error))?,
            memory: Arc::default(),
        })
    }

    /// Hashes a new password. Returns the PHC string with parameters and salt.
    pub async fn hash(&self, purpose: Purpose, password: Password, salt: SaltBytes) -> Result<String, Error> {
        let params = self.params.clone();
        let hash = self.run(purpose, move |memory| argon::hash(&params, password.normalised(), salt, memory)).await?;
        hash.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Compares a password with a stored hash. Without a hash it takes as long and is wrong.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<Verdict, Error> {
        let (params, work) = (self.params.clone(), self.work.clone());
        let verdict =
            self.run(Purpose::Login, move |memory| verify(&params, &work, &password, hash.as_deref(), memory)).await?;
        verdict.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Runs `job` on a thread once it is its turn; fails at once when the queue is full.
    async fn run<T: Send + 'static>(
        &self,
        purpose: Purpose,
        job: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let arrived = Instant::now();
        let queue = match purpose {
            Purpose::Login => &self.logins,
            Purpose::Registration => &self.registrations,
        };
        let admitted = queue.admitted.clone().try_acquire_owned().map_err(|_| Error::HashingBusy)?;
        let next = queue.next.clone().acquire_owned().await.map_err(|_| Error::HashingBusy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Error::HashingBusy)?;
        metrics::histogram!("iam_hashing_wait_seconds").record(arrived.elapsed());
        let memory = self.memory.clone();
        let work = self.threads.run(move || {
            // Held until the work is done, even if the caller is gone.
            let _held = (admitted, next, running);
            let mut blocks = memory.spare().pop().unwrap_or_default();
            let result = job(&mut blocks);
            memory.used.store(true, Ordering::Relaxed);
            memory.spare().push(blocks);
            result
        });
        work.await.ok_or_else(|| Error::Hashing("the hashing thread panicked".to_owned()))
    }

    /// Frees memory that is not used, until `stop`.
    pub async fn free_idle_memory(self, stop: CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(tokio::time::sleep(IDLE)).await.is_some() {
            if !self.memory.used.swap(false, Ordering::Relaxed) {
                self.memory.spare().clear();
            }
        }
        Ok(())
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

impl Memory {
    fn spare(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares each form of the password, whichever is right. The work depends on the number of forms alone, which the caller knows.
fn verify(
    params: &Params,
    most: &AtomicU64,
    password: &Password,
    hash: Option<&str>,
    memory: &mut Vec<Block>,
) -> Outcome<Verdict> {
    let stored = hash.map(Stored::parse).transpose()?;
    let own = argon::work(stored.as_ref().map_or(params, |stored| &stored.params));
    let most = most.fetch_max(own, Ordering::Relaxed).max(own);
    let mut verdict = Verdict::Wrong;
    for (index, form) in password.forms().enumerate() {
        match &stored {
            None => argon::spend(params, own, memory)?,
            Some(stored) if stored.is_of(form, memory)? => {
                verdict = if index == 0 && stored.has(params) { Verdict::Right } else { Verdict::Outdated };
            }
            Some(_) => {}
        }
        argon::spend(params, most - own, memory)?;
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests;
