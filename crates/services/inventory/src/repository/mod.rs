//! Where parts and reservations are kept.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
pub use memory::{MemoryInventory, Reservation};
pub use postgres::{MIGRATIONS, PgCatalogue, PgWarehouse};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Filter, Lines, NewPart, Page, Part, Reserved},
};

/// What is for sale.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Adds the parts that are not there yet, in this order. Answers how many that were.
    async fn seed(&self, parts: &[NewPart]) -> Result<u64, Error>;
    async fn find(&self, part: Uuid) -> Result<Option<Part>, Error>;
    /// The parts that match, by position.
    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Part>, Error>;
}

/// How long parts are set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Until it is confirmed, at most so long.
    For(Duration),
    /// Until the order ends it.
    Confirmed,
}

/// The event that causes a change. It is kept with the change; when it comes again, nothing changes and nothing is answered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    pub consumer: &'static str,
    pub event: Uuid,
}

/// How much there is, and what orders hold of it. Every call may be repeated.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Sets parts aside, all or none. An order that has a reservation keeps it, with the parts and prices of the first call; one
    /// that has expired is made again.
    ///
    /// Fails with [`PartNotFound`](Error::PartNotFound), [`OutOfStock`](Error::OutOfStock), or
    /// [`ReservationEnded`](Error::ReservationEnded) once the parts have been released.
    async fn reserve(
        &self,
        order: Uuid,
        lines: &Lines,
        hold: Hold,
        cause: Option<Delivery>,
    ) -> Result<Vec<Reserved>, Error>;
    /// Gives an order's parts back, if it has any, and sees to it that it never gets any again.
    ///
    /// Fails with [`ReservationEnded`](Error::ReservationEnded) when the parts are built in.
    async fn release(&self, order: Uuid, cause: Option<Delivery>) -> Result<(), Error>;
    /// An order's parts are built in. Those of a reservation that has expired are taken from what there is.
    ///
    /// Fails with [`ReservationNotFound`](Error::ReservationNotFound), [`ReservationEnded`](Error::ReservationEnded) when the
    /// parts have been released, or [`OutOfStock`](Error::OutOfStock) when they expired and are sold.
    async fn commit(&self, order: Uuid, cause: Option<Delivery>) -> Result<(), Error>;
    /// Gives back what is held and was not confirmed in time, of at most `limit` orders. Answers of how many.
    async fn expire(&self, limit: i64) -> Result<u64, Error>;
    /// Adds stock, to all parts or none, once per `restock`. Fails with [`PartNotFound`](Error::PartNotFound).
    async fn restock(&self, restock: Uuid, lines: &Lines) -> Result<(), Error>;
}
