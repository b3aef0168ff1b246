//! The use cases of orders.

mod create;
mod delivery;
mod end;
pub(crate) mod idempotency;
mod pay;
mod payment;
mod settle;
mod statuses;

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::ids::{OrderId, UserId};
use platform::{cursor::Cursor, outbox::Waker};
use tokio::sync::Notify;

use crate::{
    client::{Clients, Inventory, Payments, Users},
    config::max_unpaid,
    error::{Error, OrderRefusal},
    model::{CheckoutDetails, Order, Status},
    repository::{Attempts, IdempotencyKeys, Orders, Repositories, UnpaidLimits},
};
pub use create::{Checkout, Item};
pub use delivery::DeliveryService;
pub use payment::{Completed, OrderPayment, PaymentResult};
pub use statuses::{Answer, StatusRequest, Statuses};

#[derive(Clone)]
pub struct OrderService {
    orders: Arc<dyn Orders>,
    attempts: Arc<dyn Attempts>,
    keys: Arc<dyn IdempotencyKeys>,
    inventory: Arc<dyn Inventory>,
    payments: Arc<dyn Payments>,
    users: Arc<dyn Users>,
    statuses: Statuses,
    /// Wakes the job that pays orders from their users' balances.
    self_payments: Arc<Notify>,
    relay: Waker,
    unpaid_limits: UnpaidLimits,
}

impl OrderService {
    /// Creates the service with the default limit on a user's unpaid orders.
    pub fn new(repositories: Repositories, clients: Clients, relay: Waker, pay_within: Duration) -> Self {
        let Clients { inventory, payments, users } = clients;
        let Repositories { orders, attempts, keys } = repositories;
        Self {
            orders,
            attempts,
            keys,
            inventory,
            payments,
            users,
            statuses: Statuses::default(),
            self_payments: Arc::default(),
            relay,
            unpaid_limits: UnpaidLimits { pay_within, max_unpaid: max_unpaid() },
        }
    }

    /// Makes the service cache the payment service's responses about an order for a short time.
    #[must_use]
    pub fn with_statuses(self, statuses: Statuses) -> Self {
        Self { statuses, ..self }
    }

    #[must_use]
    pub fn with_max_unpaid(self, max_unpaid: u32) -> Self {
        Self { unpaid_limits: UnpaidLimits { max_unpaid, ..self.unpaid_limits }, ..self }
    }

    /// Returns an order of `user`. Fails with [`OrderRefusal::OrderNotFound`] for an order of another user, too.
    pub async fn find(&self, user: UserId, order: OrderId) -> Result<Order, Error> {
        let found = self.orders.find(user, order).await?;
        Ok(found.ok_or(OrderRefusal::OrderNotFound(order))?)
    }

    pub async fn existing(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        self.orders.existing(orders).await
    }

    /// Returns up to `limit` of the user's [open](Order::is_open) orders, oldest first, and the number of all.
    pub async fn open(&self, user: UserId, limit: u8) -> Result<(Vec<OrderId>, u32), Error> {
        self.orders.open(user, limit).await
    }

    /// Returns an order of `user`, with the data that only `/api/orders` shows.
    pub async fn find_with_details(&self, user: UserId, order: OrderId) -> Result<(Order, CheckoutDetails), Error> {
        let found = self.find(user, order).await?;
        let details = self.orders.checkout_details(order).await?;
        Ok((found, details))
    }

    pub async fn page(
        &self,
        user: UserId,
        after: Option<Cursor>,
        limit: u8,
    ) -> Result<(Vec<Order>, Option<Cursor>), Error> {
        self.orders.page(user, after, limit).await
    }
}
