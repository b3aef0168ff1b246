//! Settles an attempt to pay when the payment service's event arrives, which races with that service's response.
//!
//! Event and response carry the same result, because the payment service writes the event in the statement that settles
//! the attempt. The first to arrive ends the attempt and completes the Idempotency-Key in one statement. The second
//! finds the attempt ended and changes nothing.
//!
//! - `SUCCESS`: the order is paid, however many processes have the attempt. A process requests a charge only after the
//!   inventory service has confirmed the parts, which stay confirmed until the order ends. A process that receives
//!   `Charged` later finds the order paid by that transaction. A process whose void request returned `Charged` may try
//!   to end the attempt as [`Compensated`](crate::model::AttemptEnd::Compensated), but its write comes too late and
//!   changes nothing.
//! - `INSUFFICIENT_FUNDS`: the attempt is declined. Only a request to charge ends with this result; a void never does.
//! - `FAILED` of an attempt that no other process has taken over: the attempt is declined. Only a process that has taken an attempt over
//!   requests a void (`AttemptLease::after_confirmation`), and it has marked the attempt as shared before. So the event reports a declined
//!   charge, and the first process, which receives the same result, responds with the same refusal.
//! - `FAILED` of a shared attempt may report a void, so the event does not end the attempt. The process that requested
//!   the void is about to cancel the order and to respond that its parts are gone. If the event declined the attempt
//!   before that, the order would stay open for payment without its parts, and the Idempotency-Key would store a
//!   declined payment. So the process that holds the attempt, or the reconciler after it, calls the inventory and
//!   payment services and ends the attempt as it would without the event: declined while the parts are reserved,
//!   cancelled otherwise.
//!
//! Marking an attempt as shared and ending it update the same row, so the later statement sees the earlier one.

use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};

use super::OrderService;
use crate::{
    error::{Error, Refusal},
    model::{Order, Outcome},
    repository::{ReportedEnd, Settlement},
};

/// The result of one attempt, as the payment service publishes it.
#[derive(Clone, Copy, Debug)]
pub struct Completed {
    pub order: OrderId,
    pub user: UserId,
    pub attempt: u32,
    pub amount_minor: i64,
    pub result: PaymentResult,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentResult {
    Success(TransactionId),
    InsufficientFunds,
    /// The attempt was declined or voided.
    Failed,
}

impl OrderService {
    /// Settles the attempt that the event names, once per event and only while the attempt is in progress.
    pub async fn payment_completed(&self, cause: Cause, completed: &Completed) -> Result<(), Error> {
        let uuid = completed.order;
        let Some(order) = self.orders.find(completed.user, uuid).await? else {
            if self.payment_events.owner(uuid).await?.is_some() {
                return Err(Error::Inconsistent(format!("user_uuid is not that of order {uuid}")));
            }
            tracing::warn!(order_uuid = %uuid, "payment of an unknown order skipped");
            return self.payment_events.skip(cause).await;
        };
        if Money::from_minor(completed.amount_minor) != Ok(order.total_price) {
            return Err(Error::Inconsistent(format!("amount_minor is not the price of order {uuid}")));
        }
        let open = order.attempt.filter(|attempt| attempt.number.unsigned_abs() == completed.attempt);
        let Some(attempt) = open else {
            return self.payment_events.skip(cause).await;
        };
        let reported_end = reported_end(&order, attempt.number, completed.result)?;
        if self.payment_events.settle_once(cause, uuid, attempt.number, &reported_end).await? {
            match reported_end.outcome {
                Outcome::Refused(refusal) => {
                    tracing::info!(order_uuid = %uuid, attempt = attempt.number, reason = %refusal, "payment declined");
                }
                _ => self.is_paid(&order, attempt.number),
            }
        }
        Ok(())
    }
}

fn reported_end(order: &Order, attempt: i32, result: PaymentResult) -> Result<ReportedEnd, Error> {
    let declined = |refusal: Refusal, also_shared| ReportedEnd {
        settlement: Settlement::Declined(refusal.clone()),
        outcome: Outcome::Refused(refusal),
        also_shared,
    };
    Ok(match result {
        PaymentResult::Success(transaction) => {
            let event = order.clone().pay(attempt, transaction)?;
            let settlement = Settlement::Paid { transaction, event };
            ReportedEnd { settlement, outcome: Outcome::Paid { transaction }, also_shared: true }
        }
        PaymentResult::InsufficientFunds => declined(Refusal::InsufficientFunds, true),
        PaymentResult::Failed => declined(Refusal::PaymentDeclined, false),
    })
}
