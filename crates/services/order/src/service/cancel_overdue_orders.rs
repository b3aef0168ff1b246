//! Cancels orders that were not paid before their deadline.

use contracts::ids::{OrderId, UserId};
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
    model::{CancelReason, Event},
};

/// The maximum number of orders that one run cancels.
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
