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
    is_unavailable: Arc<AtomicBool>,
}

impl Payment {
    /// Makes the service unavailable or available.
    pub fn set_unavailable(&self, is_unavailable: bool) {
        self.is_unavailable.store(is_unavailable, Ordering::Release);
    }
}

#[async_trait]
impl Credits for Payment {
    async fn credit(&self, _: &Loan) -> Result<(), CreditError> {
        if self.is_unavailable.load(Ordering::Acquire) {
            return Err(CreditError::Unavailable("set by the test".to_owned()));
        }
        Ok(())
    }
}
