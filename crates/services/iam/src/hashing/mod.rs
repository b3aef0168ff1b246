//! Password hashing with argon2id. It is expensive by design, so it runs on a few dedicated threads behind bounded queues.

mod argon;
mod cost;
mod queue;
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
use tokio_util::sync::CancellationToken;

pub use self::queue::Purpose;
use self::{
    argon::{HASH_BYTES, Outcome, Stored},
    queue::Queues,
    threads::Threads,
};
use crate::{config, error::Error, model::Password};

pub type SaltBytes = [u8; 16];

/// The time after which the memory of finished hashes is freed if no hash reuses it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Clones share threads, queues and memory.
#[derive(Clone)]
pub struct Hashing {
    params: Params,
    /// The work of each verification: the work of a hash with the configured parameters or, if greater, of the
    /// costliest hash verified so far. All verifications do the same work, so that their time does not reveal a hash's
    /// parameters.
    work: Arc<AtomicU64>,
    queues: Queues,
    threads: Threads,
    memory: Arc<Memory>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// The password is right, but the hash was computed with other parameters.
    Outdated,
}

/// The memory blocks of finished computations, which later computations reuse.
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
            queues: Queues::new(threads, config.iam_hashing_queue, config.iam_registration_queue),
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

    /// Compares a password with a stored hash. Without a hash, the call takes the same time and returns [`Verdict::Wrong`].
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<Verdict, Error> {
        let (params, work) = (self.params.clone(), self.work.clone());
        let verdict =
            self.run(Purpose::Login, move |memory| verify(&params, &work, &password, hash.as_deref(), memory)).await?;
        verdict.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Runs `job` on a hashing thread when its turn comes. Fails at once if the queue is full.
    async fn run<T: Send + 'static>(
        &self,
        purpose: Purpose,
        job: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.queues.turn(purpose).await?;
        let memory = self.memory.clone();
        let work = self.threads.run(move || {
            // The job holds its turn until it is done, even if the caller has stopped waiting.
            let _turn = turn;
            let mut blocks = memory.spare().pop().unwrap_or_default();
            let result = job(&mut blocks);
            memory.used.store(true, Ordering::Relaxed);
            memory.spare().push(blocks);
            result
        });
        work.await.ok_or_else(|| Error::Hashing("the hashing thread panicked".to_owned()))
    }

    /// Frees the memory blocks of finished computations whenever no hash was computed for `IDLE_TIMEOUT`, until `stop`.
    pub async fn free_hashing_memory(self, stop: CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(tokio::time::sleep(IDLE_TIMEOUT)).await.is_some() {
            if !self.memory.used.swap(false, Ordering::Relaxed) {
                self.memory.spare().clear();
            }
        }
        Ok(())
    }
}

impl Memory {
    fn spare(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    let verdict = match &stored {
        None => {
            argon::spend(params, own, memory)?;
            Verdict::Wrong
        }
        Some(stored) if !stored.is_of(password.normalised(), memory)? => Verdict::Wrong,
        Some(stored) if stored.has(params) => Verdict::Right,
        Some(_) => Verdict::Outdated,
    };
    argon::spend(params, most - own, memory)?;
    Ok(verdict)
}

#[cfg(test)]
mod tests;
