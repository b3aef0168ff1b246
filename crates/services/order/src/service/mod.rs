//! What can be done with orders.

mod cancel;
mod create;
mod follow;
mod once;
mod pay;
mod sweep;

use std::{sync::Arc, time::Duration};

use platform::outbox::Waker;
use uuid::Uuid;

use crate::{
    client::{Inventory, Payments},
    error::{Error, Refusal},
    model::Order,
    repository::{Cursor, Orders},
};

/// The consumer group, and the inbox's name, of built ships.
pub const GROUP_ASSEMBLED: &str = "order-group-order-assembled";
/// The consumer group, and the inbox's name, of ships that cannot be built.
pub const GROUP_ASSEMBLY_FAILED: &str = "order-group-assembly-failed";

#[derive(Clone)]
pub struct OrderService {
    orders: Arc<dyn Orders>,
    inventory: Arc<dyn Inventory>,
    payments: Arc<dyn Payments>,
    relay: Waker,
    /// How long an order waits for its payment.
    pay_within: Duration,
}

impl OrderService {
    pub fn new(
        orders: Arc<dyn Orders>,
        inventory: Arc<dyn Inventory>,
        payments: Arc<dyn Payments>,
        relay: Waker,
        pay_within: Duration,
    ) -> Self {
        Self { orders, inventory, payments, relay, pay_within }
    }

    /// The user's own order.
    pub async fn find(&self, user: Uuid, order: Uuid) -> Result<Order, Error> {
        let found = self.orders.find(user, order).await?;
        Ok(found.ok_or(Refusal::OrderNotFound(order))?)
    }

    /// The user's orders, newest first, and where the next page begins if there is one.
    pub async fn page(
        &self,
        user: Uuid,
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
