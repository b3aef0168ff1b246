//! Accounts with as much data as iam accepts, each logged in once, to fill the session store.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use client::customer::{PASSWORD, registration};
use contracts::proto::{
    auth::v1::{LoginRequest, auth_service_client::AuthServiceClient},
    common::v1::NotificationMethod,
    user::v1::user_service_client::UserServiceClient,
};
use platform::ids;
use tonic::{Code, transport::Channel};

use super::Attacker;
use crate::attack::wire::{channel_from, source};

const WORKERS: u32 = 4;
const REPEAT_DELAY: Duration = Duration::from_millis(100);
/// The number of logins from one address before the next address is used.
const LOGINS_PER_ADDRESS: usize = 50;

/// Registers users with as many contacts as iam accepts, from many addresses.
pub async fn fill(attacker: Arc<Attacker>) {
    static ADDRESS: AtomicU8 = AtomicU8::new(0);
    static IS_BOUNDED: AtomicBool = AtomicBool::new(false);
    attacker
        .repeat(WORKERS, REPEAT_DELAY, |attacker, _| async move {
            let iam = &attacker.entrances.iam;
            let from = source(iam.address).map(|_| Ipv4Addr::new(127, 0, 1, ADDRESS.fetch_add(1, Relaxed)).into());
            let Some(channel) = channel_from(iam, from) else { return };
            let _place = attacker.place();
            for _ in 0..LOGINS_PER_ADDRESS {
                let contacts = if IS_BOUNDED.load(Relaxed) { (4, 450) } else { (16, 512) };
                if !account(&attacker, &channel, contacts).await {
                    IS_BOUNDED.store(true, Relaxed);
                }
            }
        })
        .await;
}

/// Registers a user with `count` contacts of `bytes` bytes each, and logs in. Returns false if iam refuses.
async fn account(attacker: &Attacker, channel: &Channel, (count, bytes): (usize, usize)) -> bool {
    attacker.has_sent(1);
    let login = format!("fat-{:.12}", ids::random().simple().to_string());
    let contact = NotificationMethod {
        provider_name: "push".to_owned(),
        target: "x".repeat(bytes),
        ..NotificationMethod::default()
    };
    let request = registration(&login, vec![contact; count]);
    let registered = UserServiceClient::new(channel.clone()).register(request).await;
    let request = LoginRequest { login, password: PASSWORD.to_owned() };
    let opened = match registered {
        Ok(_) => AuthServiceClient::new(channel.clone()).login(request).await.map(drop),
        Err(status) => Err(status),
    };
    if opened.is_err() {
        attacker.was_refused();
    }
    !opened.is_err_and(|status| status.code() != Code::Unavailable)
}
