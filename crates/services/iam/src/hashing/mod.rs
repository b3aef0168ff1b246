//! Password hashing with argon2id. It is expensive by design, so a few hashes at a time are computed, behind a bounded
//! queue.

mod argon;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::Params;
use platform::config::ConfigError;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use self::argon::{HASH_BYTES, HashResult, Stored};
use crate::{config, error::Error, metrics, model::Password};

pub type SaltBytes = [u8; 16];

/// Computes and verifies the hashes of passwords, a limited number at once. Clones share the queue.
#[derive(Clone)]
pub struct Hashing {
    params: Params,
    /// The work of each verification: the work of a hash with the configured parameters or, if greater, of the
    /// costliest hash verified so far. All verifications do the same work, so that their time does not reveal a hash's
    /// parameters.
    work: Arc<AtomicU64>,
    /// A hash holds one permit while it waits or is computed.
    admitted: Arc<Semaphore>,
    /// A new hash also holds one of these, half of the places, so that registrations leave room for logins.
    new: Arc<Semaphore>,
    /// A hash holds one permit while it is computed.
    running: Arc<Semaphore>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// The password is right, but the hash was computed with other parameters.
    Outdated,
}

impl Hashing {
    pub fn new(config: &config::Hashing) -> Result<Self, ConfigError> {
        let params = Params::new(config.iam_argon2_memory_kib, config.iam_argon2_iterations, 1, Some(HASH_BYTES))
            .map_err(|error| ConfigError::new("IAM_ARGON2_MEMORY_KIB", error))?;
        let places = config.iam_hashing_threads.saturating_add(config.iam_hashing_queue).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            work: Arc::new(AtomicU64::new(argon::work(&params))),
            params,
            admitted: Arc::new(Semaphore::new(places)),
            new: Arc::new(Semaphore::new(places.div_ceil(2))),
            running: Arc::new(Semaphore::new(config.iam_hashing_threads)),
        })
    }

    /// Hashes a new password. Returns the PHC string with parameters and salt.
    pub async fn hash(&self, password: Password, salt: SaltBytes) -> Result<String, Error> {
        let place = admit(&self.new)?;
        let params = self.params.clone();
        let job = move || {
            let _place = place;
            argon::hash(&params, password.normalised(), salt)
        };
        self.run(job).await?.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Compares a password with a stored hash. Without a hash, the call takes the same time and returns
    /// [`Verdict::Wrong`].
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<Verdict, Error> {
        let (params, work) = (self.params.clone(), self.work.clone());
        let verdict = self.run(move || verify(&params, &work, &password, hash.as_deref())).await?;
        verdict.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Runs `job` on a blocking thread when its turn comes. Fails at once if the queue is full.
    async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let arrived = Instant::now();
        let place = admit(&self.admitted)?;
        let turn = self.running.clone().acquire_owned().await.map_err(|_| Error::HashingBusy)?;
        metrics::hash_waited(arrived.elapsed());
        let work = tokio::task::spawn_blocking(move || {
            // The job holds its permits until it is done, even if the caller has stopped waiting.
            let _permits = (place, turn);
            job()
        });
        work.await.map_err(|error| Error::Hashing(error.to_string()))
    }
}

impl config::Hashing {
    /// The minimum pairs of memory in KiB and passes that OWASP's Password Storage Cheat Sheet recommends for argon2id
    /// with one lane.
    const MIN_COSTS: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

    /// Returns true if the costs are below OWASP's minimum.
    pub fn is_weak(&self) -> bool {
        !Self::MIN_COSTS
            .iter()
            .any(|(memory, passes)| self.iam_argon2_memory_kib >= *memory && self.iam_argon2_iterations >= *passes)
    }
}

fn admit(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    places.clone().try_acquire_owned().map_err(|_| Error::HashingBusy)
}

fn verify(params: &Params, highest: &AtomicU64, password: &Password, hash: Option<&str>) -> HashResult<Verdict> {
    let stored = hash.map(Stored::parse).transpose()?;
    let own = argon::work(stored.as_ref().map_or(params, |stored| &stored.params));
    let highest = highest.fetch_max(own, Ordering::Relaxed).max(own);
    let verdict = match &stored {
        None => {
            argon::spend(params, own)?;
            Verdict::Wrong
        }
        Some(stored) if !stored.is_of(password.normalised())? => Verdict::Wrong,
        Some(stored) if stored.has(params) => Verdict::Right,
        Some(_) => Verdict::Outdated,
    };
    argon::spend(params, highest - own)?;
    Ok(verdict)
}

#[cfg(test)]
mod tests;
