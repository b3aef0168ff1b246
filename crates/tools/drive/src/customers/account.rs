//! A customer's login, and its session, which is renewed when it is lost.

use std::time::Duration;

use rand::{RngExt as _, rngs::SmallRng};
use tokio::{sync::Mutex, time::sleep};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{
    counters::{Class, Kind},
    journal::Journal,
};
use crate::account;

pub struct Account {
    pub user: Uuid,
    /// The latest session, with the login for the next one.
    latest: Mutex<account::Account>,
}

impl Account {
    pub fn new(registered: account::Account) -> Self {
        Self { user: registered.user, latest: Mutex::new(registered) }
    }

    /// Returns the session. If it equals `stale`, logs in first; concurrent callers share this login.
    pub async fn session(&self, stale: Option<&str>, journal: &Journal, rng: &mut SmallRng) -> String {
        let mut latest = self.latest.lock().await;
        if stale == Some(latest.session.as_str()) {
            latest.session = log_in(&latest, journal, rng).await;
        }
        latest.session.clone()
    }
}

async fn log_in(account: &account::Account, journal: &Journal, rng: &mut SmallRng) -> String {
    loop {
        let status = match account.open_session().await {
            Ok(session) => {
                journal.count(Kind::LogIn, Class::Succeeded);
                return session;
            }
            Err(status) => status,
        };
        let mut class = class_of(&status, &[]);
        if !class.is_failure() {
            class = Class::Unexpected;
            let (code, message) = (status.code(), status.message());
            journal.violation(format!("Login of {} answered {code:?}: {message}", account.login));
        }
        journal.count(Kind::LogIn, class);
        sleep(backoff(rng)).await;
    }
}

/// Classifies a refused gRPC call. `refusals` are the codes that are expected.
pub fn class_of(status: &Status, refusals: &[Code]) -> Class {
    match status.code() {
        code if refusals.contains(&code) => Class::Refused,
        Code::Unauthenticated => Class::SessionLost,
        Code::Unavailable | Code::ResourceExhausted => Class::Unavailable,
        // The client library reports these codes when a connection is lost or a call times out.
        Code::Cancelled | Code::DeadlineExceeded | Code::Internal | Code::Unknown => Class::Unanswered,
        _ => Class::Unexpected,
    }
}

/// Returns the backoff before the next attempt.
pub fn backoff(rng: &mut SmallRng) -> Duration {
    Duration::from_millis(rng.random_range(100..=500))
}
