//! The services that an order needs: inventory and payment.

mod inventory;
mod memory;
mod payment;

use async_trait::async_trait;
use contracts::ids::{OrderId, PartId, TransactionId};
use contracts::money::Money;
pub use inventory::GrpcInventory;
pub use memory::{Fault, MemoryInventory, MemoryPayments};
pub use payment::GrpcPayments;

use crate::{
    error::{Error, Refusal},
    model::{Attempt, Order},
};

/// What an order's parts cost, the prices being those of its first reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    pub part: PartId,
    pub quantity: i64,
    pub unit_price: Money,
}

#[async_trait]
pub trait Inventory: Send + Sync {
    /// Holds the parts for the order, all or none; a repeat answers the same.
    ///
    /// Without `confirm` the reservation expires soon; with it, it stands until the order ends.
    /// [`Refusal::PartNotFound`], [`Refusal::OutOfStock`], or [`Refusal::ReservationLost`] when the order can never have them.
    async fn reserve(&self, order: OrderId, parts: &[(PartId, i64)], confirm: bool) -> Result<Vec<Reserved>, Error>;
    /// What would speak against holding the parts now, in the same order; holds nothing.
    async fn check(&self, parts: &[(PartId, i64)]) -> Result<(), Error>;
}

/// How an attempt to pay went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Charged, by this transaction.
    Charged(TransactionId),
    /// Definitely not charged.
    Declined(Refusal),
    /// Not known: it may have been charged, and must be asked again.
    Unknown(String),
}

/// What came of the wish that an attempt is never charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voided {
    /// Nothing is charged under it, now or later.
    Void,
    /// The order is charged already, by this transaction.
    Charged(TransactionId),
    /// Not known: it must be asked again.
    Unknown(String),
}

#[async_trait]
pub trait Payments: Send + Sync {
    /// Charges the order once for this attempt, however often it is asked.
    async fn pay(&self, order: &Order, attempt: Attempt) -> Payment;
    /// Sees to it that this attempt is never charged, unless the order is charged already.
    async fn void(&self, order: &Order, attempt: Attempt) -> Voided;
}
