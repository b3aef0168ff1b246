//! A customer's login, and its session, which is renewed when it is lost.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use contracts::proto::{
    auth::v1::{LoginRequest, WhoamiRequest},
    common::v1::NotificationMethod,
};
use platform::ids;
use rand::{RngExt as _, rngs::SmallRng};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};
use tonic::Code;
use uuid::Uuid;

use super::{
    counters::{Class, Kind},
    journal::Journal,
};
use client::{
    customer::{PASSWORD, registration},
    shop::{Shop, success},
};

/// How long a failing registration is retried.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_CHAT: usize = 5_000_000;

pub struct Account {
    pub user: Uuid,
    pub login: String,
    pub session: Mutex<String>,
}

impl Account {
    /// Registers a new user with its own chat, and logs in. Retries for up to 30 seconds.
    pub async fn open(shop: &Shop, index: usize, mut rng: SmallRng) -> anyhow::Result<Self> {
        let login = format!("chaos-{index}-{:.12}", ids::random().simple().to_string());
        let mut failed = anyhow!("the shop does not answer");
        let opening = async {
            loop {
                match attempt(shop, &login, index).await {
                    Ok((user, session)) => return (user, session),
                    Err(error) => failed = error,
                }
                sleep(pause(&mut rng)).await;
            }
        };
        match timeout(REGISTRATION_TIMEOUT, opening).await {
            Ok((user, session)) => Ok(Self { user, login, session: Mutex::new(session) }),
            Err(_) => Err(failed.context(format!("no customer {login} after {} s", REGISTRATION_TIMEOUT.as_secs()))),
        }
    }

    /// Returns the session. If it equals `stale`, logs in first; concurrent callers share this login.
    pub async fn session(&self, stale: Option<&str>, shop: &Shop, journal: &Journal, rng: &mut SmallRng) -> String {
        let mut session = self.session.lock().await;
        if stale == Some(session.as_str()) {
            *session = self.log_in(shop, journal, rng).await;
        }
        session.clone()
    }

    async fn log_in(&self, shop: &Shop, journal: &Journal, rng: &mut SmallRng) -> String {
        loop {
            let request = LoginRequest { login: self.login.clone(), password: PASSWORD.to_owned() };
            let class = match shop.auth().login(request).await {
                Ok(answer) => {
                    journal.count(Kind::LogIn, Class::Succeeded);
                    return answer.into_inner().session_uuid;
                }
                Err(status) => match status.code() {
                    Code::Unavailable | Code::ResourceExhausted => Class::Unavailable,
                    // The client library reports these codes when a connection is lost or a call times out.
                    Code::Cancelled | Code::DeadlineExceeded | Code::Internal | Code::Unknown => Class::Unanswered,
                    code => {
                        journal.violation(format!("Login of {} answered {code:?}: {}", self.login, status.message()));
                        Class::Unexpected
                    }
                },
            };
            journal.count(Kind::LogIn, class);
            sleep(pause(rng)).await;
        }
    }
}

pub fn pause(rng: &mut SmallRng) -> Duration {
    Duration::from_millis(rng.random_range(100..=500))
}

async fn attempt(shop: &Shop, login: &str, index: usize) -> anyhow::Result<(Uuid, String)> {
    let (provider_name, target) = ("telegram".to_owned(), (FIRST_CHAT + index).to_string());
    let chat = NotificationMethod { provider_name, target, ..NotificationMethod::default() };
    let answer = shop.users().register(registration(login, vec![chat])).await;
    // AlreadyExists is a success: an earlier attempt whose answer was lost may have registered the user.
    if answer.as_ref().err().is_none_or(|status| status.code() != Code::AlreadyExists) {
        success("Register", answer)?;
    }
    let request = LoginRequest { login: login.to_owned(), password: PASSWORD.to_owned() };
    let session = success("Login", shop.auth().login(request).await)?.session_uuid;
    let request = WhoamiRequest { session_uuid: session.clone(), ..WhoamiRequest::default() };
    let known = success("Whoami", shop.auth().whoami(request).await)?.user.context("Whoami answered no user")?;
    Ok((known.uuid.parse().context("the user's uuid is none")?, session))
}
