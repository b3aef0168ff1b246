//! Password hashing with argon2id. It is expensive by design, so a few hashes at a time are computed, behind bounded queues.

mod argon;
mod cost;
mod queue;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::Params;
use platform::config::ConfigError;

pub use self::queue::Purpose;
use self::{
    argon::{HASH_BYTES, Outcome, Stored},
    queue::Queues,
};
use crate::{config, error::Error, model::Password};

pub type SaltBytes = [u8; 16];

/// Clones share the queues.
#[derive(Clone)]
pub struct Hashing {
    params: Params,
    /// The work of each verification: the work of a hash with the configured parameters or, if greater, of the
    /// costliest hash verified so far. All verifications do the same work, so that their time does not reveal a hash's
    /// parameters.
    work: Arc<AtomicU64>,
    queues: Queues,
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
        Ok(Self {
            work: Arc::new(AtomicU64::new(argon::work(&params))),
            params,
            queues: Queues::new(config.iam_hashing_threads, config.iam_hashing_queue, config.iam_registration_queue),
        })
    }

    /// Hashes a new password. Returns the PHC string with parameters and salt.
    pub async fn hash(&self, purpose: Purpose, password: Password, salt: SaltBytes) -> Result<String, Error> {
        let params = self.params.clone();
        let hash = self.run(purpose, move || argon::hash(&params, password.normalised(), salt)).await?;
        hash.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Compares a password with a stored hash. Without a hash, the call takes the same time and returns [`Verdict::Wrong`].
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<Verdict, Error> {
        let (params, work) = (self.params.clone(), self.work.clone());
        let verdict = self.run(Purpose::Login, move || verify(&params, &work, &password, hash.as_deref())).await?;
        verdict.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Runs `job` on a blocking thread when its turn comes. Fails at once if the queue is full.
    async fn run<T: Send + 'static>(
        &self,
        purpose: Purpose,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.queues.turn(purpose).await?;
        let work = tokio::task::spawn_blocking(move || {
            // The job holds its turn until it is done, even if the caller has stopped waiting.
            let _turn = turn;
            job()
        });
        work.await.map_err(|error| Error::Hashing(error.to_string()))
    }
}

fn verify(params: &Params, most: &AtomicU64, password: &Password, hash: Option<&str>) -> Outcome<Verdict> {
    let stored = hash.map(Stored::parse).transpose()?;
    let own = argon::work(stored.as_ref().map_or(params, |stored| &stored.params));
    let most = most.fetch_max(own, Ordering::Relaxed).max(own);
    let verdict = match &stored {
        None => {
            argon::spend(params, own)?;
            Verdict::Wrong
        }
        Some(stored) if !stored.is_of(password.normalised())? => Verdict::Wrong,
        Some(stored) if stored.has(params) => Verdict::Right,
        Some(_) => Verdict::Outdated,
    };
    argon::spend(params, most - own)?;
    Ok(verdict)
}

#[cfg(test)]
mod tests;
