//! A bounded LRU cache of stored orders. It does not remember which orders are missing.
//!
//! A stored order never changes until it is erased, so a cached order equals the one in the database. An order enters the cache after its
//! commit, or when it is read.

use std::{sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync};

use crate::model::{Order, OrderUid};

/// The unit of an order's weight, in bytes. An order weighs 1 plus its number of full units, so that large orders take no more memory than
/// many small ones.
const UNIT: usize = 16 << 10;

/// The cache of orders; clones share the entries.
#[derive(Clone)]
pub struct Cache {
    entries: sync::Cache<OrderUid, Arc<Order>>,
    capacity: u32,
}

impl Cache {
    /// Creates a cache of at most `capacity` units, with a lifetime of `ttl` per order.
    pub fn new(capacity: u32, ttl: Duration) -> Self {
        let entries = sync::Cache::builder()
            .max_capacity(capacity.into())
            .weigher(|_, order: &Arc<Order>| u32::try_from(1 + order.size() / UNIT).unwrap_or(u32::MAX))
            .time_to_live(ttl)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { entries, capacity }
    }

    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    pub fn get(&self, uid: &OrderUid) -> Option<Arc<Order>> {
        self.entries.get(uid)
    }

    /// Adds stored orders, the oldest first.
    pub fn add(&self, orders: impl IntoIterator<Item = Arc<Order>>) {
        for order in orders {
            self.entries.insert(order.order_uid.clone(), order);
        }
        // Evicts entries now, so that the cache keeps its bound after each batch.
        self.entries.run_pending_tasks();
        self.count();
    }

    pub fn remove(&self, uids: &[OrderUid]) {
        if uids.is_empty() {
            return;
        }
        for uid in uids {
            self.entries.invalidate(uid);
        }
        self.entries.run_pending_tasks();
        self.count();
    }

    pub fn clear(&self) {
        self.entries.invalidate_all();
        self.entries.run_pending_tasks();
        self.count();
    }

    /// Returns the number of cached orders.
    pub fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
    fn count(&self) {
        metrics::gauge!("intake_cache_entries").set(self.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(uid: &str) -> Arc<Order> {
        Arc::new(Order { order_uid: OrderUid::stored(uid), ..Order::default() })
    }

    fn has(cache: &Cache, uid: &str) -> bool {
        cache.get(&OrderUid::stored(uid)).is_some()
    }

    #[test]
    fn the_least_recently_used_order_leaves_a_full_cache() {
        let cache = Cache::new(2, Duration::from_hours(1));
        cache.add([order("first"), order("second")]);
        assert!(has(&cache, "first"));

        cache.add([order("third")]);

        assert_eq!(["first", "second", "third"].map(|uid| has(&cache, uid)), [true, false, true]);
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn large_orders_count_for_several() {
        let cache = Cache::new(10, Duration::from_hours(1));
        let large = |uid: &str| Arc::new(Order { entry: "x".repeat(5 * UNIT), ..(*order(uid)).clone() });

        cache.add((0..10).map(|number| large(&number.to_string())));

        assert!(cache.len() <= 2, "{}", cache.len());
    }
}
