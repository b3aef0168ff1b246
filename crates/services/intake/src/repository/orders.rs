//! The trait of the repository of orders.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    error::Error,
    model::{Order, OrderUid},
};

/// An order, with its position in the sequence of stored orders.
pub type Stored = (i64, Order);

/// What is stored under an order_uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Order(Box<Order>),
    /// The order was stored and then erased.
    Erased,
}

/// The result of storing an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    New,
    /// The same order is stored already, or an order with this order_uid was stored and then erased.
    Repeated,
    /// Another order with this order_uid is stored.
    Reused,
}

#[async_trait]
pub trait Orders: Send + Sync {
    /// Inserts the orders whose order_uid is not stored yet, in one write, and returns their uids. The uids in `orders` must be distinct.
    async fn insert(&self, orders: &[&Order]) -> Result<HashSet<OrderUid>, Error>;
    /// Returns what is stored under these uids.
    async fn kept(&self, uids: &[&OrderUid]) -> Result<HashMap<OrderUid, Kept>, Error>;
    /// Returns up to `limit` orders, latest stored first, starting before the position `before`.
    async fn latest(&self, before: Option<i64>, limit: i64) -> Result<Vec<Stored>, Error>;
    /// Erases at most `limit` orders of a customer and returns their uids.
    async fn erase(&self, customer_id: &str, limit: i64) -> Result<Vec<OrderUid>, Error>;
    /// Returns the uids of up to `limit` orders that were erased during the last `period`.
    async fn erased_within(&self, period: Duration, limit: i64) -> Result<Vec<OrderUid>, Error>;

    async fn find(&self, uid: &OrderUid) -> Result<Option<Order>, Error> {
        match self.kept(&[uid]).await?.remove(uid) {
            Some(Kept::Order(order)) => Ok(Some(*order)),
            Some(Kept::Erased) | None => Ok(None),
        }
    }

    /// Stores orders in one write. Of several orders with the same order_uid, the first is stored. Returns the result of each order.
    async fn store(&self, orders: &[Arc<Order>]) -> Result<Vec<Written>, Error> {
        let mut firsts: HashMap<&OrderUid, usize> = HashMap::with_capacity(orders.len());
        let mut distinct = Vec::with_capacity(orders.len());
        for (place, order) in orders.iter().enumerate() {
            if let Entry::Vacant(entry) = firsts.entry(&order.order_uid) {
                entry.insert(place);
                distinct.push(&**order);
            }
        }
        let inserted = self.insert(&distinct).await?;
        let there: Vec<&OrderUid> = firsts.keys().copied().filter(|uid| !inserted.contains(*uid)).collect();
        let kept = if there.is_empty() { HashMap::new() } else { self.kept(&there).await? };
        let written = orders.iter().enumerate().map(|(place, order)| {
            let first = firsts[&order.order_uid];
            let is_same = match kept.get(&order.order_uid) {
                Some(Kept::Order(kept)) => **kept == **order,
                Some(Kept::Erased) => true,
                // The key existed when the insert ran and has been removed since, so it belonged to an erased order.
                None if !inserted.contains(&order.order_uid) => true,
                None if place == first => return Written::New,
                None => orders[first] == *order,
            };
            if is_same { Written::Repeated } else { Written::Reused }
        });
        Ok(written.collect())
    }
}
