//! Whether an attempt may charge its order: at most one attempt at a time, and none after a success or a cancellation.

use super::Payment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<'a> {
    Admitted,
    /// The attempt is recorded already, or this other attempt blocks it.
    Existing(&'a Payment),
    /// The order is cancelled.
    Cancelled,
}

impl<'a> Admission<'a> {
    /// Decides about `attempt` by the payments of its order. `void` is true when the order was cancelled before any charge.
    pub fn decide(payments: impl IntoIterator<Item = &'a Payment>, void: bool, attempt: u32) -> Self {
        let same = |payment: &Payment| payment.intent.attempt == attempt;
        let blocking = payments.into_iter().filter(|payment| same(payment) || payment.blocks_attempts());
        match blocking.max_by_key(|payment| same(payment)) {
            Some(payment) if same(payment) || !payment.cancelled => Self::Existing(payment),
            Some(_) => Self::Cancelled,
            None if void => Self::Cancelled,
            None => Self::Admitted,
        }
    }
}
