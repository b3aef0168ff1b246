//! The rows of one order in the databases of order and payment, without the data that no charge depends on: parts,
//! prices, times and the provider's ids.

use std::fmt;

use chrono::DateTime;
use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};
use order::model::{AttemptLease, Charge, NewOrder, Order};
use payment::model::{
    Admission, ChargeResult, Intent, Method, Payment, ProviderName, RefundRequest, Status, VoidResult,
};
use uuid::Uuid;

const ORDER: OrderId = OrderId::new(Uuid::from_u128(1));
const USER: UserId = UserId::new(Uuid::from_u128(2));

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rows {
    pub order: Order,
    /// The epoch of the attempts to pay.
    pub epoch: i64,
    /// True if more than one process has had the latest attempt.
    pub shared: bool,
    /// In the order of their attempts.
    pub payments: Vec<Payment>,
    /// True if payment knows of the cancellation, and had nothing to refund then.
    pub void: bool,
}

impl Default for Rows {
    /// Returns the rows of a new order.
    fn default() -> Self {
        let order = NewOrder::new(ORDER, USER, Vec::new()).created(Money::ZERO, DateTime::UNIX_EPOCH);
        Self { order, epoch: 0, shared: false, payments: Vec::new(), void: false }
    }
}

impl Rows {
    /// Sets the payment of an attempt.
    pub fn put(&mut self, attempt: u32, transaction: TransactionId, status: Status, cancelled: bool) {
        let intent = Intent {
            transaction,
            order: ORDER,
            attempt,
            user: USER,
            method: Method::Card,
            amount: Money::ZERO,
            provider: ProviderName::Ledger,
        };
        self.payments.retain(|payment| payment.intent.attempt != attempt);
        self.payments.push(Payment {
            intent,
            status: without_ids(status),
            cancelled,
            partially_refunded: Money::ZERO,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        });
        self.payments.sort_by_key(|payment| payment.intent.attempt);
    }

    pub fn payment(&self, attempt: u32) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.intent.attempt == attempt)
    }

    pub fn lease(&self, shared: bool) -> Option<AttemptLease> {
        let attempt = self.order.attempt?;
        Some(AttemptLease { attempt, epoch: self.epoch, shared, tries: 0 })
    }

    /// Returns payment's response to a charge request; `None` while payment has none.
    pub fn charge_response(&self, attempt: u32) -> Option<(Charge, Option<TransactionId>)> {
        match Admission::decide(&self.payments, self.void, attempt) {
            Admission::Admitted => None,
            Admission::Cancelled => Some((Charge::None, None)),
            Admission::Existing(payment) => match payment.status.charge_result() {
                ChargeResult::Charged => Some((Charge::Made, Some(payment.intent.transaction))),
                ChargeResult::Declined(_) | ChargeResult::Cancelled => Some((Charge::None, None)),
                ChargeResult::InProgress if payment.intent.attempt == attempt => None,
                ChargeResult::InProgress => Some((Charge::Unknown, None)),
            },
        }
    }

    /// Returns payment's response to a request to void an attempt, which it has executed.
    pub fn void_response(&self) -> (Charge, Option<TransactionId>) {
        match VoidResult::from_payments(&self.payments) {
            VoidResult::Voided => (Charge::None, None),
            VoidResult::AlreadyCharged(transaction) => (Charge::Made, Some(transaction)),
            VoidResult::InProgress => (Charge::Unknown, None),
        }
    }
}

fn without_ids(status: Status) -> Status {
    let reference = String::new();
    match status {
        Status::Pending { .. } => Status::NEW,
        Status::Succeeded { .. } => Status::Succeeded { reference },
        Status::Declined(decline) => Status::Declined(decline),
        Status::Refunding { request: RefundRequest { number, reference: accepted }, .. } => {
            let request = RefundRequest { number, reference: accepted.map(|_| String::new()) };
            Status::Refunding { reference, request }
        }
        Status::Refunded { number, .. } => Status::Refunded { reference, number },
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.order.status.as_str())?;
        if let Some(attempt) = self.order.attempt {
            let shared = if self.shared { ", shared" } else { "" };
            write!(f, " with attempt {} in epoch {}{shared}", attempt.number, self.epoch)?;
        }
        for Payment { intent, status, cancelled, .. } in &self.payments {
            let cancelled = if *cancelled { ", cancelled" } else { "" };
            write!(f, ", payment {} {status:?}{cancelled}", intent.attempt)?;
        }
        f.write_str(if self.void { ", void" } else { "" })
    }
}
