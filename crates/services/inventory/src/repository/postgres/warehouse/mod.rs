//! Stock and reservations in PostgreSQL. One statement changes one order, or a group of orders at once (`grouped`).
//!
//! To prevent deadlocks, a statement locks the order's parts by ascending UUID, then its reservation. It reads the
//! reservation as it was when the statement began, so its update compares the status again (`reservations.status =
//! reservation.status`). If the status has changed meanwhile, the statement changes nothing, returns `conflict`, and
//! the caller repeats it.

mod commit;
mod due;
mod expire;
mod grouped;
mod release;
mod reserve;
mod restock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{events::Cause, ids::OrderId};
use platform::{
    auth::Author,
    postgres::{Database, DatabaseError, GroupCommit, retry_stale},
};
use uuid::Uuid;

use self::restock::Restocked;
use crate::{
    error::Error,
    model::{Holder, Lines, ReservedLine},
    repository::{Due, Expiry, Warehouse},
};

/// The maximum number of tries of a statement that ends in conflicts. With each conflict, another statement has made
/// progress.
const MAX_TRIES: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum Outcome {
    /// This or an earlier call made the requested change.
    Done,
    /// The event was handled before.
    Duplicate,
    /// The part or the reservation does not exist.
    NotFound,
    OutOfStock,
    /// The user would hold more of a part than his share.
    TooManyReserved,
    /// The reservation was released or committed, which contradicts the request.
    Ended,
    /// A concurrent statement changed the reservation first. This statement changed nothing.
    Conflict,
}

#[derive(Clone)]
pub struct PgWarehouse {
    pool: Database,
    reservations: GroupCommit<grouped::reserve::Request, Option<Result<Vec<ReservedLine>, Error>>>,
    confirmations: GroupCommit<OrderId, Option<Vec<ReservedLine>>>,
    commits: GroupCommit<grouped::commit::Request, Option<Outcome>>,
}

impl PgWarehouse {
    pub fn new(pool: Database) -> Self {
        Self {
            reservations: GroupCommit::by_key(
                "reserve_parts",
                pool.clone(),
                |request: &grouped::reserve::Request| request.order,
                grouped::reserve::reserve,
            ),
            confirmations: GroupCommit::by_key(
                "confirm_reservations",
                pool.clone(),
                |order: &OrderId| *order,
                grouped::confirm::confirm,
            ),
            commits: GroupCommit::by_key(
                "commit_reservations",
                pool.clone(),
                |request: &grouped::commit::Request| request.order,
                grouped::commit::commit,
            ),
            pool,
        }
    }

    /// Returns `None` if the caller must execute a separate statement for the order.
    async fn reserve_grouped(
        &self,
        order: OrderId,
        lines: &Lines,
        expiry: Expiry,
        holder: Option<Holder>,
    ) -> sqlx::Result<Option<Result<Vec<ReservedLine>, Error>>> {
        match expiry {
            Expiry::Never => Ok(self.confirmations.submit(order).await?.map(Ok)),
            Expiry::After(held_for) => {
                let lines = lines.clone();
                self.reservations.submit(grouped::reserve::Request { order, lines, held_for, holder }).await
            }
        }
    }
}

#[async_trait]
impl Warehouse for PgWarehouse {
    async fn reserve(
        &self,
        order: OrderId,
        lines: &Lines,
        expiry: Expiry,
        holder: Option<Holder>,
    ) -> Result<Vec<ReservedLine>, Error> {
        if let Some(decided) = self.reserve_grouped(order, lines, expiry, holder).await? {
            return decided;
        }
        for _ in 0..MAX_TRIES {
            let rows = retry_stale(|| reserve::reserve(&self.pool, order, lines, expiry, holder)).await?;
            if let Some(result) = reserve::result(order, &rows) {
                return result;
            }
        }
        Err(Error::Contended(order))
    }

    async fn release(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error> {
        for _ in 0..MAX_TRIES {
            match retry_stale(|| release::release(&self.pool, order, cause)).await? {
                Outcome::Done | Outcome::Duplicate => return Ok(()),
                Outcome::Ended => return Err(Error::ReservationEnded(order)),
                Outcome::Conflict => {}
                Outcome::NotFound | Outcome::OutOfStock | Outcome::TooManyReserved => {
                    return Err(DatabaseError::inconsistent("reservations", "status", order).into());
                }
            }
        }
        Err(Error::Contended(order))
    }

    async fn commit(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error> {
        if self.commits.submit(grouped::commit::Request { order, cause }).await? == Some(Outcome::Done) {
            return Ok(());
        }
        for _ in 0..MAX_TRIES {
            let (outcome, short) = retry_stale(|| commit::commit(&self.pool, order, cause)).await?;
            match outcome {
                Outcome::Done | Outcome::Duplicate => return Ok(()),
                Outcome::NotFound => return Err(Error::ReservationNotFound(order)),
                Outcome::Ended => return Err(Error::ReservationEnded(order)),
                Outcome::OutOfStock | Outcome::TooManyReserved => {
                    let without_parts = || DatabaseError::inconsistent("reservation_items", "part_uuid", order).into();
                    return Err(short.map_or_else(without_parts, Error::OutOfStock));
                }
                Outcome::Conflict => {}
            }
        }
        Err(Error::Contended(order))
    }

    async fn due(&self, limit: i64) -> Result<Due, Error> {
        Ok(retry_stale(|| due::due(&self.pool, limit)).await?)
    }

    async fn move_back(&self, order: OrderId) -> Result<(), Error> {
        Ok(retry_stale(|| due::move_back(&self.pool, order)).await?)
    }

    async fn keep(&self, orders: &[OrderId], expiry: Expiry) -> Result<u64, Error> {
        if orders.is_empty() {
            return Ok(0);
        }
        Ok(retry_stale(|| due::keep(&self.pool, orders, expiry)).await?)
    }

    async fn expire(&self, orders: &[OrderId], read_at: DateTime<Utc>) -> Result<u64, Error> {
        Ok(retry_stale(|| expire::expire(&self.pool, orders, read_at)).await?)
    }

    async fn unpaid_share(&self) -> Result<f64, Error> {
        Ok(retry_stale(|| due::unpaid_share(&self.pool)).await?)
    }

    async fn restock(&self, restock: Uuid, lines: &Lines, by: &Author) -> Result<(), Error> {
        match retry_stale(|| restock::restock(&self.pool, restock, lines, by)).await? {
            Restocked::Added => Ok(()),
            Restocked::Unknown(part) => Err(Error::PartNotFound(part)),
            Restocked::Repeated => {
                // The statement above does not see the lines of a restock that another transaction committed while it
                // waited.
                let earlier = retry_stale(|| restock::lines(&self.pool, restock)).await?;
                if earlier == *lines { Ok(()) } else { Err(Error::AnotherRestock) }
            }
        }
    }
}
