//! An in-memory implementation of the store, for tests and the simulation.

mod refunds;
mod row;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId, UserId},
};
use outbox::{MemoryOutbox, inbox::MemoryInbox};
use platform::{
    clock::Virtual,
    cursor::{self, Cursor},
};
use tokio::time::Instant;
use uuid::Uuid;

use self::row::PaymentRow;
use super::{Begun, INITIAL_LEASE, PaymentPage, Payments, Unfinished, lease};
use crate::{
    error::Error,
    model::{Admission, ChargeOutcome, Event, Intent, Payment, Status},
};

/// The tables behind a mutex. Clones share the tables.
#[derive(Clone, Default)]
pub struct MemoryPayments {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    pub outbox: MemoryOutbox,
    clock: Virtual,
}

#[derive(Default)]
struct Tables {
    payments: BTreeMap<TransactionId, PaymentRow>,
    /// Orders that were cancelled before any charge.
    void: BTreeSet<OrderId>,
    /// The partial refunds, by the id of the refund.
    refunds: BTreeMap<Uuid, refunds::RefundRow>,
}

impl MemoryPayments {
    pub fn all(&self) -> Vec<Payment> {
        self.tables().payments.values().map(|row| row.payment.clone()).collect()
    }

    pub fn void(&self) -> Vec<OrderId> {
        self.tables().void.iter().copied().collect()
    }

    /// Ends an attempt by `end`, which returns its event, or changes it otherwise. Returns the payment, and true if it
    /// has ended.
    fn ended(
        &self,
        intent: &Intent,
        end: impl FnOnce(&mut PaymentRow, DateTime<Utc>) -> Option<Event>,
    ) -> Result<(Payment, bool), Error> {
        let mut tables = self.tables();
        let row = tables.payments.get_mut(&intent.transaction).ok_or(Error::NotFound)?;
        let event = end(row, self.clock.now());
        if let Some(event) = &event {
            self.outbox.insert(event.into());
        }
        Ok((row.payment.clone(), event.is_some()))
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn of(&self, order: OrderId) -> impl Iterator<Item = &PaymentRow> {
        self.payments.values().filter(move |row| row.payment.intent.order == order)
    }

    fn of_mut(&mut self, order: OrderId) -> impl Iterator<Item = &mut PaymentRow> {
        self.payments.values_mut().filter(move |row| row.payment.intent.order == order)
    }
}

#[async_trait]
impl Payments for MemoryPayments {
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error> {
        let mut tables = self.tables();
        let void = tables.void.contains(&intent.order);
        let payments = tables.of(intent.order).map(|row| &row.payment);
        match Admission::decide(payments, void, intent.attempt) {
            Admission::Admitted => {}
            Admission::Existing(payment) => return Ok(Begun::Existing(payment.clone())),
            Admission::Cancelled => return Ok(Begun::Cancelled),
        }
        let row = PaymentRow::new(intent, Status::NEW, self.clock.now(), INITIAL_LEASE);
        let payment = row.payment.clone();
        tables.payments.insert(intent.transaction, row);
        Ok(Begun::New(payment))
    }

    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error> {
        let mut tables = self.tables();
        if tables.of(intent.order).all(|row| row.payment.intent.attempt != intent.attempt) {
            let (decline, event) = intent.voided();
            let row = PaymentRow::new(intent, Status::Declined(decline), self.clock.now(), Duration::ZERO);
            tables.payments.insert(intent.transaction, row);
            self.outbox.insert((&event).into());
        }
        Ok(tables.of(intent.order).map(|row| row.payment.clone()).collect())
    }

    async fn settle(&self, intent: &Intent, outcome: &ChargeOutcome) -> Result<(Payment, bool), Error> {
        self.ended(intent, |row, now| row.settle(outcome, now))
    }

    async fn count_request(&self, transaction: TransactionId) -> Result<bool, Error> {
        let mut tables = self.tables();
        Ok(tables.payments.get_mut(&transaction).ok_or(Error::NotFound)?.count_request())
    }

    async fn refuse(&self, intent: &Intent) -> Result<(Payment, bool), Error> {
        self.ended(intent, PaymentRow::refuse)
    }

    async fn age(&self, transaction: TransactionId) -> Result<Duration, Error> {
        let tables = self.tables();
        let row = tables.payments.get(&transaction).ok_or(Error::NotFound)?;
        Ok((self.clock.now() - row.payment.created_at).to_std().unwrap_or_default())
    }

