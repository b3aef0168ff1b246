//! In-memory implementation of the order service, for tests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};

use super::{OpenOrders, Unavailable};

type Answer = Result<(Vec<OrderId>, u32), Unavailable>;

/// The answers to the next calls; afterwards no order is open. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryOpenOrders(Arc<Mutex<VecDeque<Answer>>>);

impl MemoryOpenOrders {
    pub fn will_answer(&self, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
    }
}

#[async_trait]
impl OpenOrders for MemoryOpenOrders {
    async fn of(&self, _: UserId) -> Answer {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(Ok((Vec::new(), 0)))
    }
}
