//! The stores: the catalogue of parts, and the warehouse with stock and reservations.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, PartId},
};
pub use memory::{MemoryInventory, Reservation};
use platform::auth::Author;
pub use postgres::{MIGRATIONS, PgCatalogue, PgWarehouse};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Expiry, Filter, Holder, Lines, NewPart, Page, Part, ReservedLine},
};

/// The parts that the shop sells.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Adds the parts that the catalogue does not have yet, in the given order. Returns their number.
    async fn seed(&self, parts: &[NewPart]) -> Result<u64, Error>;
    async fn find(&self, part: PartId) -> Result<Option<Part>, Error>;
    /// Returns a page of the parts that match the filter, ordered by position, and the position after which the next
    /// page begins, if there is one. Logs and omits a row that is not a valid part.
    async fn list(&self, filter: &Filter, page: Page) -> Result<(Vec<Part>, Option<i64>), Error>;
}

/// A request to reserve an order's parts.
#[derive(Clone, Debug)]
pub struct ReservationRequest {
    pub order: OrderId,
    pub lines: Lines,
    pub expiry: Expiry,
    /// The user whose share of a part the reservation counts towards. Without a user, no share grows.
    pub holder: Option<Holder>,
}

/// The orders whose reservations are due to expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub orders: Vec<OrderId>,
    /// The store's clock when the orders were read.
    pub read_at: DateTime<Utc>,
}

/// Up to this time after [`Due::read_at`], the store expires reservations. If a process freezes for longer after it has
/// asked the order service, an order may have been created meanwhile.
pub const ABSENCE_COUNTS_FOR: Duration = Duration::from_secs(5);

/// The stock and the orders' reservations. Every call is idempotent.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Decides each request by itself. Returns the results in the order of the requests.
    ///
    /// Reserves all lines of a request or none. A later request for the same order returns the reservation with the
    /// parts and prices of the first one, and decides about its expiry: a confirmed reservation is held again, since
    /// its order's payment was declined. The parts of an expired reservation are reserved again.
    ///
    /// Fails with [`PartNotFound`](Error::PartNotFound), [`OutOfStock`](Error::OutOfStock),
    /// [`ReservationEnded`](Error::ReservationEnded) once the reservation is released, or
    /// [`TooManyReserved`](Error::TooManyReserved) if the `holder` would hold more of a part in held reservations than
    /// the user's share.
    async fn reserve(&self, requests: Vec<ReservationRequest>) -> Vec<Result<Vec<ReservedLine>, Error>>;
    /// Returns an order's parts to the stock, if it has a reservation, and closes the order for later reservations.
    ///
    /// Fails with [`ReservationEnded`](Error::ReservationEnded) once the reservation is committed.
    async fn release(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error>;
    /// Records that an order's reserved parts are consumed. Takes the parts of an expired reservation from the
    /// available stock.
    ///
    /// Fails with [`ReservationNotFound`](Error::ReservationNotFound), [`ReservationEnded`](Error::ReservationEnded)
    /// once the reservation is released, or [`OutOfStock`](Error::OutOfStock) if it expired and the parts were sold.
    async fn commit(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error>;
    /// Returns at most `limit` orders whose reservations are held and due, earliest due first.
    async fn due(&self, limit: i64) -> Result<Due, Error>;
    /// Moves back a held reservation that cannot be expired: it is due again after
    /// [`MOVED_BACK_FOR`](platform::jobs::MOVED_BACK_FOR).
    async fn move_back(&self, order: OrderId) -> Result<(), Error>;
    /// Confirms the orders' held reservations, or renews their expiry. Returns their number.
    async fn keep(&self, orders: &[OrderId], expiry: Expiry) -> Result<u64, Error>;
    /// Expires the orders' held and due reservations, and returns their parts to the stock. Returns their number.
    ///
    /// The caller must have learned, after `read_at` of the [due](Due) orders, that these orders do not exist. More
    /// than [`ABSENCE_COUNTS_FOR`] after `read_at`, the call changes nothing: the orders may have been created
    /// meanwhile.
    async fn expire(&self, orders: &[OrderId], read_at: DateTime<Utc>) -> Result<u64, Error>;
    /// Returns the largest share of a part's unsold units that held reservations have, from 0 to 1.
    async fn unpaid_share(&self) -> Result<f64, Error>;
    /// Adds all lines to the stock or none, once per `restock`. Fails with [`PartNotFound`](Error::PartNotFound), or
    /// with [`AnotherRestock`](Error::AnotherRestock) if an earlier call with the same `restock` had other lines.
    /// `by` is recorded with the first call.
    async fn restock(&self, restock: Uuid, lines: &Lines, by: &Author) -> Result<(), Error>;
}