    async fn processing(&self, transaction: TransactionId, reference: &str) -> Result<(), Error> {
        let mut tables = self.tables();
        if let Some(row) = tables.payments.get_mut(&transaction)
            && let Status::Pending { reference: known } = &mut row.payment.status
        {
            *known = Some(reference.to_owned());
        }
        Ok(())
    }

    async fn hurry(&self, transaction: TransactionId) -> Result<(), Error> {
        let now = Instant::now();
        if let Some(row) = self.tables().payments.get_mut(&transaction) {
            let age = (self.clock.now() - row.payment.created_at).to_std().unwrap_or_default();
            row.next_try_at = row.next_try_at.min(now + INITIAL_LEASE.saturating_sub(age));
        }
        Ok(())
    }

    async fn get(&self, transaction: TransactionId) -> Result<Option<Payment>, Error> {
        Ok(self.tables().payments.get(&transaction).map(|row| row.payment.clone()))
    }

    async fn cancel(&self, order: OrderId, cause: Option<Cause>) -> Result<bool, Error> {
        let mut tables = self.tables();
        if cause.is_some_and(|cause| !self.inbox.fresh(cause.consumer, cause.event.uuid())) {
            return Ok(false);
        }
        if let Some(row) = tables.of_mut(order).find(|row| row.payment.blocks_attempts()) {
            if row.payment.cancelled {
                return Ok(false);
            }
            row.tries = 0;
            if matches!(row.payment.status, Status::Succeeded { .. }) {
                row.next_try_at = Instant::now();
            }
            row.payment.cancelled = true;
            row.payment.status = row.payment.status.clone().cancelled();
            row.payment.updated_at = self.clock.now();
            return Ok(true);
        }
        Ok(tables.void.insert(order))
    }

    async fn is_cancelled(&self, order: OrderId) -> Result<bool, Error> {
        let tables = self.tables();
        Ok(tables.void.contains(&order) || tables.of(order).any(|row| row.payment.cancelled))
    }

    async fn due(&self, limit: i64) -> Result<Vec<(Payment, u32)>, Error> {
        let now = Instant::now();
        let mut tables = self.tables();
        let mut due: Vec<&mut PaymentRow> = tables
            .payments
            .values_mut()
            .filter(|row| matches!(row.payment.status, Status::Pending { .. } | Status::Refunding { .. }))
            .filter(|row| row.next_try_at <= now)
            .collect();
        due.sort_by_key(|row| (row.tries, row.next_try_at));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let payments = due
            .into_iter()
            .map(|row| {
                let tries = row.tries;
                row.next_try_at = now + lease(tries);
                row.tries += 1;
                (row.payment.clone(), tries)
            })
            .collect();
        Ok(payments)
    }

    async fn unfinished(&self, limit: i64) -> Result<Unfinished, Error> {
        let mut unfinished = Unfinished::default();
        let mut left = limit;
        for PaymentRow { payment, .. } in self.tables().payments.values() {
            match &payment.status {
                Status::Pending { .. } | Status::Refunding { .. } if left == 0 => break,
                Status::Pending { .. } => {
                    unfinished.add_charge((self.clock.now() - payment.created_at).to_std().unwrap_or_default());
                    left -= 1;
                }
                Status::Refunding { request, .. } => {
                    unfinished.add_refund(request);
                    left -= 1;
                }
                Status::Succeeded { .. } | Status::Declined(_) | Status::Refunded { .. } => {}
            }
        }
        self.count_partial_refunds(&mut unfinished);
        Ok(unfinished)
    }

    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error> {
        let tables = self.tables();
        let latest = tables
            .of(order)
            .map(|row| &row.payment)
            .max_by_key(|payment| (!matches!(payment.status, Status::Declined(_)), payment.intent.attempt));
        Ok(latest.cloned())
    }

    async fn page(&self, user: UserId, after: Option<Cursor>, size: u32) -> Result<PaymentPage, Error> {
        let place =
            |payment: &Payment| Cursor { created_at: payment.created_at, uuid: payment.intent.transaction.uuid() };
        let mut payments = self.all();
        payments.retain(|payment| payment.intent.user == user && after.is_none_or(|after| place(payment) < after));
        payments.sort_by_key(|payment| std::cmp::Reverse(place(payment)));
        let next = cursor::cut(&mut payments, usize::try_from(size).unwrap_or(usize::MAX), place);
        Ok((payments, next))
    }
}
