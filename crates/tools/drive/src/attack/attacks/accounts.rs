//! Accounts with as much data as iam accepts, each logged in once, to fill the session store; and wrong passwords, for
//! other customers' logins or for many logins from the customers' own address, as behind one proxy.

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
use tokio::time::sleep;
use tonic::{Code, transport::Channel};

use super::Attacker;
use crate::attack::wire::{channel, channel_from, source};

const FILLING_WORKERS: u32 = 4;
const GUESSING_WORKERS: u32 = 2;
/// The pause after a refused request. A few guesses keep a login locked.
const REPEAT_DELAY: Duration = Duration::from_millis(100);
/// The number of logins from one address before the next address is used.
const LOGINS_PER_ADDRESS: usize = 50;

/// Registers users with as many contacts as iam accepts, from many addresses.
pub async fn fill(attacker: Arc<Attacker>) {
    static ADDRESS: AtomicU8 = AtomicU8::new(0);
    static IS_BOUNDED: AtomicBool = AtomicBool::new(false);
    attacker
        .repeat(FILLING_WORKERS, REPEAT_DELAY, |attacker, _| async move {
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

/// Guesses passwords for the customers' logins, so that iam locks them.
pub async fn lock(attacker: Arc<Attacker>) {
    attacker
        .repeat(GUESSING_WORKERS, REPEAT_DELAY, |attacker, _| async move {
            let Some(channel) = channel(&attacker.entrances.iam) else { return };
            let _place = attacker.place();
            for login in attacker.targets.iter().cycle() {
                if guess(&attacker, &channel, login.clone()).await != Code::Unauthenticated {
                    sleep(REPEAT_DELAY).await;
                }
            }
        })
        .await;
}

/// Guesses passwords for non-existing logins from the customers' address, so that iam limits the address.
pub async fn spray(attacker: Arc<Attacker>) {
    attacker
        .repeat(GUESSING_WORKERS, REPEAT_DELAY, |attacker, _| async move {
            let Some(channel) = channel_from(&attacker.entrances.iam, None) else { return };
            let _place = attacker.place();
            loop {
                // Until iam limits the address, each guess is for another login; then a few guesses keep it limited.
                let code = guess(&attacker, &channel, ids::random().to_string()).await;
                if code != Code::Unauthenticated {
                    sleep(REPEAT_DELAY).await;
                }
            }
        })
        .await;
}

async fn guess(attacker: &Attacker, channel: &Channel, login: String) -> Code {
    attacker.has_sent(1);
    let request = LoginRequest { login, password: "a wrong password".to_owned() };
    let response = AuthServiceClient::new(channel.clone()).login(request).await;
    attacker.was_refused();
    response.err().map_or(Code::Ok, |status| status.code())
}
