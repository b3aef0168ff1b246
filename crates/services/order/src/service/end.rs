//! Ends an order: its ship is assembled or cannot be built, its user cancels it, or its payment deadline passes.

use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::{
    error_chain,
    jobs::Done,
    postgres::{DatabaseError, count_skipped_row, is_contended},
    telemetry,
};
use tracing::Instrument as _;

use super::OrderService;
use crate::{
    error::Error,
    metrics,
    model::{CancelReason, Claim, Event, RequestOutcome},
};

impl OrderService {
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

    pub(super) fn cancelled(&self, order: OrderId, reason: CancelReason) {
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
                // One order that fails must not delay the others. It is overdue again after a pause.
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
