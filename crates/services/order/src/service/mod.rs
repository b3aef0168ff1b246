//! The use cases of orders, a file each.

mod cancel;
mod complete;
mod create;
mod expire_overdue;
mod idempotency;
mod idempotency_keys;
mod pay;
mod reconcile;
mod undo;

use std::{sync::Arc, time::Duration};

use contracts::ids::{OrderId, UserId};
use platform::outbox::Waker;

use crate::{
    client::{Inventory, Payments},
    error::{Error, Refusal},
    model::Order,
    repository::{Attempts, Cursor, IdempotencyKeys, Orders, Repositories},
};

/// The consumer group, and the inbox's name, of `ShipAssembled`.
pub const GROUP_ASSEMBLED: &str = "order-group-order-assembled";
/// The consumer group, and the inbox's name, of `AssemblyFailed`.
pub const GROUP_ASSEMBLY_FAILED: &str = "order-group-assembly-failed";

#[derive(Clone)]
pub struct OrderService {
    orders: Arc<dyn Orders>,
    attempts: Arc<dyn Attempts>,
    keys: Arc<dyn IdempotencyKeys>,
    inventory: Arc<dyn Inventory>,
    payments: Arc<dyn Payments>,
    relay: Waker,
    /// An order that is not paid after this long is cancelled.
    pay_within: Duration,
}

impl OrderService {
    pub fn new(
        repositories: Repositories,
        inventory: Arc<dyn Inventory>,
        payments: Arc<dyn Payments>,
        relay: Waker,
        pay_within: Duration,
    ) -> Self {
        let Repositories { orders, attempts, keys } = repositories;
        Self { orders, attempts, keys, inventory, payments, relay, pay_within }
    }

    /// An order of `user`; one of another user is not found.
    pub async fn find(&self, user: UserId, order: OrderId) -> Result<Order, Error> {
        let found = self.orders.find(user, order).await?;
        Ok(found.ok_or(Refusal::OrderNotFound(order))?)
    }

    /// A page of the user's orders, newest first, and the cursor of the next page if there is one.
    pub async fn page(
        &self,
        user: UserId,
        after: Option<Cursor>,
        limit: u8,
    ) -> Result<(Vec<Order>, Option<Cursor>), Error> {
        let mut orders = self.orders.page(user, after, i64::from(limit) + 1).await?;
        let more = orders.len() > usize::from(limit);
        orders.truncate(limit.into());
        let last = orders.last().filter(|_| more);
        let next = last.map(|order| Cursor { created_at: order.created_at, order: order.uuid });
        Ok((orders, next))
    }
}
