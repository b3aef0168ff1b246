//! Registers the users and logs them in, as fast as iam allows.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use client::{customer::registration, shop::Shop};
use contracts::proto::{common::v1::NotificationMethod, user::v1::RegisterRequest};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use platform::ids;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::account::Account;

/// The number of concurrent registrations. Each costs an argon2 hash; iam computes `IAM_HASHING_THREADS` at once, by
/// default 2.
const MAX_CONCURRENT_REGISTRATIONS: usize = 4;
/// A refused registration is retried for this long: iam refuses an address with many registrations for at most a
/// minute.
const RETRY_TIMEOUT: Duration = Duration::from_secs(75);
const RETRY_DELAY: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Registers this many users, who use the shops in turn, and share `connections` HTTP connections.
pub async fn register(shops: &[Shop], users: usize, connections: usize) -> anyhow::Result<Vec<Account>> {
    register_with(shops, users, connections, |_| Vec::new()).await
}

/// Registers users like [`register`], each with the contacts that belong to its number.
pub async fn register_with(
    shops: &[Shop],
    users: usize,
    connections: usize,
    contacts: impl Fn(usize) -> Vec<NotificationMethod>,
) -> anyhow::Result<Vec<Account>> {
    let connections = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
    let all = (0..users).map(|number| {
        let (shop, connections) = (shops[number % shops.len()].clone(), connections.clone());
        let login = format!("load-{:.16}", ids::random().simple().to_string());
        let request = registration(&login, contacts(number));
        async move {
            let user = patiently(async || sign_up(&shop, request.clone()).await).await?;
            let mut account = Account { shop, user, login, session: String::new(), connections };
            account.session = patiently(async || account.open_session().await).await?;
            anyhow::Ok(account)
        }
    });
    stream::iter(all).buffered(MAX_CONCURRENT_REGISTRATIONS).try_collect().await
}

async fn sign_up(shop: &Shop, request: RegisterRequest) -> Result<Uuid, Status> {
    let registered = shop.users().register(request).await?.into_inner();
    registered.user_uuid.parse().map_err(|_| Status::internal("Register answered no uuid"))
}

/// Retries a call while iam is overloaded.
async fn patiently<T>(call: impl AsyncFn() -> Result<T, Status>) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        let refused = match timeout(CALL_TIMEOUT, call()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(status)) => status,
            Err(_) => Status::deadline_exceeded(format!("no answer within {} s", CALL_TIMEOUT.as_secs())),
        };
        let is_busy = matches!(refused.code(), Code::ResourceExhausted | Code::Unavailable);
        if !is_busy || begun.elapsed() >= RETRY_TIMEOUT {
            let advice = match refused.code() {
                Code::ResourceExhausted => {
                    "; use fewer users, or start the shop with IAM_ADDRESS_REGISTRATIONS=0 and IAM_ADDRESS_NEW_ACCOUNTS=0"
                }
                _ => "",
            };
            bail!("a user cannot register: iam answered {:?}, {}{advice}", refused.code(), refused.message());
        }
        sleep(RETRY_DELAY).await;
    }
}
