//! The use cases: charging orders, settling unknown outcomes, and refunding cancelled orders.

mod balance;
mod cancel;
mod credit;
mod find;
mod finish_payment;
mod finish_payments;
mod notice;
mod partial_refund;
mod pay;
mod refund;
mod report_backlog;
mod settle;
mod settle_unknown;
mod statement;
mod void;

use std::{num::NonZeroU32, sync::Arc};

use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};
use platform::outbox::Waker;
use tokio::sync::Notify;

use crate::{
    client::Providers,
    model::{Intent, Method},
    repository::Payments,
};

#[derive(Clone)]
pub struct PaymentService {
    payments: Arc<dyn Payments>,
    providers: Providers,
    relay: Waker,
    /// Wakes the job `finish_payments` when a payment becomes due.
    refund_due: Arc<Notify>,
    /// Wakes the job `finish_partial_refunds`.
    partial_refund_due: Arc<Notify>,
}

#[derive(Clone, Copy, Debug)]
pub struct Charge {
    pub order: OrderId,
    pub attempt: NonZeroU32,
    pub user: UserId,
    pub method: Method,
    pub amount: Money,
}

impl PaymentService {
    pub fn new(payments: Arc<dyn Payments>, providers: Providers, relay: Waker) -> Self {
        Self { payments, providers, relay, refund_due: Arc::default(), partial_refund_due: Arc::default() }
    }

    fn intent(&self, charge: &Charge, transaction: TransactionId) -> Intent {
        Intent {
            transaction,
            order: charge.order,
            attempt: charge.attempt.get(),
            user: charge.user,
            method: charge.method,
            amount: charge.amount,
            provider: self.providers.of(charge.method),
        }
    }
}
