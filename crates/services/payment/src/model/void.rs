//! The result of voiding an attempt.

use contracts::ids::TransactionId;

use super::{Payment, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoidResult {
    /// The attempt has charged nothing and never will.
    Voided,
    /// This transaction has charged the order already.
    AlreadyCharged(TransactionId),
    /// A charge of the order is in progress; its outcome is unknown.
    InProgress,
}

impl VoidResult {
    /// Derives the result from all payments of the order, including the one of the attempt.
    pub fn from_payments<'a>(payments: impl IntoIterator<Item = &'a Payment>) -> Self {
        let mut result = Self::Voided;
        for payment in payments {
            match payment.status {
                Status::Succeeded { .. } => return Self::AlreadyCharged(payment.intent.transaction),
                Status::Pending { .. } => result = Self::InProgress,
                Status::Declined(_) | Status::Refunding { .. } | Status::Refunded { .. } => {}
            }
        }
        result
    }
}
