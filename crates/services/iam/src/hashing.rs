//! Password hashing with argon2id, which is expensive by design: on a few dedicated threads behind a bounded queue.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use platform::config::ConfigError;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{config, error::Error, model::Password};

/// A random salt.
pub type SaltBytes = [u8; 16];

const HASH_BYTES: usize = 32;
/// How long unused memory is kept.
const IDLE: Duration = Duration::from_secs(10);
/// The minimal capacity in blocks, of which only the used part takes memory: glibc maps allocations above 32 MiB separately and
/// returns them to the system when they are freed.
const MIN_CAPACITY: usize = 33 * 1024;

/// Hashes passwords with argon2id; clones share threads, queue and memory.
#[derive(Clone)]
pub struct Hashing {
    params: Params,
    /// One permit per hash that runs or waits.
    admitted: Arc<Semaphore>,
    /// One permit per hash that runs.
    running: Arc<Semaphore>,
    memory: Arc<Memory>,
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
        Ok(Self {
            params,
            admitted: Arc::new(Semaphore::new(config.iam_hashing_threads.saturating_add(config.iam_hashing_queue))),
            running: Arc::new(Semaphore::new(config.iam_hashing_threads)),
            memory: Arc::default(),
        })
    }

    /// The hash of a new password, in the PHC format with its parameters and salt.
    pub async fn hash(&self, password: Password, salt: SaltBytes) -> Result<String, Error> {
        let params = self.params.clone();
        let hash = self.run(move |memory| hash(&params, &password, salt, memory)).await?;
        hash.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// True when `hash` is of this password. Without a hash it takes as long and is false.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, Error> {
        let params = self.params.clone();
        let is_right = self
            .run(move |memory| match hash {
                Some(hash) => verify(&password, &hash, memory),
                None => self::hash(&params, &password, SaltBytes::default(), memory).map(|_| false),
            })
            .await?;
        is_right.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Runs `job` on a blocking thread once a permit is free; fails at once when the queue is full.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let arrived = Instant::now();
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| Error::HashingBusy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Error::HashingBusy)?;
        metrics::histogram!("iam_hashing_wait_seconds").record(arrived.elapsed());
        let memory = self.memory.clone();
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if the caller is gone.
            let _held = (admitted, running);
            let mut blocks = memory.spare().pop().unwrap_or_default();
            let result = job(&mut blocks);
            memory.used.store(true, Ordering::Relaxed);
            memory.spare().push(blocks);
            result
        });
        work.await.map_err(|error| Error::Hashing(error.to_string()))
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

impl Memory {
    fn spare(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Outcome<T> = Result<T, argon2::password_hash::Error>;

fn hash(params: &Params, password: &Password, salt: SaltBytes, memory: &mut Vec<Block>) -> Outcome<String> {
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(compute(params, password, &salt, HASH_BYTES, memory)?),
    };
    Ok(hash.to_string())
}

/// Recomputes with the parameters stored in `hash`, which may differ from the configured ones.
fn verify(password: &Password, hash: &str, memory: &mut Vec<Block>) -> Outcome<bool> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(known)) = (&hash.salt, &hash.hash) else {
        return Err(argon2::password_hash::Error::EncodingInvalid);
    };
    if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
        return Err(argon2::password_hash::Error::Algorithm);
    }
    let computed = compute(&Params::try_from(&hash)?, password, salt, known.len(), memory)?;
    // A comparison in constant time.
    Ok(computed == *known)
}

fn compute(
    params: &Params,
    password: &Password,
    salt: &[u8],
    length: usize,
    memory: &mut Vec<Block>,
) -> Outcome<Output> {
    let blocks = params.block_count();
    if memory.len() < blocks {
        *memory = Vec::with_capacity(blocks.max(MIN_CAPACITY));
        memory.resize(blocks, Block::new());
    }
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..length).ok_or(argon2::password_hash::Error::OutputSize)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password_into_with_memory(password.expose(), salt, out, &mut memory[..blocks])?;
    Ok(Output::new(out)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashing(threads: usize, queue: usize) -> Hashing {
        Hashing::new(&config::Hashing {
            iam_argon2_memory_kib: 64,
            iam_argon2_iterations: 1,
            iam_hashing_threads: threads,
            iam_hashing_queue: queue,
        })
        .unwrap()
    }

    fn password(text: &str) -> Password {
        Password::given("password", text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_hash_matches_only_its_password() {
        let hashing = hashing(1, 4);

        let hash = hashing.hash(password("right"), [7; 16]).await.unwrap();

        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(hashing.verify(password("right"), Some(hash.clone())).await.unwrap());
        assert!(!hashing.verify(password("wrong"), Some(hash)).await.unwrap());
        assert!(!hashing.verify(password("right"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_made_with_other_parameters_is_checked_with_them() {
        let hash = hashing(1, 0).hash(password("right"), [7; 16]).await.unwrap();
        let later = Hashing { params: Params::new(128, 2, 1, Some(HASH_BYTES)).unwrap(), ..hashing(1, 0) };

        assert!(later.verify(password("right"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn the_hash_equals_that_of_the_reference_implementation() {
        // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

        assert!(hashing(1, 0).verify(password("password"), Some(known.to_owned())).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_beyond_the_queue_is_refused_at_once() {
        let hashing = hashing(1, 1);
        let (finish, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::spawn({
            let hashing = hashing.clone();
            async move { hashing.run(move |_| wait.recv()).await }
        });
        let waiting = tokio::spawn({
            let hashing = hashing.clone();
            async move { hashing.run(|_| ()).await }
        });
        while hashing.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        let refused = hashing.verify(password("any"), None).await;

        assert!(matches!(refused, Err(Error::HashingBusy)));
        drop(finish);
        assert!(busy.await.unwrap().is_ok() && waiting.await.unwrap().is_ok());
        assert!(hashing.verify(password("any"), None).await.is_ok());
    }
}
