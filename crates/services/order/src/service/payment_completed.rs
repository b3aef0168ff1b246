//! Settles an attempt to pay from the payment service's event, which races with that service's response.
//!
//! Event and response carry the same result: the payment service writes the event in the statement that settles the attempt. Whichever
//! comes first ends the attempt and completes the Idempotency-Key in one statement; the later one finds the attempt ended and changes
//! nothing.
//!
//! - `SUCCESS`: a process requests a charge only after the inventory service has confirmed the parts, which stay confirmed until the order
//!   ends. So the order is paid, as by the synchronous answer, however many processes have the attempt. A process that receives `Charged`
//!   later finds the order paid by that transaction and responds accordingly; a process between void and
//!   [`Undone`](crate::model::Ending::Undone) is late, as after another process's response: its write finds no attempt.
//! - `INSUFFICIENT_FUNDS`: only a charge ends this way; a void never does. The attempt is declined.
//! - `FAILED` of an attempt that no process but its first has had: only a process that has taken an attempt over asks for a void
//!   (`AttemptLease::after_confirmation`), and taking it over marks it as shared before. So this is a declined charge, and the first
//!   process, which receives the same result, answers the same refusal.
//! - `FAILED` of a shared attempt may be the void's own event. The process that asked for the void is about to cancel the order and to
//!   answer that its parts are gone; if the event ended the attempt as declined before, the order would stay payable without parts, under a
//!   key that stores another refusal. So the event does not decide: the process that holds the attempt, or the reconciler after it, asks
//!   the inventory and payment services, and ends the attempt as it would without the event: declined while the parts are held, cancelled
//!   otherwise.
//!
//! Both marking an attempt as shared and ending it update the same row, so the later statement sees the earlier one.

use contracts::ids::{EventId, OrderId, TransactionId, UserId};
use contracts::money::Money;

use super::{GROUP_PAYMENT_COMPLETED, OrderService};
use crate::{
    error::{Error, Refusal},
    model::{Order, Outcome},
    repository::{Settled, Settlement},
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
    /// Declined, or void.
    Failed,
}

impl OrderService {
    /// Settles the attempt that the event names, once per event and only while the attempt is in progress.
    pub async fn payment_completed(&self, event: EventId, completed: &Completed) -> Result<(), Error> {
        let uuid = completed.order;
        let Some(order) = self.orders.find(completed.user, uuid).await? else {
            if self.payment_events.owner(uuid).await?.is_some() {
                return Err(Error::Inconsistent(format!("user_uuid is not that of order {uuid}")));
            }
            tracing::warn!(order_uuid = %uuid, "payment of an unknown order skipped");
            return self.payment_events.skip(GROUP_PAYMENT_COMPLETED, event).await;
        };
        if Money::from_minor(completed.amount_minor) != Ok(order.total_price) {
            return Err(Error::Inconsistent(format!("amount_minor is not the price of order {uuid}")));
        }
        let open = order.attempt.filter(|attempt| attempt.number.unsigned_abs() == completed.attempt);
        let Some(attempt) = open else {
            return self.payment_events.skip(GROUP_PAYMENT_COMPLETED, event).await;
        };
        let settled = settled(&order, attempt.number, completed.result)?;
        let group = GROUP_PAYMENT_COMPLETED;
        if self.payment_events.settle_once(group, event, uuid, attempt.number, &settled).await? {
            match settled.outcome {
                Outcome::Refused(refusal) => {
                    tracing::info!(order_uuid = %uuid, attempt = attempt.number, reason = %refusal, "payment declined");
                }
                _ => self.is_paid(&order, attempt.number),
            }
        }
        Ok(())
    }
}

fn settled(order: &Order, attempt: i32, result: PaymentResult) -> Result<Settled, Error> {
    let declined = |refusal: Refusal, also_shared| Settled {
        settlement: Settlement::Declined(refusal.clone()),
        outcome: Outcome::Refused(refusal),
        also_shared,
    };
    Ok(match result {
        PaymentResult::Success(transaction) => {
            let event = order.clone().pay(attempt, transaction)?;
            let settlement = Settlement::Paid { transaction, event };
            Settled { settlement, outcome: Outcome::Paid { transaction }, also_shared: true }
        }
        PaymentResult::InsufficientFunds => declined(Refusal::InsufficientFunds, true),
        PaymentResult::Failed => declined(Refusal::PaymentDeclined, false),
    })
}
