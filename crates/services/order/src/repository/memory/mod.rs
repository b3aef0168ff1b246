//! In-memory implementations of the repositories, for tests and the simulation.

mod attempts;
mod idempotency_keys;
mod orders;
mod status_cache;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use contracts::ids::{OrderId, UserId};
use outbox::{MemoryOutbox, inbox::MemoryInbox};
use platform::clock::Virtual;
use uuid::Uuid;

use crate::{
    error::{Error, OrderRefusal},
    model::{AttemptLease, CheckoutDetails, Claim, Event, Order, PaymentMethod, RequestOutcome},
};
pub use status_cache::MemoryStatusCache;

/// All repositories over tables behind a mutex. Clones share the tables.
#[derive(Clone, Default)]
pub struct MemoryOrders {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    pub outbox: MemoryOutbox,
    clock: Virtual,
}

impl MemoryOrders {
    pub fn all(&self) -> Vec<Order> {
        self.tables().orders.values().map(|row| row.order.clone()).collect()
    }

    /// From now on, [`begin`](crate::repository::Attempts::begin) and [`take`](crate::repository::Attempts::take) are
    /// executed and their responses are lost.
    pub fn lose_responses(&self) {
        self.tables().loses_responses = true;
    }

    /// Returns the newest lease on the order's attempt in progress.
    pub fn current_lease(&self, order: OrderId) -> Option<AttemptLease> {
        self.tables().orders.get(&order)?.lease()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_event(&self, event: &Event) {
        self.outbox.insert(event.into());
    }
}

#[derive(Default)]
pub struct Tables {
    pub orders: BTreeMap<OrderId, OrderRow>,
    pub keys: BTreeMap<(UserId, String), Key>,
    pub loses_responses: bool,
}

pub struct OrderRow {
    pub order: Order,
    pub pay_until: DateTime<Utc>,
    pub next_try_at: Option<DateTime<Utc>>,
    pub next_at: Option<DateTime<Utc>>,
    pub epoch: i64,
    /// True once another process has taken over the attempt and may have called the payment service for it.
    pub shared: bool,
    pub tries: u32,
    pub details: CheckoutDetails,
    pub self_payment_at: Option<DateTime<Utc>>,
    pub self_payment_tries: u32,
}

pub struct Key {
    pub fingerprint: Vec<u8>,
    pub token: Uuid,
    pub order: OrderId,
    pub attempt: Option<i32>,
    pub lease_until: DateTime<Utc>,
    pub outcome: Option<RequestOutcome>,
    pub created_at: DateTime<Utc>,
}

impl OrderRow {
    pub fn overdue_at(&self) -> DateTime<Utc> {
        self.next_try_at.unwrap_or(self.pay_until).max(self.pay_until)
    }

    /// Ends the attempt as declined. After a declined payment from the balance, the order is no longer due to be paid
    /// from the balance.
    pub fn decline(&mut self, number: i32, refusal: &OrderRefusal) -> Result<(), Error> {
        let attempt = self.order.end_attempt(number)?;
        self.details.declined = Some((number, refusal.clone()));
        self.self_payment_at = self.self_payment_at.filter(|_| attempt.method != PaymentMethod::InvestorMoney);
        Ok(())
    }

    pub fn lease(&self) -> Option<AttemptLease> {
        let attempt = self.order.attempt?;
        Some(AttemptLease { attempt, epoch: self.epoch, shared: self.shared, tries: self.tries })
    }

    /// Takes over the attempt in progress: increases the epoch and makes the attempt due again at `next_at`.
    pub fn take(&mut self, next_at: DateTime<Utc>) -> Option<AttemptLease> {
        self.order.attempt?;
        self.epoch += 1;
        self.shared = true;
        self.next_at = Some(next_at);
        self.lease()
    }
}

impl Tables {
    pub fn respond<T>(&self, response: T) -> Result<T, Error> {
        if self.loses_responses { Err(sqlx::Error::PoolTimedOut.into()) } else { Ok(response) }
    }

    /// Returns the key if it belongs to this claim.
    pub fn key(&mut self, claim: &Claim) -> Option<&mut Key> {
        self.keys.get_mut(&(claim.user, claim.key.clone())).filter(|key| key.token == claim.token)
    }

    /// Fails if the claim has lost its key or the key has an outcome already.
    pub fn check(&mut self, claim: Option<&Claim>) -> Result<(), Error> {
        let held = claim.is_none_or(|claim| self.key(claim).is_some_and(|key| key.outcome.is_none()));
        if held { Ok(()) } else { Err(Error::KeyInProgress) }
    }

    /// Stores the outcome under the key. Returns false if the key belongs to another claim.
    pub fn complete_key(&mut self, claim: &Claim, outcome: &RequestOutcome) -> bool {
        let key = self.key(claim);
        key.map(|key| key.outcome.get_or_insert_with(|| outcome.clone())).is_some()
    }

    pub fn complete_key_of_attempt(&mut self, order: OrderId, attempt: i32, outcome: Option<&RequestOutcome>) {
        let Some(outcome) = outcome else { return };
        for key in self.keys.values_mut().filter(|key| key.order == order && key.attempt == Some(attempt)) {
            key.outcome.get_or_insert_with(|| outcome.clone());
        }
    }

    /// Returns the order's row if `attempt` is in progress.
    pub fn attempting(&mut self, order: OrderId, attempt: i32) -> Option<&mut OrderRow> {
        self.orders.get_mut(&order).filter(|row| row.order.attempt.is_some_and(|current| current.number == attempt))
    }

    /// Takes over attempts that are due, those that were taken least often first.
    pub fn take_due(&mut self, now: DateTime<Utc>, limit: usize, next_at: DateTime<Utc>) -> Vec<(Order, AttemptLease)> {
        let mut due: Vec<&mut OrderRow> =
            self.orders.values_mut().filter(|row| row.next_at.is_some_and(|at| at <= now)).collect();
        due.sort_by_key(|row| (row.tries, row.next_at));
        let taken = due.into_iter().take(limit).filter_map(|row| {
            row.tries += 1;
            row.take(next_at).map(|lease| (row.order.clone(), lease))
        });
        taken.collect()
    }
}
