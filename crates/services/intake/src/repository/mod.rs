//! Storage: each order is inserted once, into four tables. Afterwards it can only be erased, which leaves a tombstone:
//! a row with only the key. A job removes the tombstone later.

mod postgres;
mod repeats;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;
pub use postgres::{ERASE_BATCH, MIGRATIONS, PgOrders, TOMBSTONE_BATCH, erase_older, remove_tombstones};
pub use repeats::{Written, store};

use crate::{
    error::Error,
    model::{Order, OrderUid},
};

/// An order with its position in the sequence of stored orders.
pub type PositionedOrder = (i64, Order);

/// The row of an order_uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredOrder {
    Order(Box<Order>),
    /// The order was stored and then erased.
    Erased,
}

/// A read of several orders ends with the order that exceeds this size, in bytes of JSON. The excess is at most little
/// more than 1 MiB.
pub const PAGE_BYTES: i64 = 4 << 20;
/// The maximum number of orders per page, since PostgreSQL must compute their sizes.
pub const PAGE_ORDERS: i64 = 64;

#[async_trait]
pub trait Orders: Send + Sync {
    /// Inserts the orders whose order_uid is not stored yet, in one write, and returns their uids. The uids must be
    /// distinct.
    async fn insert(&self, orders: &[&Order]) -> Result<HashSet<OrderUid>, Error>;
    /// Returns the rows of these uids. Reads in the order of the uids and stops after the order with which the size
    /// exceeds [`PAGE_BYTES`], so stored orders may be missing; only an empty result means that none is stored.
    async fn stored(&self, uids: &[&OrderUid]) -> Result<HashMap<OrderUid, StoredOrder>, Error>;
    /// Returns up to `limit` orders before the position `before`, latest stored first. Ends the page after the order
    /// with which its size exceeds [`PAGE_BYTES`]. Examines at most [`PAGE_ORDERS`].
    async fn latest(&self, before: Option<i64>, limit: i64) -> Result<Vec<PositionedOrder>, Error>;
    /// Returns the uids of up to `limit` orders of a customer after the order_uid `after`, by order_uid.
    async fn of_customer(&self, customer_id: &str, after: &str, limit: i64) -> Result<Vec<OrderUid>, Error>;
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
