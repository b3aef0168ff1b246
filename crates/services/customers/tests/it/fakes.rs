//! A payment service that fails as a test configures it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use customers::{
    client::{CreditError, Credits},
    model::Loan,
};

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
