//! The use cases: charging orders, settling unknown outcomes, and refunding cancelled orders.

mod pay;
mod refund;

use std::{num::NonZeroU32, sync::Arc};

use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};
use outbox::Waker;
use platform::{auth::Caller, cursor::Cursor};
use tokio::sync::Notify;

use crate::{
    client::Providers,
    error::Error,
    model::{Credit, Intent, Method, Payment},
    repository::{PaymentPage, Payments},
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

    /// Returns an order's payment. A user may read only their own payments; a service may read any.
    pub async fn find(&self, caller: &Caller, order: OrderId) -> Result<Payment, Error> {
        let payment = self.payments.find(order).await?;
        payment.filter(|payment| caller.admits(payment.intent.user.uuid())).ok_or(Error::NotFound)
    }

    /// Returns a page of the user's payments. A user may read only their own; a service may read any.
    pub async fn statement(
        &self,
        caller: &Caller,
        user: UserId,
        after: Option<Cursor>,
        size: u32,
    ) -> Result<PaymentPage, Error> {
        if !caller.may_see(user.uuid()) {
            return Err(Error::AnotherUser);
        }
        self.payments.page(user, after, size).await
    }

    /// Returns the user's INVESTOR_MONEY balance. A user may read only their own balance; a service may read any.
    pub async fn balance(&self, caller: &Caller, user: UserId) -> Result<Money, Error> {
        if !caller.may_see(user.uuid()) {
            return Err(Error::AnotherUser);
        }
        Ok(self.providers.balance(user).await?)
    }

    /// Adds to a user's balance, once per reference. A request that reuses a reference with another user or amount is
    /// refused.
    pub async fn credit(&self, credit: &Credit) -> Result<(), Error> {
        let recorded = self.providers.credit(credit).await?.ok_or(Error::BalanceTooLarge)?;
        match credit.difference(&recorded) {
            Some(field) => Err(Error::AnotherCredit(field)),
            None => Ok(()),
        }
    }
}
