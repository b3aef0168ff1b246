//! Storage of deliveries and couriers, and their dispatch, with the inbox and outbox rows of each change.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{CourierId, OrderId, PlaceId, UserId},
};
pub use memory::MemoryRepository;
pub use postgres::{EARLY_BATCH, LEASE_NAME, MIGRATIONS, PgRepository, remove_early};

use crate::{
    error::Error,
    model::{
        Assignment, Delivery, Early, Event, FreeCourier, Known, Location, Name, NewCourier, Speed, Step, Trip, Volume,
        Waiting,
    },
};

/// An order that waits for a courier or is carried by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveOrder {
    pub order: OrderId,
    pub user: Option<UserId>,
    pub location: Location,
}

/// A delivery, and its courier's trip while a courier carries the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub delivery: Delivery,
    pub trip: Option<Trip>,
}

#[async_trait]
pub trait Deliveries: Send + Sync {
    async fn find(&self, order: OrderId) -> Result<Known, Error>;
    /// Writes a delivery and its events if the database's record of the order is still `known`. Otherwise writes
    /// nothing and returns false.
    async fn save(
        &self,
        known: &Known,
        delivery: &Delivery,
        events: &[Event],
        cause: Option<Cause>,
    ) -> Result<bool, Error>;
    /// Stores an event of an order that has no row yet. If the inbox has `paid` although the order has no row, the
    /// order gets no delivery, and only `cause` is recorded in the inbox. If the order has a row by now, writes nothing
    /// and returns false.
    async fn keep_early(&self, order: OrderId, early: Early, paid: Cause, cause: Cause) -> Result<bool, Error>;
    /// Records in the inbox an event that changes nothing.
    async fn skip(&self, cause: Cause) -> Result<(), Error>;
    /// Returns up to `limit` orders that wait for a courier or are carried, of `user` or of all users, longest wait
    /// first.
    async fn active(&self, user: Option<UserId>, limit: i64) -> Result<Vec<ActiveOrder>, Error>;
    async fn show(&self, order: OrderId) -> Result<Option<Shown>, Error>;
}

/// A courier as it appears in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCourier {
    pub id: CourierId,
    pub name: Name,
    pub speed: Speed,
    pub location: Location,
    /// The order that the courier carries, its user and its destination.
    pub carries: Option<(OrderId, Option<UserId>, Location)>,
}

#[async_trait]
pub trait Couriers: Send + Sync {
    /// Adds the couriers that do not exist yet. Returns their number.
    async fn seed(&self, couriers: &[NewCourier]) -> Result<usize, Error>;
    /// Fails if `MAX_COURIERS` exist.
    async fn add(&self, courier: &NewCourier) -> Result<(), Error>;
    /// Fails if the courier does not exist or has `MAX_PLACES`.
    async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error>;
    /// Lists the couriers in the order in which they were added.
    async fn list(&self) -> Result<Vec<ListedCourier>, Error>;
}

/// The maximum number of couriers, and of storage places per courier.
pub const MAX_COURIERS: i64 = 10_000;
pub const MAX_PLACES: i64 = 100;

/// A courier that was refused an order is moved back: it gets no order for this time, which is short because one order
/// can be refused to all couriers. Afterwards the courier comes last among the free ones, until it gets an order.
pub const COURIER_MOVED_BACK_FOR: Duration = Duration::from_secs(1);

#[async_trait]
pub trait Dispatch: Send + Sync {
    /// Returns at most `MAX_COURIERS` couriers that carry no order and are not moved back, in the order of their uuids.
    async fn free(&self) -> Result<Vec<FreeCourier>, Error>;
    /// Returns true if an order whose volume is at most `largest` waits for a courier, even if the order's row cannot
    /// be decoded.
    async fn has_waiting(&self, largest: Volume) -> Result<bool, Error>;
    /// Returns up to `limit` orders that wait for a courier and have at most the volume `largest`, longest wait first.
    /// The wait of an order that was moved back begins when it may be assigned again. Moves back orders whose rows
    /// cannot be decoded.
    async fn waiting(&self, largest: Volume, limit: i64) -> Result<Vec<Waiting>, Error>;
    /// Assigns each order that still waits to its courier, if the courier is still free on the cell of the decision,
    /// and puts it into the first storage place that can store it. One statement changes order, courier and storage
    /// place and writes the events. Returns the assigned orders.
    async fn assign(&self, assignments: &[Assignment]) -> Result<Vec<OrderId>, Error>;
    /// Moves back the orders by [`MOVED_BACK_FOR`](platform::jobs::MOVED_BACK_FOR), and the couriers by
    /// [`COURIER_MOVED_BACK_FOR`], since a refused assignment does not show which of its two rows is the reason.
    async fn move_back(&self, orders: &[OrderId], couriers: &[CourierId]) -> Result<(), Error>;
    /// Reads up to `limit` couriers that carry an order, in the order of their uuids, beginning after the courier
    /// `after`.
    async fn trips(&self, after: Option<CourierId>, limit: i64) -> Result<TripPage, Error>;
    async fn counts(&self) -> Result<Counts, Error>;
    /// Moves each courier that is still on the cell where its step begins. Writes nothing unless `epoch` is the current
    /// epoch of the lease for moving couriers.
    async fn step(&self, epoch: i64, steps: &[Step]) -> Result<Moved, Error>;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TripPage {
    /// Omits couriers whose rows could not be decoded.
    pub trips: Vec<Trip>,
    /// The courier after which the next page begins; `None` if this page is the last.
    pub next: Option<CourierId>,
}

impl TripPage {
    /// `trips` were read from the rows of `count` couriers, the last of which is `last`.
    pub fn new(trips: Vec<Trip>, last: Option<CourierId>, count: usize, limit: i64) -> Self {
        let is_full = i64::try_from(count).is_ok_and(|count| count >= limit);
        Self { trips, next: last.filter(|_| is_full) }
    }
}

/// The numbers of orders and couriers by state. Delivered and failed orders are not counted, since their number
/// grows without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The orders that wait for a courier, up to `MAX_COUNTED`.
    pub created: u32,
    /// The orders that a courier carries: as many as busy couriers.
    pub assigned: u32,
    pub free: u32,
}

/// The maximum number of orders counted, so that counting a backlog stays cheap.
pub const MAX_COUNTED: u32 = 10_000;

/// The result of a batch of steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The number of couriers that moved.
    pub couriers: usize,
    /// The number of these couriers that arrived.
    pub arrived: usize,
    /// For each of the arrived couriers whose order has a user, the time since the order began to wait for a courier.
    /// Baskets and trial orders were not paid, and may wait for a courier with enough room.
    pub took: Vec<Duration>,
}
