//! Clients of the services that order calls: traits, gRPC clients and in-memory implementations.

mod delivery;
mod inventory;
mod memory;
mod payment;
mod users;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{
    ids::{OrderId, PartId, TransactionId, UserId},
    money::Money,
};

use crate::{
    error::{Error, OrderRefusal},
    model::{Attempt, Order, Payment},
};
pub(crate) use delivery::estimated_delivery;
pub use delivery::{GrpcDelivery, MemoryDelivery, Tracking};
pub use inventory::GrpcInventory;
pub use memory::{Fault, MemoryInventory, MemoryPayments};
pub use payment::GrpcPayments;
pub use users::{GrpcUsers, MemoryUsers, Users};

#[derive(Clone)]
pub struct Clients {
    pub inventory: Arc<dyn Inventory>,
    pub payments: Arc<dyn Payments>,
    pub users: Arc<dyn Users>,
}

/// A part reserved for an order. The unit price is the price at the order's first reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PricedPart {
    pub part: PartId,
    pub quantity: i64,
    pub unit_price: Money,
}

#[async_trait]
pub trait Inventory: Send + Sync {
    /// Reserves the parts for the order, all or none. A retry returns the same reservation.
    ///
    /// Without `confirm` the parts count as unpaid parts of the user, and the reservation expires unless the order is
    /// written soon; with `confirm` it lasts until the order ends. The last call decides. Fails with
    /// [`OrderRefusal::PartNotFound`], with [`OrderRefusal::OutOfStock`], with [`OrderRefusal::TooManyReserved`], or
    /// with [`OrderRefusal::ReservationLost`] if the order can never reserve again.
    async fn reserve(
        &self,
        order: OrderId,
        user: UserId,
        parts: &[(PartId, i64)],
        confirm: bool,
    ) -> Result<Vec<PricedPart>, Error>;
    /// Returns the parts with these names, each with its name, in the order of the catalogue.
    async fn named(&self, names: &[String]) -> Result<Vec<(String, PartId)>, Error>;
    /// Releases the order's reservation. The order can never reserve again.
    async fn release(&self, order: OrderId) -> Result<(), Error>;
}

/// The payment service's result of a request to charge an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeAnswer {
    /// This transaction has charged the order.
    Charged(TransactionId),
    /// This attempt has not charged the order and never will.
    Declined(OrderRefusal),
    /// This request was not executed. It says nothing about other requests of the attempt.
    NotAsked(String),
    /// The outcome is unknown: the order may have been charged. The request must be retried.
    Unknown(String),
}

/// The payment service's result of a request to void an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voided {
    /// The attempt has not charged the order and never will.
    Void,
    /// This transaction has charged the order already.
    Charged(TransactionId),
    /// The outcome is unknown. The request must be retried.
    Unknown(String),
}

#[async_trait]
pub trait Payments: Send + Sync {
    /// Charges the order under this attempt. A retry charges nothing more.
    async fn pay(&self, order: &Order, attempt: Attempt) -> ChargeAnswer;
    /// Returns the order's attempt that was not declined, or else the latest. Returns `None` if no attempt has reached
    /// the payment service.
    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error>;
    /// Prevents any charge under this attempt, unless the order is charged already.
    async fn void(&self, order: &Order, attempt: Attempt) -> Voided;
}
