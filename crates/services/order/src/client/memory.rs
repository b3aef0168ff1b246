//! In-memory implementations of the inventory and payment clients, for tests.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::DateTime;
use contracts::ids::{OrderId, PartId, TransactionId, UserId};
use contracts::money::Money;
use platform::deadline;
use tokio::time::Instant;
use uuid::Uuid;

use super::{ChargeAnswer, Inventory, Payments, PricedPart, Voided};
use crate::{
    error::{Error, OrderRefusal},
    model::{Attempt, Order, Payment, PaymentMethod, PaymentStatus},
};

/// Stock, prices and reservations behind a mutex. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryInventory {
    state: Arc<Mutex<Stock>>,
}

#[derive(Default)]
struct Stock {
    parts: BTreeMap<PartId, (Money, i64)>,
    reservations: BTreeMap<OrderId, Vec<PricedPart>>,
    names: Vec<(String, PartId)>,
    /// Orders whose reservation was released. They can never reserve again.
    released: BTreeSet<OrderId>,
    /// Orders whose last request was to confirm.
    confirmed: BTreeSet<OrderId>,
    away: bool,
    full: bool,
}

impl Stock {
    /// Returns the parts with their prices, if all of them can be reserved now. Fails if a part does not exist or is
    /// out of stock.
    fn grantable(&self, parts: &[(PartId, i64)]) -> Result<Vec<PricedPart>, Error> {
        if let Some((part, _)) = parts.iter().find(|(part, _)| !self.parts.contains_key(part)) {
            return Err(OrderRefusal::PartNotFound(*part).into());
        }
        let mut all = Vec::new();
        for (part, quantity) in parts {
            let (unit_price, available) = *self.parts.get(part).ok_or(OrderRefusal::PartNotFound(*part))?;
            if available < *quantity {
                return Err(OrderRefusal::OutOfStock(*part).into());
            }
            all.push(PricedPart { part: *part, quantity: *quantity, unit_price });
        }
        Ok(all)
    }
}

impl MemoryInventory {
    pub fn put(&self, part: PartId, unit_price: Money, quantity: i64) {
        self.state().parts.insert(part, (unit_price, quantity));
    }

    /// Gives a part a name. The catalogue lists parts in the order in which they were named.
    pub fn name(&self, part: PartId, name: &str) {
        self.state().names.push((name.to_owned(), part));
    }

