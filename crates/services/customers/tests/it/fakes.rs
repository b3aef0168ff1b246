//! A checker that approves, and a payment service that fails as a test configures it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use customers::{
    client::{self, CheckRequest, CreditError, Credits, Unknown},
    model::{Loan, Verdict},
};

/// A checker that approves every customer.
pub struct Checker;

#[async_trait]
impl client::Checker for Checker {
    async fn ask(&self, _: &CheckRequest) -> Result<Verdict, Unknown> {
        Ok(Verdict::Approved)
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
