//! Hashing passwords: slow and hungry on purpose, so on few threads beside those that serve, with a bounded queue before them.

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

/// Random bytes that make equal passwords hash differently.
pub type SaltBytes = [u8; 16];

const HASH_BYTES: usize = 32;
/// Memory that nobody has used for so long is given back.
const IDLE: Duration = Duration::from_secs(10);
/// Room for so many blocks at least is asked for, though only what is used of it takes memory: what is larger than 32 MiB,
/// glibc gets from the system and returns to it, and does not keep.
const ROOM: usize = 33 * 1024;

/// Hashes passwords with argon2id; clones share threads, queue and memory.
#[derive(Clone)]
pub struct Hashing {
    params: Params,
    /// One place per hash under way or waiting.
    places: Arc<Semaphore>,
    /// One turn per hash under way.
    turns: Arc<Semaphore>,
    memory: Arc<Memory>,
}

/// The memory of hashes that are not under way, kept for the next ones.
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
            places: Arc::new(Semaphore::new(config.iam_hashing_threads.saturating_add(config.iam_hashing_queue))),
            turns: Arc::new(Semaphore::new(config.iam_hashing_threads)),
            memory: Arc::default(),
        })
    }

    /// The hash of a new password, with all that is needed to check it later.
    pub async fn hash(&self, password: Password, salt: SaltBytes) -> Result<String, Error> {
        let params = self.params.clone();
        let hash = self.run(move |memory| hash(&params, &password, salt, memory)).await?;
        hash.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// True when `hash` was made of this password. Without a hash it takes the same time to say no.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, Error> {
        let params = self.params.clone();
        let right = self
            .run(move |memory| match hash {
                Some(hash) => verify(&password, &hash, memory),
                None => self::hash(&params, &password, SaltBytes::default(), memory).map(|_| false),
            })
            .await?;
        right.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Runs `job` when it is its turn; refuses at once when too many wait.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let arrived = Instant::now();
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::HashingBusy)?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| Error::HashingBusy)?;
        metrics::histogram!("iam_hashing_wait_seconds").record(arrived.elapsed());
        let memory = self.memory.clone();
        let work = tokio::task::spawn_blocking(move || {
            // They are held until the work is done, even where nobody waits for it any more.
            let _held = (place, turn);
            let mut blocks = memory.spare().pop().unwrap_or_default();
            let answer = job(&mut blocks);
            memory.used.store(true, Ordering::Relaxed);
            memory.spare().push(blocks);
            answer
        });
        work.await.map_err(|error| Error::Hashing(error.to_string()))
    }

    /// Gives memory back that is not used, until `stop`.
    pub async fn tidy(self, stop: CancellationToken) -> anyhow::Result<()> {
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

/// Computes anew with the parameters that are in `hash`: those of today may be others.
fn verify(password: &Password, hash: &str, memory: &mut Vec<Block>) -> Outcome<bool> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(known)) = (&hash.salt, &hash.hash) else {
        return Err(argon2::password_hash::Error::EncodingInvalid);
    };
    if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
        return Err(argon2::password_hash::Error::Algorithm);
    }
    let computed = compute(&Params::try_from(&hash)?, password, salt, known.len(), memory)?;
    // In constant time.
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
        *memory = Vec::with_capacity(blocks.max(ROOM));
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
    async fn a_hash_is_of_one_password_alone() {
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
    async fn the_algorithm_is_the_one_that_others_compute() {
        // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

        assert!(hashing(1, 0).verify(password("password"), Some(known.to_owned())).await.unwrap());
    }

    #[tokio::test]
    async fn one_hash_too_many_is_refused_at_once() {
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
        while hashing.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        let refused = hashing.verify(password("any"), None).await;

        assert!(matches!(refused, Err(Error::HashingBusy)));
        drop(finish);
        assert!(busy.await.unwrap().is_ok() && waiting.await.unwrap().is_ok());
        assert!(hashing.verify(password("any"), None).await.is_ok());
    }
}
