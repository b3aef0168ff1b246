//! A row of the in-memory table of payments.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::money::Money;
use tokio::time::Instant;

use crate::model::{ChargeOutcome, Event, Intent, Payment, RefundRequest, Status};

pub struct PaymentRow {
    pub payment: Payment,
    /// The requests to charge that may have been executed.
    requests: u32,
    pub tries: u32,
    pub next_try_at: Instant,
}

impl PaymentRow {
    /// Creates a row whose first request is counted.
    pub fn new(intent: &Intent, status: Status, now: DateTime<Utc>, lease: Duration) -> Self {
        let (cancelled, partially_refunded) = (false, Money::ZERO);
        let payment =
            Payment { intent: *intent, status, cancelled, partially_refunded, created_at: now, updated_at: now };
        Self { payment, requests: 1, tries: 0, next_try_at: Instant::now() + lease }
    }

    /// Settles a pending payment. Returns its event, or `None` if it is settled already.
    pub fn settle(&mut self, outcome: &ChargeOutcome, now: DateTime<Utc>) -> Option<Event> {
        let event = self.payment.settle(outcome)?;
        self.payment.updated_at = now;
        (self.tries, self.next_try_at) = (0, Instant::now());
        Some(event)
    }

    pub fn count_request(&mut self) -> bool {
        let is_pending = matches!(self.payment.status, Status::Pending { .. });
        self.requests += u32::from(is_pending);
        is_pending
    }

    /// Takes a request back. Settles the payment if it was the last one.
    pub fn refuse(&mut self, now: DateTime<Utc>) -> Option<Event> {
        self.requests = self.requests.saturating_sub(1);
        if self.requests == 0 { self.settle(&ChargeOutcome::REFUSED, now) } else { None }
    }
}

/// Returns the number of tries once a refund is continued by `next`: those for which the provider has been asked about
/// the same request.
pub fn tries_after(request: &RefundRequest, next: &RefundRequest, tries: u32) -> u32 {
    if request.reference.is_none() || next.reference.is_none() { 0 } else { tries }
}
