//! In-memory implementations of order and geo, for tests and the simulation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use contracts::ids::OrderId;

use super::{Address, Geo, GeoError, OrderAddressError, OrderAddresses};
use crate::model::{Location, Street};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The addresses of orders; clones share them.
#[derive(Clone, Default)]
pub struct MemoryOrderAddresses {
    addresses: Arc<Mutex<HashMap<OrderId, Address>>>,
    is_unavailable: Arc<Mutex<bool>>,
}

impl MemoryOrderAddresses {
    pub fn insert(&self, order: OrderId, address: Address) {
        locked(&self.addresses).insert(order, address);
    }

    /// Makes the order service unavailable or available.
    pub fn set_unavailable(&self, is_unavailable: bool) {
        *locked(&self.is_unavailable) = is_unavailable;
    }
}

#[async_trait]
impl OrderAddresses for MemoryOrderAddresses {
    async fn address(&self, order: OrderId) -> Result<Option<Address>, OrderAddressError> {
        if *locked(&self.is_unavailable) {
            return Err(OrderAddressError::Unavailable("set by the test".to_owned()));
        }
        Ok(locked(&self.addresses).get(&order).cloned())
    }
}

/// Locations that tests set for streets, and one location for all other streets; clones share them.
#[derive(Clone, Default)]
pub struct MemoryGeo {
    responses: Arc<Mutex<HashMap<Street, Result<Location, GeoError>>>>,
    is_unavailable: Arc<Mutex<bool>>,
}

impl MemoryGeo {
    pub fn set(&self, street: Street, response: Result<Location, GeoError>) {
        locked(&self.responses).insert(street, response);
    }

    /// Makes geo unavailable or available.
    pub fn set_unavailable(&self, is_unavailable: bool) {
        *locked(&self.is_unavailable) = is_unavailable;
    }
}

#[async_trait]
impl Geo for MemoryGeo {
    async fn locate(&self, street: &Street) -> Result<Location, GeoError> {
        if *locked(&self.is_unavailable) {
            return Err(GeoError::Unavailable("set by the test".to_owned()));
        }
        locked(&self.responses).get(street).cloned().unwrap_or(Ok(Location::numbered(0)))
    }
}
