//! A checker and a payment service that fail as a test configures them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use customers::{
    client::{self, CheckRequest, CreditError, Credits, Unknown},
    model::{Loan, Verdict},
};

/// A checker that approves every customer; clones share its state.
#[derive(Clone, Default)]
pub struct Checker {
    away: Arc<AtomicBool>,
    /// The keys of the requests, oldest first.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Checker {
    /// Makes the checker unavailable or available.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }

    /// Returns the keys of all requests, repeats included.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl client::Checker for Checker {
    async fn ask(&self, request: &CheckRequest) -> Result<Verdict, Unknown> {
        self.asked.lock().unwrap().push(request.key.clone());
        if self.away.load(Ordering::Acquire) { Err(Unknown("away".to_owned())) } else { Ok(Verdict::Approved) }
    }
}

/// A payment service; clones share its state.
#[derive(Clone, Default)]
pub struct Payment {
    away: Arc<AtomicBool>,
}

impl Payment {
    /// Makes the service unavailable or available.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }
}

#[async_trait]
impl Credits for Payment {
    async fn credit(&self, _: &Loan) -> Result<(), CreditError> {
        let is_away = self.away.load(Ordering::Acquire);
        if is_away { Err(CreditError::Unavailable("away".to_owned())) } else { Ok(()) }
    }
}
