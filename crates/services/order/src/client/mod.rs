//! Clients of the services that order calls, inventory, payment and delivery: traits, gRPC clients, in-memory twins.

mod delivery;
mod inventory;
mod memory;
mod payment;
mod users;

use async_trait::async_trait;
use contracts::ids::{OrderId, PartId, TransactionId};
use contracts::money::Money;
pub(crate) use delivery::estimated_delivery;
pub use delivery::{GrpcDelivery, MemoryDelivery, Tracking};
pub use inventory::GrpcInventory;
pub use memory::{Fault, MemoryInventory, MemoryPayments};
pub use payment::GrpcPayments;
pub use users::{GrpcUsers, MemoryUsers, Users};

use crate::{
    error::{Error, Refusal},
    model::{self, Attempt, Order},
};

/// A reserved part, at the price of the order's first reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    pub part: PartId,
    pub quantity: i64,
    pub unit_price: Money,
}

#[async_trait]
pub trait Inventory: Send + Sync {
    /// Reserves the parts for the order, all or none; a repeat answers the same.
    ///
    /// Without `confirm` the reservation expires soon; with it, it stands until the order ends.
    /// [`Refusal::PartNotFound`], [`Refusal::OutOfStock`], or [`Refusal::ReservationLost`] when the order can never have them.
    async fn reserve(&self, order: OrderId, parts: &[(PartId, i64)], confirm: bool) -> Result<Vec<Reserved>, Error>;
    /// Fails as [`reserve`](Self::reserve) would now; reserves nothing.
    async fn check(&self, parts: &[(PartId, i64)]) -> Result<(), Error>;
    /// Returns the parts with these names, each with its name, in the order of the catalogue.
    async fn named(&self, names: &[String]) -> Result<Vec<(String, PartId)>, Error>;
    /// Releases the order's reservation; it can never get one again.
    async fn release(&self, order: OrderId) -> Result<(), Error>;
}

/// Payment's answer to a request to charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Charged, by this transaction.
    Charged(TransactionId),
    /// Not charged, now or later.
    Declined(Refusal),
    /// Unknown: it may have been charged, and must be asked again.
    Unknown(String),
}

/// Payment's answer to a request to void an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voided {
    /// Nothing is charged under it, now or later.
    Void,
    /// The order is charged already, by this transaction.
    Charged(TransactionId),
    /// Unknown: it must be asked again.
    Unknown(String),
}

#[async_trait]
pub trait Payments: Send + Sync {
    /// Charges the order for this attempt, once even if repeated.
    async fn pay(&self, order: &Order, attempt: Attempt) -> Payment;
    /// Finds the order's attempt that was not declined, otherwise the latest; `None` before an attempt was requested from the payment
    /// service.
    async fn find(&self, order: OrderId) -> Result<Option<model::Payment>, Error>;
    /// Prevents any charge under this attempt, unless the order is charged already.
    async fn void(&self, order: &Order, attempt: Attempt) -> Voided;
}
