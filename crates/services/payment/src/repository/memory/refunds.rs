//! The in-memory implementation of [`Refunds`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::TransactionId;
use tokio::time::Instant;
use uuid::Uuid;

use super::{MemoryPayments, row::tries_after};
use crate::{
    error::Error,
    model::{PartialRefund, PartialRefundStatus, Payment, RecordedRefund, RefundRequest, RefundState, Status},
    repository::{INITIAL_LEASE, Refunds, Unfinished, lease},
};

pub(super) struct RefundRow {
    pub recorded: RecordedRefund,
    /// The number of refunds that were recorded before this one.
    pub place: usize,
    pub tries: u32,
    pub next_try_at: Instant,
}

impl MemoryPayments {
    /// Returns all partial refunds, in the order in which they were recorded.
    pub fn all_partial_refunds(&self) -> Vec<RecordedRefund> {
        let tables = self.tables();
        let mut rows: Vec<&RefundRow> = tables.refunds.values().collect();
        rows.sort_by_key(|row| row.place);
        rows.into_iter().map(|row| row.recorded.clone()).collect()
    }

    /// Adds the partial refunds that the provider has not made to the counts in `unfinished`.
    pub(super) fn count_partial_refunds(&self, unfinished: &mut Unfinished) {
        for row in self.tables().refunds.values() {
            if let PartialRefundStatus::Refunding(request) = &row.recorded.status {
                unfinished.add_refund(request);
            }
        }
    }
}

#[async_trait]
impl Refunds for MemoryPayments {
    async fn add_refund(&self, refund: &PartialRefund) -> Result<Option<RecordedRefund>, Error> {
        let mut tables = self.tables();
        if let Some(row) = tables.refunds.get(&refund.id()) {
            return Ok(Some(row.recorded.clone()));
        }
        let now = self.clock.now();
        let of_order = |row: &&RefundRow| row.recorded.refund.order == refund.order;
        let refunds = tables.refunds.values().filter(of_order).count();
        let may_refund = |payment: &&mut Payment| payment.check_refund(refund.amount, refunds).is_ok();
        let charged = tables.of_mut(refund.order).map(|row| &mut row.payment).find(may_refund);
        let Some(payment) = charged else { return Ok(None) };
        let Ok(sum) = payment.partially_refunded.checked_add(refund.amount) else { return Ok(None) };
        (payment.partially_refunded, payment.updated_at) = (sum, now);
        let transaction = payment.intent.transaction;
        let recorded = RecordedRefund { refund: refund.clone(), transaction, status: PartialRefundStatus::NEW };
        let (place, next_try_at) = (tables.refunds.len(), Instant::now() + INITIAL_LEASE);
        tables.refunds.insert(refund.id(), RefundRow { recorded: recorded.clone(), place, tries: 0, next_try_at });
        Ok(Some(recorded))
    }

    async fn due_refunds(&self, limit: i64) -> Result<Vec<(RecordedRefund, u32)>, Error> {
        let now = Instant::now();
        let mut tables = self.tables();
        let rows = tables.refunds.values_mut();
        let mut due: Vec<&mut RefundRow> =
            rows.filter(|row| !row.recorded.is_made() && row.next_try_at <= now).collect();
        due.sort_by_key(|row| (row.tries, row.next_try_at));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let refunds = due.into_iter().map(|row| {
            let tries = row.tries;
            row.next_try_at = now + lease(tries);
            row.tries += 1;
            (row.recorded.clone(), tries)
        });
        Ok(refunds.collect())
    }

    async fn record_refund(
        &self,
        refund: Uuid,
        request: &RefundRequest,
        state: &RefundState,
        backoff: Duration,
    ) -> Result<(), Error> {
        let mut tables = self.tables();
        let Some(row) = tables.refunds.get_mut(&refund) else { return Ok(()) };
        let before = row.recorded.status.clone();
        if before == PartialRefundStatus::Refunding(request.clone()) {
            if let Some(next) = request.next(state) {
                row.tries = tries_after(request, &next, row.tries);
                row.next_try_at = Instant::now() + backoff;
            }
            row.recorded.status = before.after(request, state);
        }
        Ok(())
    }

    async fn hurry_partial_refund(&self, refund: Uuid) -> Result<(), Error> {
        if let Some(row) = self.tables().refunds.get_mut(&refund) {
            row.next_try_at = row.next_try_at.min(Instant::now());
        }
        Ok(())
    }

    async fn reopen_partial_refund(&self, refund: Uuid, number: u32) -> Result<(), Error> {
        if let Some(row) = self.tables().refunds.get_mut(&refund)
            && row.recorded.status == (PartialRefundStatus::Refunded { number })
        {
            let request = RefundRequest { number: number.saturating_add(1), reference: None };
            row.recorded.status = PartialRefundStatus::Refunding(request);
            (row.tries, row.next_try_at) = (0, Instant::now());
        }
        Ok(())
    }

    async fn refunds_of(&self, transaction: TransactionId) -> Result<Vec<RecordedRefund>, Error> {
        let mut refunds = self.all_partial_refunds();
        refunds.retain(|recorded| recorded.transaction == transaction);
        Ok(refunds)
    }

    async fn continue_refund(
        &self,
        transaction: TransactionId,
        current: &RefundRequest,
        next: &RefundRequest,
        backoff: Duration,
    ) -> Result<(), Error> {
        let mut tables = self.tables();
        if let Some(row) = tables.payments.get_mut(&transaction)
            && let Status::Refunding { request, .. } = &mut row.payment.status
            && request == current
        {
            row.tries = tries_after(request, next, row.tries);
            row.next_try_at = Instant::now() + backoff;
            if request.number == 1 && next.number == 2 {
                row.payment.updated_at = self.clock.now();
            }
            *request = next.clone();
        }
        Ok(())
    }

    async fn refunded(&self, transaction: TransactionId, request: &RefundRequest) -> Result<(), Error> {
        let mut tables = self.tables();
        if let Some(payment) = tables.payments.get_mut(&transaction).map(|row| &mut row.payment)
            && let Status::Refunding { reference, request: current } = &payment.status
            && current == request
        {
            payment.status = Status::Refunded { reference: reference.clone(), number: request.number };
            payment.updated_at = self.clock.now();
        }
        Ok(())
    }

    async fn reopen_refund(&self, transaction: TransactionId, number: u32) -> Result<(), Error> {
        let mut tables = self.tables();
        if let Some(row) = tables.payments.get_mut(&transaction)
            && let Status::Refunded { reference, number: made } = row.payment.status.clone()
            && made == number
        {
            let request = RefundRequest { number: number.saturating_add(1), reference: None };
            row.payment.status = Status::Refunding { reference, request };
            row.payment.updated_at = self.clock.now();
            row.tries = 0;
            row.next_try_at = Instant::now();
        }
        Ok(())
    }
}
