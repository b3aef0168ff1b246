//! The in-memory implementation of [`Attempts`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use super::{MemoryOrders, OrderRow, Tables};
use crate::{
    error::Error,
    model::{AttemptLease, CancelReason, Claim, IllegalTransition, Order, PaymentMethod, RequestOutcome},
    repository::{Attempts, LONG_UNSETTLED_TRIES, ReportedEnd, Settlement},
};

impl MemoryOrders {
    /// Ends the attempt, which must be in progress, and writes the outcome to the idempotency key of the request that
    /// began it.
    pub(super) fn end_attempt(
        &self,
        tables: &mut Tables,
        order: OrderId,
        attempt: i32,
        settlement: &Settlement,
        outcome: Option<&RequestOutcome>,
    ) -> Result<(), Error> {
        let row = tables.attempting(order, attempt).ok_or(IllegalTransition::NoAttempt)?;
        row.next_at = None;
        match settlement {
            Settlement::Paid { transaction, event } => {
                row.order.pay(attempt, *transaction)?;
                self.write_event(event);
            }
            Settlement::Declined(refusal) => row.decline(attempt, refusal)?,
            Settlement::Abandoned => {
                row.order.end_attempt(attempt)?;
            }
            Settlement::Cancelled { event } => {
                row.order.end_attempt(attempt)?;
                row.order.cancel(CancelReason::OutOfStock)?;
                self.write_event(event);
            }
            Settlement::Compensated { transaction, event } => {
                row.order.compensate_attempt(attempt, *transaction)?;
                self.write_event(event);
            }
        }
        tables.complete_key_of_attempt(order, attempt, outcome);
        Ok(())
    }
}

#[async_trait]
impl Attempts for MemoryOrders {
    async fn begin(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        lease_ttl: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error> {
        let next_at = self.clock.now() + lease_ttl;
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
        tables.respond(Some((before, begun)))
    }

    async fn take(
        &self,
        user: UserId,
        order: OrderId,
        attempt: i32,
        lease_ttl: Duration,
    ) -> Result<Option<AttemptLease>, Error> {
        let next_at = self.clock.now() + lease_ttl;
        let mut tables = self.tables();
        let row = tables.attempting(order, attempt).filter(|row| row.order.user == user);
        let taken = row.and_then(|row| row.take(next_at));
        tables.respond(taken)
    }

    async fn settle(
        &self,
        order: OrderId,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&RequestOutcome>,
    ) -> Result<bool, Error> {
        let attempt = lease.attempt.number;
        let mut tables = self.tables();
        let Some(row) = tables.attempting(order, attempt) else { return Ok(false) };
        if !settlement.end().is_open_to(lease, row.epoch, row.shared) {
            return Ok(false);
        }
        self.end_attempt(&mut tables, order, attempt, settlement, outcome)?;
        Ok(true)
    }

    async fn postpone(&self, order: OrderId, lease: &AttemptLease, backoff: Duration) -> Result<(), Error> {
        let next_at = self.clock.now() + backoff;
        let mut tables = self.tables();
        if let Some(row) = tables.attempting(order, lease.attempt.number).filter(|row| row.epoch == lease.epoch) {
            row.next_at = Some(next_at);
        }
        Ok(())
    }

    async fn unsettled(&self, limit: i64, lease_ttl: Duration) -> Result<Vec<(Order, AttemptLease)>, Error> {
        let now = self.clock.now();
        Ok(self.tables().take_due(now, usize::try_from(limit).unwrap_or(0), now + lease_ttl))
    }

    async fn long_unsettled(&self, limit: i64) -> Result<i64, Error> {
        let tables = self.tables();
        let is_counted = |row: &&OrderRow| row.order.attempt.is_some() && row.tries >= LONG_UNSETTLED_TRIES;
        let count = tables.orders.values().filter(is_counted).count();
        Ok(i64::try_from(count).unwrap_or(i64::MAX).min(limit))
    }

    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        reported: &ReportedEnd,
    ) -> Result<bool, Error> {
        let mut tables = self.tables();
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) {
            return Ok(false);
        }
        if tables.attempting(order, attempt).is_none_or(|row| row.shared && !reported.also_shared) {
            return Ok(false);
        }
        self.end_attempt(&mut tables, order, attempt, &reported.settlement, Some(&reported.outcome))?;
        Ok(true)
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.inbox.fresh(cause.consumer, cause.event.uuid());
        Ok(())
    }
}
