//! In-memory implementation of the order service, for tests.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use contracts::ids::OrderId;

use super::{Existing, ExistingOrders, Unavailable};

/// The orders that exist; clones share them.
#[derive(Clone, Default)]
pub struct MemoryExistingOrders(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    orders: Existing,
    away: bool,
}

impl MemoryExistingOrders {
    pub fn create(&self, order: OrderId) {
        self.state().orders.all.insert(order);
    }

    pub fn set_unpaid(&self, order: OrderId, unpaid: bool) {
        let mut state = self.state();
        if unpaid {
            state.orders.unpaid.insert(order);
        } else {
            state.orders.unpaid.remove(&order);
        }
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
        let asked: HashSet<OrderId> = orders.iter().copied().collect();
        Ok(Existing { all: &state.orders.all & &asked, unpaid: &state.orders.unpaid & &asked })
    }
}
