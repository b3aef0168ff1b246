//! Stock and reservations in PostgreSQL.
//!
//! To prevent deadlocks, a statement locks parts by ascending UUID, then reservations by ascending UUID. It reads a
//! reservation as it was when the statement began, so its update compares the status again. If the status has changed
//! meanwhile, the statement does not change the order, whose outcome is `conflict`, and the caller retries the request.
//!
//! `reserve` and `commit` execute a group of requests. A retried request joins a later group.

mod commit;
mod due;
mod reserve;
mod stock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{events::Cause, ids::OrderId};
use futures::future::join_all;
use platform::{
    auth::Author,
    postgres::{Database, DatabaseError, GroupCommit, retry_stale},
};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Expiry, Lines, ReservedLine},
    repository::{Due, ReservationRequest, Warehouse},
};
use commit::CommitRequest;
use stock::Restocked;

/// The maximum number of tries of a request that ends in conflicts. With each conflict, another request has made
/// progress.
const MAX_TRIES: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum StockOutcome {
    /// This or an earlier call made the requested change.
    Done,
    /// The event was handled before.
    Duplicate,
    /// The part or the reservation does not exist.
    NotFound,
    OutOfStock,
    /// The user would hold more than a user's share of a part.
    TooManyReserved,
    /// The reservation was released or committed, which contradicts the request.
    Ended,
    /// A concurrent statement, or an earlier request of the group, came first. Nothing has changed for this request.
    Conflict,
}

#[derive(Clone)]
pub struct PgWarehouse {
    pool: Database,
    reservations: GroupCommit<ReservationRequest, Option<Result<Vec<ReservedLine>, Error>>>,
    commits: GroupCommit<CommitRequest, Option<Result<(), Error>>>,
}

impl PgWarehouse {
    pub fn new(pool: Database) -> Self {
        Self {
            reservations: GroupCommit::by_key(
                "reserve_parts",
                pool.clone(),
                |request: &ReservationRequest| request.order,
                reserve::reserve,
            ),
            commits: GroupCommit::by_key(
                "commit_reservations",
                pool.clone(),
                |request: &CommitRequest| request.order,
                commit::commit,
            ),
            pool,
        }
    }
}

/// Executes a request with the next group, and with later ones until it is decided.
async fn decide<Q, A>(groups: &GroupCommit<Q, Option<Result<A, Error>>>, order: OrderId, request: Q) -> Result<A, Error>
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    for _ in 0..MAX_TRIES {
        if let Some(decided) = groups.submit(request.clone()).await? {
            return decided;
        }
    }
    Err(Error::Contended(order))
}

#[async_trait]
impl Warehouse for PgWarehouse {
    async fn reserve(&self, requests: Vec<ReservationRequest>) -> Vec<Result<Vec<ReservedLine>, Error>> {
        let decided = requests.into_iter().map(|request| decide(&self.reservations, request.order, request));
        join_all(decided).await
    }

    async fn release(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error> {
        for _ in 0..MAX_TRIES {
            match retry_stale(|| stock::release(&self.pool, order, cause)).await? {
                StockOutcome::Done | StockOutcome::Duplicate => return Ok(()),
                StockOutcome::Ended => return Err(Error::ReservationEnded(order)),
                StockOutcome::Conflict => {}
                StockOutcome::NotFound | StockOutcome::OutOfStock | StockOutcome::TooManyReserved => {
                    return Err(DatabaseError::inconsistent("reservations", "status", order).into());
                }
            }
        }
        Err(Error::Contended(order))
    }

    async fn commit(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error> {
        decide(&self.commits, order, CommitRequest { order, cause }).await
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
        Ok(retry_stale(|| due::expire(&self.pool, orders, read_at)).await?)
    }

    async fn unpaid_share(&self) -> Result<f64, Error> {
        Ok(retry_stale(|| due::unpaid_share(&self.pool)).await?)
    }

    async fn restock(&self, restock: Uuid, lines: &Lines, by: &Author) -> Result<(), Error> {
        match retry_stale(|| stock::restock(&self.pool, restock, lines, by)).await? {
            Restocked::Added => Ok(()),
            Restocked::Unknown(part) => Err(Error::PartNotFound(part)),
            Restocked::Existing => {
                // The statement above does not see the lines of a restock that another transaction committed while it
                // waited.
                let earlier = retry_stale(|| stock::lines(&self.pool, restock)).await?;
                if earlier == *lines { Ok(()) } else { Err(Error::AnotherRestock) }
            }
        }
    }
}
