//! Orders in memory, for tests and the simulation.

mod tables;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::money::Money;
use platform::{clock::Virtual, inbox::MemoryInbox, outbox::MemoryOutbox};
use uuid::Uuid;

use self::tables::{Key, Row, Tables};
use super::{Cursor, Orders, Settlement};
use crate::{
    error::Error,
    model::{AttemptLease, Claim, Claimed, Event, NewOrder, Order, Outcome, PaymentMethod, Status},
};

/// Orders and keys behind a lock, in the place of tables; clones share them.
#[derive(Clone, Default)]
pub struct MemoryOrders {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    pub outbox: MemoryOutbox,
    clock: Virtual,
}

impl MemoryOrders {
    /// Every order, for an auditor.
    pub fn all(&self) -> Vec<Order> {
        self.tables().orders.values().map(|row| row.order.clone()).collect()
    }

    /// The lease on the attempt under way that its last holder has.
    pub fn current_lease(&self, order: Uuid) -> Option<AttemptLease> {
        self.tables().orders.get(&order)?.lease()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: &Event) {
        self.outbox.insert(event.into());
    }
}

#[async_trait]
impl Orders for MemoryOrders {
    async fn claim(&self, claim: &Claim, order: Uuid, lease: Duration) -> Result<Claimed, Error> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let Some(key) = tables.keys.get_mut(&(claim.user, claim.key.clone())) else {
            let key = Key {
                fingerprint: claim.fingerprint.clone(),
                token: claim.token,
                order,
                attempt: None,
                lease_until: now + lease,
                outcome: None,
                created_at: now,
            };
            tables.keys.insert((claim.user, claim.key.clone()), key);
            return Ok(Claimed::New { order });
        };
        if key.fingerprint != claim.fingerprint {
            return Ok(Claimed::Reused);
        }
        if let Some(outcome) = &key.outcome {
            return Ok(Claimed::Done(outcome.clone()));
        }
        if key.lease_until > now {
            return Ok(Claimed::InProgress);
        }
        key.lease_until = now + lease;
        key.token = claim.token;
        Ok(Claimed::Resumed { order: key.order, attempt: key.attempt })
    }

    async fn complete(&self, claim: &Claim, outcome: &Outcome) -> Result<bool, Error> {
        Ok(self.tables().remember(claim, outcome))
    }

    async fn release(&self, claim: &Claim) -> Result<(), Error> {
        let now = self.clock.now();
        if let Some(key) = self.tables().key(claim) {
            key.lease_until = now;
        }
        Ok(())
    }

    async fn create(
        &self,
        order: &NewOrder,
        total_price: Money,
        pay_within: Duration,
        claim: Option<&Claim>,
    ) -> Result<Order, Error> {
        let now = self.clock.now();
        let mut tables = self.tables();
        if let Some(row) = tables.orders.get(&order.uuid) {
            return Ok(row.order.clone());
        }
        tables.check(claim)?;
        let created = Order {
            uuid: order.uuid,
            user: order.user,
            parts: order.parts.clone(),
            total_price,
            status: Status::PendingPayment,
            attempts: 0,
            attempt: None,
            payment: None,
            created_at: now,
        };
        tables.orders.insert(
            order.uuid,
            Row {
                order: created.clone(),
                pay_until: now + pay_within,
                next_at: None,
                epoch: 0,
                shared: false,
                tries: 0,
            },
        );
        self.tell(&order.create(total_price));
        if let Some(claim) = claim {
            tables.remember(claim, &Outcome::Created { order: order.uuid, total_price });
        }
        Ok(created)
    }

    async fn find(&self, user: Uuid, order: Uuid) -> Result<Option<Order>, Error> {
        Ok(self.tables().orders.get(&order).map(|row| row.order.clone()).filter(|order| order.user == user))
    }

    async fn page(&self, user: Uuid, after: Option<Cursor>, limit: i64) -> Result<Vec<Order>, Error> {
        let mut orders = self.all();
        orders.retain(|order| {
            order.user == user
                && after.is_none_or(|cursor| (order.created_at, order.uuid) < (cursor.created_at, cursor.order))
        });
        orders.sort_by_key(|order| std::cmp::Reverse((order.created_at, order.uuid)));
        orders.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(orders)
    }

    async fn cancel(&self, order: Uuid, event: &Event, claim: Option<&Claim>) -> Result<bool, Error> {
        let mut tables = self.tables();
        tables.check(claim)?;
        let Some(row) = tables.orders.get_mut(&order) else { return Ok(false) };
        if row.order.status != Status::PendingPayment || row.order.attempt.is_some() {
            return Ok(false);
        }
        row.order.status = Status::Cancelled;
        self.tell(event);
        if let Some(claim) = claim {
            tables.remember(claim, &Outcome::Cancelled);
        }
        Ok(true)
    }

    async fn begin_attempt(
        &self,
        user: Uuid,
        order: Uuid,
        method: PaymentMethod,
        patience: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error> {
        let next_at = self.clock.now() + patience;
        let mut tables = self.tables();
        if tables.orders.get(&order).is_none_or(|row| row.order.user != user) {
            return Ok(None);
        }
        tables.check(claim)?;
        let Some(row) = tables.orders.get_mut(&order) else { return Ok(None) };
        let before = row.order.clone();
        let begun = row.order.begin_attempt(method).ok().map(|attempt| {
            row.next_at = Some(next_at);
            row.epoch += 1;
            (row.shared, row.tries) = (false, 0);
            AttemptLease { attempt, epoch: row.epoch, shared: false, tries: 0 }
        });
        if let Some(lease) = begun
            && let Some(key) = claim.and_then(|claim| tables.key(claim))
        {
            key.attempt = Some(lease.attempt.number);
        }
        Ok(Some((before, begun)))
    }

    async fn take_attempt(
        &self,
        user: Uuid,
        order: Uuid,
        attempt: i32,
        pause: Duration,
    ) -> Result<Option<AttemptLease>, Error> {
        let next_at = self.clock.now() + pause;
        let mut tables = self.tables();
        let row = tables.attempting(order, attempt).filter(|row| row.order.user == user);
        Ok(row.and_then(|row| row.take(next_at)))
    }

    async fn settle(
        &self,
        order: Uuid,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&Outcome>,
    ) -> Result<bool, Error> {
        let attempt = lease.attempt.number;
        let mut tables = self.tables();
        let Some(row) = tables.attempting(order, attempt) else { return Ok(false) };
        if !settlement.ending().is_open_to(lease, row.epoch, row.shared) {
            return Ok(false);
        }
        row.next_at = None;
        match settlement {
            Settlement::Paid { transaction, event } => {
                row.order.pay(attempt, *transaction)?;
                self.tell(event);
            }
            Settlement::Declined | Settlement::Abandoned => {
                row.order.end_attempt(attempt)?;
            }
            Settlement::Cancelled { event } => {
                row.order.end_attempt(attempt)?;
                row.order.status = Status::Cancelled;
                self.tell(event);
            }
            Settlement::Undone { transaction, event } => {
                row.order.undo_attempt(attempt, *transaction)?;
                self.tell(event);
            }
        }
        tables.remember_attempt(order, attempt, outcome);
        Ok(true)
    }

    async fn postpone(&self, order: Uuid, lease: &AttemptLease, pause: Duration) -> Result<(), Error> {
        let next_at = self.clock.now() + pause;
        let mut tables = self.tables();
        if let Some(row) = tables.attempting(order, lease.attempt.number).filter(|row| row.epoch == lease.epoch) {
            row.next_at = Some(next_at);
        }
        Ok(())
    }

    async fn unsettled(&self, limit: i64, pause: Duration) -> Result<Vec<(Order, AttemptLease)>, Error> {
        let now = self.clock.now();
        Ok(self.tables().take_due(now, usize::try_from(limit).unwrap_or(0), now + pause))
    }

    async fn overdue(&self, limit: i64) -> Result<Vec<Order>, Error> {
        let now = self.clock.now();
        let tables = self.tables();
        let overdue = tables.orders.values().filter(|row| {
            row.order.status == Status::PendingPayment && row.order.attempt.is_none() && row.pay_until < now
        });
        Ok(overdue.take(usize::try_from(limit).unwrap_or(0)).map(|row| row.order.clone()).collect())
    }

    async fn assemble(&self, consumer: &'static str, event: Uuid, order: Uuid) -> Result<bool, Error> {
        let mut tables = self.tables();
        if !self.inbox.fresh(consumer, event) {
            return Ok(false);
        }
        Ok(tables.orders.get_mut(&order).is_some_and(|row| row.order.assemble().is_ok()))
    }

    async fn undo(&self, consumer: &'static str, event: Uuid, order: Uuid, undone: &Event) -> Result<bool, Error> {
        let mut tables = self.tables();
        if !self.inbox.fresh(consumer, event) {
            return Ok(false);
        }
        let changed = tables.orders.get_mut(&order).is_some_and(|row| row.order.undo().is_ok());
        if changed {
            self.tell(undone);
        }
        Ok(changed)
    }

    async fn remove_idempotency_keys(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let before = self.clock.now() - age;
        let mut tables = self.tables();
        let old: Vec<_> = tables
            .keys
            .iter()
            .filter(|(_, key)| key.created_at < before)
            .map(|(name, _)| name.clone())
            .take(usize::try_from(limit).unwrap_or(0))
            .collect();
        for name in &old {
            tables.keys.remove(name);
        }
        Ok(old.len() as u64)
    }
}
