//! The in-memory implementation of the topic.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Topic, payload};
use crate::{error::Error, model::Order};

/// Clones share the published records.
#[derive(Clone, Default)]
pub struct MemoryTopic {
    records: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl MemoryTopic {
    pub fn records(&self) -> Vec<Vec<u8>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Topic for MemoryTopic {
    async fn publish(&self, order: &Order) -> Result<(), Error> {
        let payload = payload(order)?;
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(payload);
        Ok(())
    }
}
