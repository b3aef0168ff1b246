//! Parts and reservations in PostgreSQL.
//!
//! A write is one statement, and whoever changes what an order holds locks the order's parts first, in the order of their uuids,
//! and its reservation after them: no two can wait for each other. What was decided on is compared again when it is written
//! (`reservations.status = present.status`), because a statement sees reservations as they were when it began; a statement
//! that finds them changed does nothing, says `raced` and is made anew.

mod catalogue;
mod commit;
mod expire;
mod release;
mod reserve;
mod restock;

use async_trait::async_trait;
pub use catalogue::PgCatalogue;
use platform::postgres::{Database, retry_stale};
use sqlx::migrate::Migrator;
use uuid::Uuid;

use super::{Delivery, Hold, Warehouse};
use crate::{
    error::Error,
    model::{Lines, Reserved},
};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/inventory");

/// How often a statement is made anew because others were faster: each time, they got on.
const ATTEMPTS: u32 = 20;

/// What a statement found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
enum Verdict {
    /// It is as it was asked to be, now or since long.
    Done,
    /// The event had its effect before.
    Seen,
    /// There is no such thing.
    Unknown,
    /// Too little is there.
    Short,
    /// The reservation has come to another end.
    Ended,
    /// Others were faster; nothing is changed.
    Raced,
}

#[derive(Clone)]
pub struct PgWarehouse {
    pool: Database,
}

impl PgWarehouse {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Warehouse for PgWarehouse {
    async fn reserve(
        &self,
        order: Uuid,
        lines: &Lines,
        hold: Hold,
        cause: Option<Delivery>,
    ) -> Result<Vec<Reserved>, Error> {
        for _ in 0..ATTEMPTS {
            let rows = retry_stale(|| reserve::reserve(&self.pool, order, lines, hold, cause)).await?;
            if let Some(outcome) = reserve::outcome(order, rows) {
                return outcome;
            }
        }
        Err(Error::Contended(order))
    }

    async fn release(&self, order: Uuid, cause: Option<Delivery>) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            match retry_stale(|| release::release(&self.pool, order, cause)).await? {
                Verdict::Done | Verdict::Seen => return Ok(()),
                Verdict::Ended => return Err(Error::ReservationEnded(order)),
                Verdict::Raced => {}
                Verdict::Unknown | Verdict::Short => return Err(Error::Inconsistent("the verdict of a release")),
            }
        }
        Err(Error::Contended(order))
    }

    async fn commit(&self, order: Uuid, cause: Option<Delivery>) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let (verdict, short) = retry_stale(|| commit::commit(&self.pool, order, cause)).await?;
            match verdict {
                Verdict::Done | Verdict::Seen => return Ok(()),
                Verdict::Unknown => return Err(Error::ReservationNotFound(order)),
                Verdict::Ended => return Err(Error::ReservationEnded(order)),
                Verdict::Short => {
                    return Err(short.map_or(Error::Inconsistent("a reservation without parts"), Error::OutOfStock));
                }
                Verdict::Raced => {}
            }
        }
        Err(Error::Contended(order))
    }

    async fn expire(&self, limit: i64) -> Result<u64, Error> {
        Ok(retry_stale(|| expire::expire(&self.pool, limit)).await?)
    }

    async fn restock(&self, restock: Uuid, lines: &Lines) -> Result<(), Error> {
        match retry_stale(|| restock::restock(&self.pool, restock, lines)).await? {
            Some(unknown) => Err(Error::PartNotFound(unknown)),
            None => Ok(()),
        }
    }
}
