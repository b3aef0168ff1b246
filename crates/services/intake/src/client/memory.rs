//! The in-memory implementation of the topic.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use super::{Topic, payload};
use crate::{error::Error, model::Order};

/// Clones share the published records.
#[derive(Clone, Default)]
pub struct MemoryTopic {
    records: Arc<Mutex<Vec<Vec<u8>>>>,
    is_away: Arc<AtomicBool>,
}

impl MemoryTopic {
    pub fn records(&self) -> Vec<Vec<u8>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the broker unavailable or available.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Release);
    }
}

#[async_trait]
impl Topic for MemoryTopic {
    async fn publish(&self, order: &Order) -> Result<(), Error> {
        if self.is_away.load(Ordering::Acquire) {
            return Err(Error::Topic(anyhow::anyhow!("the broker is away")));
        }
        let payload = payload(order)?;
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(payload);
        Ok(())
    }
}
