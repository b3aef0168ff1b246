//! The trait of the repository of orders.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    error::Error,
    model::{Order, OrderUid},
};

/// An order, with its position in the sequence of stored orders.
pub type PositionedOrder = (i64, Order);

/// What is stored under an order_uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredOrder {
    Order(Box<Order>),
    /// The order was stored and then erased.
    Erased,
}

/// The size in bytes, as JSON, that ends a read of several orders. The last order of a read may exceed it, by 1 MiB or little more.
pub const PAGE_BYTES: i64 = 4 << 20;
/// The maximum number of orders per page, whose sizes PostgreSQL must compute.
pub const PAGE_ORDERS: i64 = 64;

#[async_trait]
pub trait Orders: Send + Sync {
    /// Inserts the orders whose order_uid is not stored yet, in one write, and returns their uids. The uids in `orders` must be distinct.
    async fn insert(&self, orders: &[&Order]) -> Result<HashSet<OrderUid>, Error>;
    /// Returns what is stored under these uids. Reads in the order of the uids, and stops after the order with which the size exceeds
    /// [`PAGE_BYTES`], so that stored orders may be missing; only an empty result means that none of them is stored.
    async fn stored(&self, uids: &[&OrderUid]) -> Result<HashMap<OrderUid, StoredOrder>, Error>;
    /// Returns up to `limit` orders, latest stored first, starting before the position `before`. Ends the page after the order with which
    /// its size exceeds [`PAGE_BYTES`]. At most [`PAGE_ORDERS`] are examined.
    async fn latest(&self, before: Option<i64>, limit: i64) -> Result<Vec<PositionedOrder>, Error>;
    /// Erases at most `limit` orders of a customer and returns their uids.
    async fn erase(&self, customer_id: &str, limit: i64) -> Result<Vec<OrderUid>, Error>;
    /// Returns the uids of up to `limit` orders that were erased during the last `period`.
    async fn erased_within(&self, period: Duration, limit: i64) -> Result<Vec<OrderUid>, Error>;

    async fn find(&self, uid: &OrderUid) -> Result<Option<Order>, Error> {
        match self.stored(&[uid]).await?.remove(uid) {
            Some(StoredOrder::Order(order)) => Ok(Some(*order)),
            Some(StoredOrder::Erased) | None => Ok(None),
        }
    }
}
