//! Decides whether an attempt may charge its order. One attempt at a time may charge; none may after a success or a cancellation.

use super::Payment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<'a> {
    Admitted,
    /// The attempt is not admitted because of this payment: the attempt itself, recorded already, or another attempt
    /// that blocks it.
    Existing(&'a Payment),
    Cancelled,
}

impl<'a> Admission<'a> {
    /// Decides whether `attempt` is admitted, given all payments of its order. `void` is true if the order was cancelled before any charge.
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
