//! Registers the users and logs them in, as fast as iam allows.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::anyhow;
use client::{
    customer::{PASSWORD, registration},
    shop::Shop,
};
use contracts::proto::auth::v1::LoginRequest;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use platform::ids;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::Options;
use crate::account::Account;

/// The number of concurrent registrations. Each costs an argon2 hash; iam computes `IAM_HASHING_THREADS` at once, by
/// default 2.
const MAX_CONCURRENT_REGISTRATIONS: usize = 4;
/// How long a refused registration is repeated: iam refuses an address with many registrations for at most a minute.
const RETRY_TIMEOUT: Duration = Duration::from_secs(75);
const RETRY_DELAY: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

struct Tries<'a> {
    /// When iam last accepted a registration or login. If this was too long ago, all registrations give up.
    latest: &'a Mutex<Instant>,
    count: &'a AtomicUsize,
    all: usize,
}

/// Registers the users. Calls `each` with the number so far.
pub async fn register(shops: &[Shop], options: &Options, mut each: impl FnMut(usize)) -> anyhow::Result<Vec<Account>> {
    let connections = Arc::new(Semaphore::new(options.connections.min(Semaphore::MAX_PERMITS)));
    let (latest, count) = (Mutex::new(Instant::now()), AtomicUsize::new(0));
    let all = (0..options.users).map(|number| {
        let (shop, connections) = (shops[number % shops.len()].clone(), connections.clone());
        let (latest, count) = (&latest, &count);
        async move {
            let login = format!("load-{:.16}", ids::random().simple().to_string());
            let tries = Tries { latest, count, all: options.users };
            let user = tries.patiently(async || sign_up(&shop, &login).await).await?;
            let session = tries.patiently(async || log_in(&shop, &login).await).await?;
            count.fetch_add(1, Relaxed);
            anyhow::Ok(Account { shop, user, session, connections })
        }
    });
    let mut registered = stream::iter(all).buffer_unordered(MAX_CONCURRENT_REGISTRATIONS);
    let mut accounts = Vec::with_capacity(options.users);
    while let Some(account) = registered.try_next().await? {
        accounts.push(account);
        each(accounts.len());
    }
    Ok(accounts)
}

async fn sign_up(shop: &Shop, login: &str) -> Result<Uuid, Status> {
    let registered = shop.users().register(registration(login, Vec::new())).await?.into_inner();
    registered.user_uuid.parse().map_err(|_| Status::internal("Register answered no uuid"))
}

async fn log_in(shop: &Shop, login: &str) -> Result<String, Status> {
    let request = LoginRequest { login: login.to_owned(), password: PASSWORD.to_owned() };
    Ok(shop.auth().login(request).await?.into_inner().session_uuid)
}

impl Tries<'_> {
    /// Repeats `work` while iam is overloaded.
    async fn patiently<T>(&self, work: impl AsyncFn() -> Result<T, Status>) -> anyhow::Result<T> {
        loop {
            let refused = match timeout(CALL_TIMEOUT, work()).await {
                Ok(Ok(done)) => {
                    *self.latest() = Instant::now();
                    return Ok(done);
                }
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded(format!("no answer within {} s", CALL_TIMEOUT.as_secs())),
            };
            let is_busy = matches!(refused.code(), Code::ResourceExhausted | Code::Unavailable);
            if !is_busy || self.latest().elapsed() >= RETRY_TIMEOUT {
                return Err(self.end(&refused));
            }
            sleep(RETRY_DELAY).await;
        }
    }

    fn end(&self, refused: &Status) -> anyhow::Error {
        let advice = match refused.code() {
            Code::ResourceExhausted => {
                "; use fewer users, or start the shop with IAM_ADDRESS_REGISTRATIONS=0 and IAM_ADDRESS_NEW_ACCOUNTS=0"
            }
            _ => "",
        };
        let (count, all) = (self.count.load(Relaxed), self.all);
        anyhow!(
            "{count} of {all} users are registered: iam answered {:?}, {}{advice}",
            refused.code(),
            refused.message()
        )
    }

    fn latest(&self) -> MutexGuard<'_, Instant> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
