//! The changes of an order's rows. Each is one statement of order or payment.

use contracts::ids::TransactionId;
use order::model::{Attempt, AttemptEnd, CancelReason, Charge, PaymentMethod};
use payment::model::{Admission, ChargeOutcome, Decline, RefundRequest, RefundState, Status};

use crate::{Recorded, Rows};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Begin(PaymentMethod),
    /// Another process takes the attempt over.
    Take,
    /// The attempt ends, with the charge that payment has reported.
    End(AttemptEnd, Option<TransactionId>),
    /// The user cancels the order, or the payment deadline passes.
    Cancel,
    Assemble,
    /// The ship cannot be built.
    Compensate,
    /// Payment records an attempt.
    Record(u32, TransactionId),
    Void(u32, TransactionId),
    Settle(u32, ChargeOutcome),
    /// Payment receives the event that the order was cancelled.
    HearCancellation,
    /// Payment learns the state of the refund that it requested. Even one that was made may fail after all.
    HearRefund(u32, RefundState),
}

impl Rows {
    /// Makes the change. A change that the state does not allow has no effect.
    pub fn write(&mut self, change: &Change) {
        match change {
            Change::Begin(method) => {
                if self.order.begin_attempt(*method).is_ok() {
                    self.epoch += 1;
                    self.shared = false;
                }
            }
            Change::Take => {
                if self.order.attempt.is_some() {
                    self.epoch += 1;
                    self.shared = true;
                }
            }
            Change::End(end, transaction) => self.end(*end, *transaction),
            Change::Cancel => drop(self.order.cancel(CancelReason::ByUser)),
            Change::Assemble => drop(self.order.assemble()),
            Change::Compensate => drop(self.order.compensate()),
            Change::Record(attempt, transaction) => {
                if Admission::decide(&self.payments, self.void, *attempt) == Admission::Admitted {
                    self.put(*attempt, *transaction, Status::NEW, false);
                }
            }
            Change::Void(attempt, transaction) => {
                if self.payment(*attempt).is_none() {
                    self.put(*attempt, *transaction, Status::Declined(Decline::Declined), false);
                }
            }
            Change::Settle(attempt, outcome) => {
                for payment in self.payments.iter_mut().filter(|payment| payment.intent.attempt == *attempt) {
                    let _ = payment.settle(outcome);
                }
            }
            Change::HearCancellation => match self.payments.iter_mut().find(|payment| payment.blocks_attempts()) {
                Some(payment) => {
                    payment.cancelled = true;
                    payment.status = payment.status.clone().cancelled();
                }
                None => self.void = true,
            },
            Change::HearRefund(attempt, state) => self.hear_refund(*attempt, state),
        }
    }

    fn end(&mut self, end: AttemptEnd, charge: Option<TransactionId>) {
        let Some(Attempt { number, .. }) = self.order.attempt else { return };
        let order = &mut self.order;
        match (end, charge) {
            (AttemptEnd::Paid, Some(transaction)) => drop(order.pay(number, transaction)),
            (AttemptEnd::Compensated, Some(transaction)) => drop(order.compensate_attempt(number, transaction)),
            (AttemptEnd::Declined | AttemptEnd::Abandoned, _) => drop(order.end_attempt(number)),
            (AttemptEnd::Cancelled, _) => {
                let _ = order.end_attempt(number);
                let _ = order.cancel(CancelReason::OutOfStock);
            }
            (AttemptEnd::Paid | AttemptEnd::Compensated, None) => {}
        }
    }

    fn hear_refund(&mut self, attempt: u32, state: &RefundState) {
        for payment in self.payments.iter_mut().filter(|payment| payment.intent.attempt == attempt) {
            let (reference, request) = match payment.status.clone() {
                Status::Refunding { reference, request } => (reference, request),
                Status::Refunded { reference, number } if *state == RefundState::Failed => {
                    (reference, RefundRequest { number, reference: None })
                }
                _ => continue,
            };
            payment.status = match request.next(state) {
                Some(request) => Status::Refunding { reference, request },
                None => Status::Refunded { reference, number: request.number },
            };
        }
    }

    /// Returns true if payment's rows justify the end of the attempt; true for any other change. An attempt ends as
    /// charged if payment says so, and otherwise only if payment never charges it: because it says so, or because the
    /// only process that had the attempt has not requested it.
    pub fn justify(&self, change: &Change) -> bool {
        let Change::End(end, transaction) = change else { return true };
        let Some(attempt) = self.order.attempt else { return false };
        let number = attempt.number.unsigned_abs();
        let never_requested = !self.shared && self.payment(number).is_none();
        match end {
            AttemptEnd::Paid | AttemptEnd::Compensated => self.void_response() == (Charge::Made, *transaction),
            AttemptEnd::Declined => matches!(self.charge_response(number), Some((Charge::None, _))),
            AttemptEnd::Abandoned => never_requested,
            AttemptEnd::Cancelled => {
                let is_voided = self.payment(number).is_some() && self.void_response() == (Charge::None, None);
                never_requested || self.shared && is_voided
            }
        }
    }

    /// Returns all changes that may lead to `after`.
    fn changes(after: &Self) -> Vec<Change> {
        let charge = after.order.payment.map(|(_, transaction)| transaction);
        let mut all =
            vec![Change::Take, Change::Cancel, Change::Assemble, Change::Compensate, Change::HearCancellation];
        all.extend(after.order.attempt.map(|attempt| Change::Begin(attempt.method)));
        let ends = [AttemptEnd::Paid, AttemptEnd::Declined, AttemptEnd::Abandoned, AttemptEnd::Cancelled];
        all.extend(ends.into_iter().chain([AttemptEnd::Compensated]).map(|end| Change::End(end, charge)));
        for payment in &after.payments {
            let (attempt, transaction) = (payment.intent.attempt, payment.intent.transaction);
            let reference = String::new();
            let declines = Decline::ALL.iter().copied().map(ChargeOutcome::Declined);
            let outcomes = declines.chain([ChargeOutcome::Charged { reference: reference.clone() }]);
            let states = [RefundState::Refunded, RefundState::Pending { reference }, RefundState::Failed];
            all.extend([Change::Record(attempt, transaction), Change::Void(attempt, transaction)]);
            all.extend(outcomes.map(|outcome| Change::Settle(attempt, outcome)));
            all.extend(states.map(|state| Change::HearRefund(attempt, state)));
        }
        all
    }
}

impl Recorded for Rows {
    fn can_become(&self, after: &Self) -> bool {
        Self::changes(after).into_iter().any(|change| {
            let mut changed = self.clone();
            changed.write(&change);
            changed == *after && self.justify(&change)
        })
    }
}
