//! The payment of an order: returns it to the user, and settles an attempt when the event of the payment service
//! arrives.
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
//! - `FAILED` of an attempt that no other process has taken over: the attempt is declined. Only a process that has
//!   taken an attempt over requests a void (`AttemptLease::after_confirmation`), and it has marked the attempt as
//!   shared before. So the event reports a declined charge, and the first process, which receives the same result,
//!   responds with the same refusal.
//! - `FAILED` of a shared attempt may report a void, so the event does not end the attempt. The process that requested
//!   the void is about to cancel the order and to respond that its parts are gone. If the event declined the attempt
//!   before that, the order would stay open for payment without its parts, and the Idempotency-Key would store a
//!   declined payment. So the process that holds the attempt, or the reconciler after it, calls the inventory and
//!   payment services and ends the attempt as it would without the event: declined while the parts are reserved,
//!   cancelled otherwise.
//!
//! Marking an attempt as shared and ending it update the same row, so the later statement sees the earlier one.

use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};

use super::{OrderService, PeerResponse, StatusRequest};
use crate::{
    error::{Error, OrderRefusal},
    model::{Order, Payment, PaymentMethod, PaymentStatus, RequestOutcome, Status},
    repository::{ReportedEnd, Settlement, StatusKey, StatusKind},
};

/// The payment of an order: the attempt that was not declined, or else the latest attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderPayment {
    pub order: OrderId,
    pub status: PaymentStatus,
    pub amount: Money,
    pub method: PaymentMethod,
    /// `None` if the attempt has not reached the payment service.
    pub transaction: Option<TransactionId>,
    /// When the payment service recorded the attempt, or `None` if the order was not charged.
    pub paid_at: Option<DateTime<Utc>>,
}

impl OrderService {
    /// Returns the payment of an order. Fails with [`Error::PaymentNotFound`] before the first attempt, and if no
    /// attempt is in progress and none has reached the payment service.
    pub async fn payment(&self, user: UserId, order: OrderId) -> Result<OrderPayment, Error> {
        let found = self.find(user, order).await?;
        if found.attempts == 0 {
            return Err(Error::PaymentNotFound(order));
        }
        let request = StatusRequest {
            key: StatusKey { kind: StatusKind::Payment, order },
            owner: user,
            least_version: self.least_version(&found).await?,
        };
        let is_built = found.status == Status::Assembled;
        let known =
            self.statuses.get(request, |known: &Payment| known.is_final(is_built), self.payments.find(order)).await?;
        let open = found.attempt;
        // A declined payment is ignored if a later attempt is open.
        let known =
            known.filter(|known| !known.status.is_declined() || open.is_none_or(|open| open.number <= known.attempt));
        let amount = found.total_price;
        match (known, open) {
            (Some(Payment { status, method, transaction, created_at, .. }), _) => {
                let paid_at = status.is_charged().then_some(created_at);
                Ok(OrderPayment { order, status, amount, method, transaction: Some(transaction), paid_at })
            }
            (None, Some(attempt)) => {
                let (status, method) = (PaymentStatus::Pending, attempt.method);
                Ok(OrderPayment { order, status, amount, method, transaction: None, paid_at: None })
            }
            (None, None) => Err(Error::PaymentNotFound(order)),
        }
    }

    /// Returns the lowest version at which a cached response is up to date. Such a response has the charge of a paid
    /// order, else the attempt in progress, else the last declined attempt; an abandoned attempt never reached the
    /// payment service. No response is cached for an attempt that has not reached that service yet.
    async fn least_version(&self, order: &Order) -> Result<u64, Error> {
        Ok(match (order.payment, order.attempt) {
            (Some(_), _) => version(order.attempts, PaymentStatus::Success),
            (None, Some(open)) => version(open.number, PaymentStatus::Pending),
            (None, None) => {
                let declined = self.orders.checkout_details(order.uuid).await?.declined;
                declined.map_or(0, |(attempt, _)| version(attempt, PaymentStatus::Failed))
            }
        })
    }
}

fn version(attempt: i32, status: PaymentStatus) -> u64 {
    let step = match status {
        PaymentStatus::Pending => 0,
        PaymentStatus::InsufficientFunds | PaymentStatus::Failed => 1,
        PaymentStatus::Success => 2,
        PaymentStatus::Refunded => 3,
    };
    4 * u64::try_from(attempt).unwrap_or_default() + step
}

impl PeerResponse for Payment {
    fn version(&self) -> u64 {
        version(self.attempt, self.status)
    }
}

impl Payment {
    /// Returns true if the payment cannot change any more. A charge is refunded only before the ship is built.
    const fn is_final(&self, is_built: bool) -> bool {
        match self.status {
            PaymentStatus::Refunded => true,
            PaymentStatus::Success => is_built,
            PaymentStatus::Pending | PaymentStatus::InsufficientFunds | PaymentStatus::Failed => false,
        }
    }
}

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
            if self.orders.owner(uuid).await?.is_some() {
                return Err(Error::Inconsistent(format!("user_uuid is not that of order {uuid}")));
            }
            tracing::warn!(order_uuid = %uuid, "payment of an unknown order skipped");
            return self.attempts.skip(cause).await;
        };
        if Money::from_minor(completed.amount_minor) != Ok(order.total_price) {
            return Err(Error::Inconsistent(format!("amount_minor is not the price of order {uuid}")));
        }
        let open = order.attempt.filter(|attempt| attempt.number.unsigned_abs() == completed.attempt);
        let Some(attempt) = open else {
            return self.attempts.skip(cause).await;
        };
        let reported_end = reported_end(&order, attempt.number, completed.result)?;
        if self.attempts.settle_once(cause, uuid, attempt.number, &reported_end).await? {
            match reported_end.outcome {
                RequestOutcome::Refused(refusal) => {
                    tracing::info!(order_uuid = %uuid, attempt = attempt.number, reason = %refusal, "payment declined");
                }
                _ => self.is_paid(&order, attempt.number),
            }
        }
        Ok(())
    }
}

fn reported_end(order: &Order, attempt: i32, result: PaymentResult) -> Result<ReportedEnd, Error> {
    let declined = |refusal: OrderRefusal, also_shared| ReportedEnd {
        settlement: Settlement::Declined(refusal.clone()),
        outcome: RequestOutcome::Refused(refusal),
        also_shared,
    };
    Ok(match result {
        PaymentResult::Success(transaction) => {
            let event = order.clone().pay(attempt, transaction)?;
            let settlement = Settlement::Paid { transaction, event };
            ReportedEnd { settlement, outcome: RequestOutcome::Paid { transaction }, also_shared: true }
        }
        PaymentResult::InsufficientFunds => declined(OrderRefusal::InsufficientFunds, true),
        PaymentResult::Failed => declined(OrderRefusal::PaymentDeclined, false),
    })
}
