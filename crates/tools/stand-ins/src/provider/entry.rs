//! An entry of the provider's ledger.

use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The Idempotency-Key of the request; for a charge or a decline, the transaction's UUID.
    pub key: String,
    pub kind: EntryKind,
    /// Nil if the charge names no order.
    pub order: Uuid,
    /// In minor units, positive.
    pub amount: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    Charge,
    Decline,
    Refund,
}
