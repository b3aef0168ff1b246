//! The use cases of orders. This module reads orders, and ends an order when its ship is assembled or cannot be built,
//! when its user cancels it, or when its payment deadline passes.

mod check_out;
mod create;
mod delivery;
pub(crate) mod idempotency;
mod pay;
mod payment;
mod settle;
mod statuses;

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use outbox::Waker;
use platform::{
    cursor::Cursor,
    error_chain,
    jobs::Done,
    postgres::{DatabaseError, count_skipped_row, is_contended},
    telemetry,
};
use tokio::sync::Notify;
use tracing::Instrument as _;

use crate::{
    client::{Clients, Inventory, Payments, Users},
    config::{delivery_max_volume, max_unpaid},
    error::{Error, OrderRefusal},
    metrics,
    model::{CancelReason, CheckoutDetails, Claim, Event, Order, RequestOutcome, Status},
    repository::{Attempts, IdempotencyKeys, Orders, Repositories, UnpaidLimits},
};
pub use check_out::{Checkout, Item};
pub use delivery::DeliveryService;
pub use payment::{Completed, OrderPayment, PaymentResult};
pub use statuses::{PeerResponse, StatusRequest, Statuses};

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
    /// The maximum number of parts of an order that is delivered.
    max_volume: usize,
}

impl OrderService {
    /// Creates the service with the default limits on a user's unpaid orders and on an order that is delivered.
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
            max_volume: delivery_max_volume(),
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

    #[must_use]
    pub fn with_max_volume(self, max_volume: usize) -> Self {
        Self { max_volume, ..self }
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

    /// Completes the order if it is paid. An event that was handled before changes nothing.
    pub async fn complete(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        if self.orders.assemble(cause, order).await? {
            tracing::info!(order_uuid = %order, "order completed: its ship is assembled");
        }
        Ok(())
    }

    /// Cancels the order if it is paid. An event that was handled before changes nothing.
    pub async fn compensate(&self, cause: Cause, order: OrderId, user: UserId) -> Result<(), Error> {
        let cancellation = Event::assembly_failed(order, user);
        if self.orders.compensate(cause, order, &cancellation).await? {
            self.relay.wake();
            metrics::cancelled();
            tracing::warn!(order_uuid = %order, "order cancelled: its ship cannot be built");
        }
        Ok(())
    }

    /// Cancels an order and returns [`RequestOutcome::Cancelled`]. If it races with a request to pay, one of the two
    /// requests is refused.
    pub async fn cancel(&self, user: UserId, order: OrderId, claim: Option<&Claim>) -> Result<RequestOutcome, Error> {
        self.idempotent(claim, order, async |execution| {
            loop {
                let mut found = self.find(user, order).await?;
                let event = found.cancel(CancelReason::ByUser)?;
                if self.orders.cancel(order, &event, execution.claim).await? {
                    self.cancelled(order, CancelReason::ByUser);
                    return Ok(RequestOutcome::Cancelled);
                }
                // The order has changed since it was read. The next iteration decides by its current state.
            }
        })
        .await
    }

    fn cancelled(&self, order: OrderId, reason: CancelReason) {
        self.relay.wake();
        metrics::cancelled();
        tracing::info!(order_uuid = %order, ?reason, "order cancelled");
    }
}

const BATCH_SIZE: i64 = 100;

impl OrderService {
    /// Cancels orders whose payment deadline has passed, except those with an attempt to pay in progress.
    pub async fn cancel_overdue_orders(&self) -> anyhow::Result<Done> {
        let orders = self.orders.overdue(BATCH_SIZE).await?;
        let more = orders.len() as u64 >= BATCH_SIZE.unsigned_abs();
        let mut count = 0;
        for (order, user) in orders {
            match self.cancel_overdue(order, user).instrument(telemetry::job_span("cancel overdue order")).await {
                Ok(cancelled) => count += u64::from(cancelled),
                Err(error) if is_outage(&error) => return Err(error.into()),
                // One order that fails must not delay the others. It is overdue again later.
                Err(error) => {
                    if let Error::Database(DatabaseError::Refused(_)) | Error::Inconsistent(_) = error {
                        count_skipped_row();
                    }
                    tracing::error!(order_uuid = %order, error = error_chain(error), "overdue order not cancelled, skipped");
                }
            }
        }
        Ok(Done { count, more })
    }

    async fn cancel_overdue(&self, order: OrderId, user: UserId) -> Result<bool, Error> {
        let cancelled = self.orders.cancel(order, &Event::deadline_passed(order, user), None).await?;
        if cancelled {
            self.cancelled(order, CancelReason::PaymentDeadline);
        }
        Ok(cancelled)
    }
}

/// Returns true if the error affects all orders. A lock that another transaction holds affects only its own order.
fn is_outage(error: &Error) -> bool {
    matches!(error, Error::Database(DatabaseError::Unavailable(cause)) if !is_contended(cause))
}
