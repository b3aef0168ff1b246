//! Payments in memory, for tests and the simulation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use platform::{clock::Virtual, inbox::MemoryInbox};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Begun, Payments, Unfinished, time_to_finish};
use crate::{
    error::Error,
    model::{Decline, Direct, Intent, Outcome, Payment, Place, Status},
};

/// How long whoever began a payment has it to himself.
const HEAD_START: Duration = Duration::from_secs(5);

/// Payments behind a lock, in the place of tables; clones share them.
#[derive(Clone, Default)]
pub struct MemoryPayments {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    clock: Virtual,
}

#[derive(Default)]
struct Tables {
    payments: BTreeMap<Uuid, Kept>,
    /// Orders whose place a void row takes.
    void: BTreeSet<Uuid>,
    direct: BTreeMap<(Uuid, Uuid), Uuid>,
}

struct Kept {
    payment: Payment,
    tries: u32,
    next_try_at: Instant,
}

impl MemoryPayments {
    /// Every attempt ever recorded.
    pub fn all(&self) -> Vec<Payment> {
        self.tables().payments.values().map(|kept| kept.payment.clone()).collect()
    }

    /// Orders that were cancelled before anything was charged for them.
    pub fn void(&self) -> Vec<Uuid> {
        self.tables().void.iter().copied().collect()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn of(&self, order: Uuid) -> impl Iterator<Item = &Kept> {
        self.payments.values().filter(move |kept| kept.payment.intent.order == order)
    }

    fn of_mut(&mut self, order: Uuid) -> impl Iterator<Item = &mut Kept> {
        self.payments.values_mut().filter(move |kept| kept.payment.intent.order == order)
    }
}

#[async_trait]
impl Payments for MemoryPayments {
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error> {
        let mut tables = self.tables();
        let void = tables.void.contains(&intent.order);
        let payments = tables.of(intent.order).map(|kept| &kept.payment);
        match Place::among(payments, void, intent.attempt) {
            Place::Free => {}
            Place::Taken(payment) => return Ok(Begun::Standing(payment.clone())),
            Place::Cancelled => return Ok(Begun::Cancelled),
        }
        let now = self.clock.now();
        let payment =
            Payment { intent: *intent, status: Status::Pending, cancelled: false, created_at: now, updated_at: now };
        let kept = Kept { payment: payment.clone(), tries: 0, next_try_at: Instant::now() + HEAD_START };
        tables.payments.insert(intent.transaction, kept);
        Ok(Begun::New(payment))
    }

    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error> {
        let mut tables = self.tables();
        if tables.of(intent.order).all(|kept| kept.payment.intent.attempt != intent.attempt) {
            let now = self.clock.now();
            let status = Status::Declined(Decline::Declined);
            let payment = Payment { intent: *intent, status, cancelled: false, created_at: now, updated_at: now };
            tables.payments.insert(intent.transaction, Kept { payment, tries: 0, next_try_at: Instant::now() });
        }
        Ok(tables.of(intent.order).map(|kept| kept.payment.clone()).collect())
    }

    async fn settle(&self, transaction: Uuid, outcome: &Outcome) -> Result<Payment, Error> {
        let mut tables = self.tables();
        let kept = tables.payments.get_mut(&transaction).ok_or(Error::NotFound)?;
        if kept.payment.status == Status::Pending {
            kept.payment.status = Status::settled(outcome, kept.payment.cancelled);
            kept.payment.updated_at = self.clock.now();
            (kept.tries, kept.next_try_at) = (0, Instant::now());
        }
        Ok(kept.payment.clone())
    }

    async fn refunded(&self, transaction: Uuid) -> Result<(), Error> {
        let mut tables = self.tables();
        if let Some(Kept { payment, .. }) = tables.payments.get_mut(&transaction)
            && let Status::Refunding { reference } = &payment.status
        {
            payment.status = Status::Refunded { reference: reference.clone() };
            payment.updated_at = self.clock.now();
        }
        Ok(())
    }

    async fn cancel(&self, order: Uuid, event: Option<(&'static str, Uuid)>) -> Result<bool, Error> {
        let mut tables = self.tables();
        if event.is_some_and(|(consumer, event)| !self.inbox.fresh(consumer, event)) {
            return Ok(false);
        }
        if let Some(kept) = tables.of_mut(order).find(|kept| kept.payment.holds_place()) {
            if kept.payment.cancelled {
                return Ok(false);
            }
            kept.tries = 0;
            if matches!(kept.payment.status, Status::Succeeded { .. }) {
                kept.next_try_at = Instant::now();
            }
            kept.payment.cancelled = true;
            kept.payment.status = kept.payment.status.clone().cancelled();
            kept.payment.updated_at = self.clock.now();
            return Ok(true);
        }
        Ok(tables.void.insert(order))
    }

    async fn is_cancelled(&self, order: Uuid) -> Result<bool, Error> {
        let tables = self.tables();
        Ok(tables.void.contains(&order) || tables.of(order).any(|kept| kept.payment.cancelled))
    }

    async fn due(&self, limit: i64) -> Result<Vec<(Payment, Duration)>, Error> {
        let now = Instant::now();
        let mut tables = self.tables();
        let mut due: Vec<&mut Kept> = tables
            .payments
            .values_mut()
            .filter(|kept| matches!(kept.payment.status, Status::Pending | Status::Refunding { .. }))
            .filter(|kept| kept.next_try_at <= now)
            .collect();
        due.sort_by_key(|kept| (kept.tries, kept.next_try_at));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let payments = due
            .into_iter()
            .map(|kept| {
                let time = time_to_finish(kept.tries);
                kept.next_try_at = now + time;
                kept.tries += 1;
                (kept.payment.clone(), time)
            })
            .collect();
        Ok(payments)
    }

    async fn unfinished(&self) -> Result<Unfinished, Error> {
        let mut unfinished = Unfinished::default();
        for kept in self.tables().payments.values() {
            match kept.payment.status {
                Status::Pending => unfinished.pending += 1,
                Status::Refunding { .. } => unfinished.refunding += 1,
                Status::Succeeded { .. } | Status::Declined(_) | Status::Refunded { .. } => {}
            }
        }
        Ok(unfinished)
    }

    async fn find(&self, order: Uuid) -> Result<Option<Payment>, Error> {
        let tables = self.tables();
        let latest = tables
            .of(order)
            .map(|kept| &kept.payment)
            .max_by_key(|payment| (!matches!(payment.status, Status::Declined(_)), payment.intent.attempt));
        Ok(latest.cloned())
    }

    async fn record_direct(&self, direct: &Direct) -> Result<Uuid, Error> {
        let mut tables = self.tables();
        Ok(*tables.direct.entry((direct.order, direct.user)).or_insert(direct.transaction))
    }
}
