//! A bounded LRU cache of stored orders, without negative entries.
//!
//! A stored order never changes until it is erased, so a cached order equals the stored one. An order enters the cache
//! after its commit, or when it is read.

use std::{sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync};

use crate::{
    metrics,
    model::{Order, OrderUid},
};

/// A cache of orders, bounded in number and size. Clones share the entries.
#[derive(Clone)]
pub struct Cache {
    entries: sync::Cache<OrderUid, Arc<Order>>,
    /// The minimum weight of an order, in bytes.
    least: u32,
    /// The maximum weight of all orders together, in bytes.
    bytes: u64,
}

impl Cache {
    /// At most `capacity` orders and approximately `bytes` bytes, with a lifetime of `ttl` per order.
    pub fn new(capacity: u32, bytes: u32, ttl: Duration) -> Self {
        // An order weighs its size, but at least its share, so that one bound limits both the number of orders and
        // their size.
        let least = (bytes / capacity.max(1)).max(1);
        let bytes = u64::from(least) * u64::from(capacity);
        let entries = sync::Cache::builder()
            .max_capacity(bytes)
            .weigher(move |_, order: &Arc<Order>| weight(order, least))
            .time_to_live(ttl)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { entries, least, bytes }
    }

    /// Returns true if all these orders fit into an empty cache.
    pub fn fits<'a>(&self, orders: impl IntoIterator<Item = &'a Arc<Order>>) -> bool {
        orders.into_iter().map(|order| u64::from(weight(order, self.least))).sum::<u64>() <= self.bytes
    }

    pub fn get(&self, uid: &OrderUid) -> Option<Arc<Order>> {
        self.entries.get(uid)
    }

    /// Adds stored orders, oldest first.
    pub fn add(&self, orders: impl IntoIterator<Item = Arc<Order>>) {
        for order in orders {
            self.entries.insert(order.order_uid.clone(), order);
        }
        self.evict();
    }

    pub fn remove(&self, uids: &[OrderUid]) {
        if uids.is_empty() {
            return;
        }
        for uid in uids {
            self.entries.invalidate(uid);
        }
        self.evict();
    }

    pub fn clear(&self) {
        self.entries.invalidate_all();
        self.evict();
    }

    /// Evicts entries now, so that the cache keeps its bound after each batch, and counts those that are left.
    fn evict(&self) {
        self.entries.run_pending_tasks();
        metrics::cached(self.entries.entry_count());
    }
}

fn weight(order: &Order, least: u32) -> u32 {
    u32::try_from(order.size()).unwrap_or(u32::MAX).max(least)
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
        let cache = Cache::new(2, 1 << 20, Duration::from_hours(1));
        cache.add([order("first"), order("second")]);
        assert!(has(&cache, "first"));

        cache.add([order("third")]);

        assert_eq!(["first", "second", "third"].map(|uid| has(&cache, uid)), [true, false, true]);
        assert_eq!(cache.entries.entry_count(), 2);
    }

    #[test]
    fn large_orders_count_for_several() {
        let cache = Cache::new(1_000, 1 << 20, Duration::from_hours(1));
        let large = |uid: &str| Arc::new(Order { entry: "x".repeat(400 << 10), ..(*order(uid)).clone() });

        cache.add((0..10).map(|number| large(&number.to_string())));

        assert_eq!(cache.entries.entry_count(), 2);
    }
}
