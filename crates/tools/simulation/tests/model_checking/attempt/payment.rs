//! The payment service, by its own rules, and its provider.

use contracts::ids::TransactionId;
use order::model::{AttemptEnd, Charge};
use payment::model::{ChargeOutcome, ChargeResult, Decline, Payment, RefundRequest, RefundState, Status};
use simulation::Change;

use super::{
    Action,
    state::{Entry, State, index, transaction},
};

impl State {
    /// Payment accepts a request to charge: it stores the intent, and calls the provider.
    pub fn record(&mut self, attempt: u32) {
        self.write(&Change::Record(attempt, transaction(attempt)));
    }

    /// Payment voids an attempt, if that is still possible.
    pub fn void_attempt(&mut self, attempt: u32) -> (Charge, Option<TransactionId>) {
        self.write(&Change::Void(attempt, transaction(attempt)));
        self.rows.void_response()
    }

    /// Returns the attempts with a pending call to the provider.
    pub fn pending(&self) -> impl Iterator<Item = u32> {
        let pending = self.rows.payments.iter().filter(|payment| matches!(payment.status, Status::Pending { .. }));
        pending.map(|payment| payment.intent.attempt)
    }

    /// Returns the attempts whose charge is to be refunded, with the latest request of each.
    pub fn refunding(&self) -> impl Iterator<Item = (u32, RefundRequest)> {
        self.rows.payments.iter().filter_map(|payment| match &payment.status {
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
        self.write(&Change::Settle(attempt, outcome));
    }

    /// Payment receives the event that the order was cancelled.
    pub fn hear_cancellation(&mut self) {
        self.payment_told = true;
        self.write(&Change::HearCancellation);
    }

    /// Returns the attempts with a `PaymentCompleted`, and whether they were charged.
    pub fn completed(&self) -> impl Iterator<Item = (u32, bool)> {
        self.rows.payments.iter().filter_map(|payment| match payment.status.charge_result() {
            ChargeResult::Charged => Some((payment.intent.attempt, true)),
            ChargeResult::Declined(_) => Some((payment.intent.attempt, false)),
            ChargeResult::Cancelled | ChargeResult::InProgress => None,
        })
    }

    /// Order receives the event about the end of an attempt, as in `order::service::payment`. An event may
    /// arrive late or repeatedly.
    pub fn hear_completion(&mut self, attempt: u32) {
        let Some((_, charged)) = self.completed().find(|(completed, _)| *completed == attempt) else { return };
        let is_under_way = |current: order::model::Attempt| current.number == attempt.cast_signed();
        if !self.rows.order.attempt.is_some_and(is_under_way) {
            return;
        }
        if charged {
            self.write(&Change::End(AttemptEnd::Paid, Some(transaction(attempt))));
        } else if !self.rows.shared {
            self.write(&Change::End(AttemptEnd::Declined, None));
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
        self.write(&Change::HearRefund(attempt, state));
    }

    /// Returns true if payment records a refund that the provider has not made.
    pub fn refunded_too_early(&self) -> bool {
        let early = |payment: &Payment| {
            matches!(payment.status, Status::Refunded { .. })
                && self.books[index(payment.intent.attempt)] != Entry::Refunded
        };
        self.rows.payments.iter().any(early)
    }

    /// Returns the number of charges that are not refunded.
    pub fn standing(&self) -> usize {
        let stands = |entry: &&Entry| entry.is_charged() && **entry != Entry::Refunded;
        self.books.iter().filter(stands).count()
    }
}