    /// While `away` is true, every call fails as if the service were unavailable.
    pub fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    /// While `full` is true, every user already has a full share of each part.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    pub fn available(&self, part: PartId) -> i64 {
        self.state().parts.get(&part).map_or(0, |(_, available)| *available)
    }

    /// Returns true if the order's parts do not count as unpaid.
    pub fn is_confirmed(&self, order: OrderId) -> bool {
        self.state().confirmed.contains(&order)
    }

    /// Expires an order's reservation and returns its parts to the stock.
    pub fn expire(&self, order: OrderId) {
        let mut state = self.state();
        for reserved in state.reservations.remove(&order).unwrap_or_default() {
            if let Some((_, available)) = state.parts.get_mut(&reserved.part) {
                *available += reserved.quantity;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, Stock> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> Result<MutexGuard<'_, Stock>, Error> {
        let state = self.state();
        if state.away { Err(Error::Unavailable("inventory", anyhow::anyhow!("away"))) } else { Ok(state) }
    }
}

#[async_trait]
impl Inventory for MemoryInventory {
    async fn reserve(
        &self,
        order: OrderId,
        _: UserId,
        parts: &[(PartId, i64)],
        confirm: bool,
    ) -> Result<Vec<PricedPart>, Error> {
        let mut state = self.reached()?;
        if state.released.contains(&order) {
            return Err(OrderRefusal::ReservationLost.into());
        }
        if confirm {
            state.confirmed.insert(order);
        } else {
            state.confirmed.remove(&order);
        }
        if let Some(reserved) = state.reservations.get(&order) {
            return Ok(reserved.clone());
        }
        let all = state.grantable(parts)?;
        if let Some((part, _)) = parts.first().filter(|_| state.full) {
            return Err(OrderRefusal::TooManyReserved(*part).into());
        }
        for reserved in &all {
            if let Some((_, available)) = state.parts.get_mut(&reserved.part) {
                *available -= reserved.quantity;
            }
        }
        state.reservations.insert(order, all.clone());
        Ok(all)
    }

    async fn named(&self, names: &[String]) -> Result<Vec<(String, PartId)>, Error> {
        let state = self.reached()?;
        if names.iter().any(|name| name.contains('\0')) {
            return Err(Error::Inconsistent("inventory refuses a name with a NUL character".to_owned()));
        }
        Ok(state.names.iter().filter(|(name, _)| names.contains(name)).cloned().collect())
    }

    async fn release(&self, order: OrderId) -> Result<(), Error> {
        drop(self.reached()?);
        self.expire(order);
        self.state().released.insert(order);
        Ok(())
    }
}

/// A payment service that charges each order at most once and fails as scripted. Clones share the state.
#[derive(Clone, Default)]
pub struct MemoryPayments {
    state: Arc<Mutex<Till>>,
}

#[derive(Default)]
struct Till {
    charges: BTreeMap<OrderId, (Attempt, TransactionId)>,
    declined: BTreeMap<(OrderId, i32), (PaymentMethod, OrderRefusal)>,
    refunded: BTreeSet<OrderId>,
    away: bool,
    script: VecDeque<Fault>,
    requests: Vec<(Instant, Duration)>,
    lookups: usize,
}

/// A fault injected into one call.
#[derive(Clone, Debug)]
pub enum Fault {
    Decline(OrderRefusal),
    /// The order is charged and the response is lost.
    ChargedThenSilent,
    Lost,
    /// The order is charged after this time.
    Slow(Duration),
    Hung,
}

impl MemoryPayments {
    /// Queues a fault. Each call to [`pay`](Payments::pay) takes one fault from the queue.
    pub fn script(&self, fault: Fault) {
        self.state().script.push_back(fault);
    }

    /// Returns the number of charges of an order, 0 or 1.
    pub fn charges(&self, order: OrderId) -> usize {
        usize::from(self.state().charges.contains_key(&order))
    }

    /// Returns the time of each call to [`pay`](Payments::pay), with the time left until its deadline.
    pub fn requests(&self) -> Vec<(Instant, Duration)> {
        self.state().requests.clone()
    }

    /// Returns the number of calls to [`find`](Payments::find).
    pub fn lookups(&self) -> usize {
        self.state().lookups
    }

    pub fn refund(&self, order: OrderId) {
        self.state().refunded.insert(order);
    }

    /// While `away` is true, every call fails as if the service were unavailable.
    pub fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    fn state(&self) -> MutexGuard<'_, Till> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Derives the transaction of an attempt from the order and the attempt's number.
fn transaction(order: OrderId, attempt: i32) -> TransactionId {
    TransactionId::new(Uuid::from_u128(order.uuid().as_u128().wrapping_add(u128::from(attempt.unsigned_abs()))))
}

#[async_trait]
impl Payments for MemoryPayments {
    async fn pay(&self, order: &Order, attempt: Attempt) -> ChargeAnswer {
        self.state().requests.push((Instant::now(), deadline::remaining(Duration::MAX)));
        let fault = self.state().script.pop_front();
        match fault {
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::Hung) => return std::future::pending().await,
            Some(Fault::Lost) => return ChargeAnswer::Unknown("lost".to_owned()),
            _ => {}
        }
        let mut state = self.state();
        if state.away {
            return ChargeAnswer::Unknown("away".to_owned());
        }
        if let Some((_, refusal)) = state.declined.get(&(order.uuid, attempt.number)) {
            return ChargeAnswer::Declined(refusal.clone());
        }
        if let Some(Fault::Decline(refusal)) = fault {
            state.declined.insert((order.uuid, attempt.number), (attempt.method, refusal.clone()));
            return ChargeAnswer::Declined(refusal);
        }
        let transaction = transaction(order.uuid, attempt.number);
        let (_, transaction) = *state.charges.entry(order.uuid).or_insert((attempt, transaction));
        if matches!(fault, Some(Fault::ChargedThenSilent)) {
            return ChargeAnswer::Unknown("charged, then silent".to_owned());
        }
        ChargeAnswer::Charged(transaction)
    }

    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error> {
        let mut state = self.state();
        state.lookups += 1;
        if state.away {
            return Err(Error::Unavailable("payment", anyhow::anyhow!("away")));
        }
        let created_at = DateTime::UNIX_EPOCH;
        if let Some((attempt, transaction)) = state.charges.get(&order) {
            let refunded = state.refunded.contains(&order);
            let status = if refunded { PaymentStatus::Refunded } else { PaymentStatus::Success };
            let (attempt, method) = (attempt.number, attempt.method);
            return Ok(Some(Payment { attempt, transaction: *transaction, method, status, created_at }));
        }
        let latest = state.declined.iter().rfind(|((of, _), _)| *of == order);
        Ok(latest.map(|((_, attempt), (method, refusal))| Payment {
            attempt: *attempt,
            transaction: transaction(order, *attempt),
            method: *method,
            status: match refusal {
                OrderRefusal::InsufficientFunds => PaymentStatus::InsufficientFunds,
                _ => PaymentStatus::Failed,
            },
            created_at,
        }))
    }

    async fn void(&self, order: &Order, attempt: Attempt) -> Voided {
        let mut state = self.state();
        if matches!(state.script.pop_front(), Some(Fault::Lost)) {
            return Voided::Unknown("lost".to_owned());
        }
        if let Some((_, transaction)) = state.charges.get(&order.uuid) {
            return Voided::Charged(*transaction);
        }
        let void = (attempt.method, OrderRefusal::PaymentDeclined);
        state.declined.entry((order.uuid, attempt.number)).or_insert(void);
        Voided::Void
    }
}
