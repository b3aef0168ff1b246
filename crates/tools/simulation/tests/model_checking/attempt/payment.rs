//! The payment service, by its own rules, and its provider.

use chrono::DateTime;
use contracts::{ids::TransactionId, money::Money};
use order::model::Charge;
use payment::model::{
    Admission, ChargeOutcome, ChargeResult, Decline, Payment, RefundRequest, RefundState, Status, VoidResult,
};

use super::{
    Action,
    state::{Entry, State, index, intent, transaction},
};

impl State {
    /// Payment accepts a request to charge: it stores the intent, and calls the provider.
    pub fn record(&mut self, attempt: u32) {
        if Admission::decide(&self.payments, self.void, attempt) == Admission::Admitted {
            self.insert(attempt, Status::NEW);
        }
    }

    /// Returns payment's response to a charge request; `None` while payment has none.
    pub fn charge_response(&self, attempt: u32) -> Option<(Charge, Option<TransactionId>)> {
        match Admission::decide(&self.payments, self.void, attempt) {
            Admission::Admitted => None,
            Admission::Cancelled => Some((Charge::None, None)),
            Admission::Existing(payment) => match payment.status.charge_result() {
                ChargeResult::Charged => Some((Charge::Made, Some(payment.intent.transaction))),
                ChargeResult::Declined(_) | ChargeResult::Cancelled => Some((Charge::None, None)),
                ChargeResult::InProgress if payment.intent.attempt == attempt => None,
                ChargeResult::InProgress => Some((Charge::Unknown, None)),
            },
        }
    }

    /// Payment voids an attempt, if that is still possible.
    pub fn void_attempt(&mut self, attempt: u32) -> (Charge, Option<TransactionId>) {
        if self.payments.iter().all(|payment| payment.intent.attempt != attempt) {
            self.insert(attempt, Status::Declined(Decline::Declined));
        }
        match VoidResult::from_payments(&self.payments) {
            VoidResult::Voided => (Charge::None, None),
            VoidResult::AlreadyCharged(transaction) => (Charge::Made, Some(transaction)),
            VoidResult::InProgress => (Charge::Unknown, None),
        }
    }

    fn insert(&mut self, attempt: u32, status: Status) {
        let at = DateTime::UNIX_EPOCH;
        let intent = intent(&self.order, attempt);
        let partially_refunded = Money::ZERO;
        self.payments.push(Payment {
            intent,
            status,
            cancelled: false,
            partially_refunded,
            created_at: at,
            updated_at: at,
        });
        self.payments.sort_by_key(|payment| payment.intent.attempt);
    }

    /// Returns the attempts with a pending call to the provider.
    pub fn pending(&self) -> impl Iterator<Item = u32> {
        let pending = self.payments.iter().filter(|payment| matches!(payment.status, Status::Pending { .. }));
        pending.map(|payment| payment.intent.attempt)
    }

    /// Returns the attempts whose charge is to be refunded, with the latest request of each.
    pub fn refunding(&self) -> impl Iterator<Item = (u32, RefundRequest)> {
        self.payments.iter().filter_map(|payment| match &payment.status {
            Status::Refunding { request, .. } => Some((payment.intent.attempt, request.clone())),
            _ => None,
        })
    }

    /// The provider's response arrives, and payment stores it.
    pub fn settle(&mut self, attempt: u32) {
        let outcome = match self.books[index(attempt)] {
            Entry::None => return,
            Entry::Declined => ChargeOutcome::Declined(Decline::Declined),
            _ => ChargeOutcome::Charged { reference: String::new() },
        };
        if let Some(payment) = self.row(attempt).filter(|payment| matches!(payment.status, Status::Pending { .. })) {
            payment.status = Status::settled(&outcome, payment.cancelled);
        }
    }

    /// Payment receives the event that the order was cancelled.
    pub fn hear_cancellation(&mut self) {
        self.payment_told = true;
        match self.payments.iter_mut().find(|payment| payment.blocks_attempts()) {
            Some(payment) => {
                payment.cancelled = true;
                payment.status = payment.status.clone().cancelled();
            }
            None => self.void = true,
        }
    }

    /// Returns the attempts with a `PaymentCompleted`, and whether they were charged.
    pub fn completed(&self) -> impl Iterator<Item = (u32, bool)> {
        self.payments.iter().filter_map(|payment| match payment.status.charge_result() {
            ChargeResult::Charged => Some((payment.intent.attempt, true)),
            ChargeResult::Declined(_) => Some((payment.intent.attempt, false)),
            ChargeResult::Cancelled | ChargeResult::InProgress => None,
        })
    }

    /// Order receives the event about the end of an attempt, as in `order::service::payment`. An event may
    /// arrive late or repeatedly.
    pub fn hear_completion(&mut self, attempt: u32) {
        let Some((_, charged)) = self.completed().find(|(completed, _)| *completed == attempt) else { return };
        let number = attempt.cast_signed();
        if charged {
            drop(self.order.pay(number, transaction(attempt)));
        } else if !self.shared {
            let _ = self.order.end_attempt(number);
        }
    }

    /// Returns the actions that provider and payment may take on the refund of a charge. At most one refund of a charge
    /// fails.
    pub fn refund_actions(&self, attempt: u32, number: u32) -> Vec<Action> {
        match self.books[index(attempt)] {
            Entry::RefundFailed(failed) if failed == number => vec![Action::HearsRefund(attempt)],
            Entry::Charged | Entry::RefundFailed(_) => {
                vec![Action::AcceptsRefund(attempt, number), Action::Refunds(attempt)]
            }
            Entry::RefundPending(1) => {
                vec![Action::HearsRefund(attempt), Action::Refunds(attempt), Action::FailsRefund(attempt, 1)]
            }
            Entry::RefundPending(_) => vec![Action::HearsRefund(attempt), Action::Refunds(attempt)],
            Entry::Refunded => vec![Action::HearsRefund(attempt)],
            Entry::None | Entry::Declined => Vec::new(),
        }
    }

    /// Payment learns the state of the refund that it requested.
    pub fn hear_refund(&mut self, attempt: u32) {
        let state = match self.books[index(attempt)] {
            Entry::Refunded => RefundState::Refunded,
            Entry::RefundPending(_) => RefundState::Pending { reference: String::new() },
            Entry::RefundFailed(_) => RefundState::Failed,
            Entry::None | Entry::Charged | Entry::Declined => return,
        };
        let Some(payment) = self.row(attempt) else { return };
        if let Status::Refunding { reference, request } = payment.status.clone() {
            payment.status = match request.next(&state) {
                Some(request) => Status::Refunding { reference, request },
                None => Status::Refunded { reference, number: request.number },
            };
        }
    }

    /// Returns true if payment records a refund that the provider has not made.
    pub fn refunded_too_early(&self) -> bool {
        let early = |payment: &Payment| {
            matches!(payment.status, Status::Refunded { .. })
                && self.books[index(payment.intent.attempt)] != Entry::Refunded
        };
        self.payments.iter().any(early)
    }

    fn row(&mut self, attempt: u32) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.intent.attempt == attempt)
    }

    /// Returns the number of charges that are not refunded.
    pub fn standing(&self) -> usize {
        let stands = |entry: &&Entry| entry.is_charged() && **entry != Entry::Refunded;
        self.books.iter().filter(stands).count()
    }
}
