//! In-memory implementation of the order service, for tests.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use contracts::ids::OrderId;

use super::{Existing, ExistingOrders, Unavailable};

/// The orders that exist, all of them paid; clones share them.
#[derive(Clone, Default)]
pub struct MemoryExistingOrders(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    orders: HashSet<OrderId>,
    away: bool,
}

impl MemoryExistingOrders {
    pub fn create(&self, order: OrderId) {
        self.state().orders.insert(order);
    }

    /// Makes the order service unavailable or available.
    pub fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ExistingOrders for MemoryExistingOrders {
    async fn existing(&self, orders: &[OrderId]) -> Result<Existing, Unavailable> {
        let state = self.state();
        if state.away {
            return Err(Unavailable("away".to_owned()));
        }
        let all = orders.iter().copied().filter(|order| state.orders.contains(order)).collect();
        Ok(Existing { all, ..Existing::default() })
    }
}
