//! Group commit for PostgreSQL: requests that arrive while a statement runs are executed together by the next
//! statement. Each request gets its own result or error, and one that fails or waits for a lock does not fail the
//! others of its group. A result means that the request is committed, but after an error, or if the caller stops
//! waiting, it may be committed, too. A statement may run more than once, so it has to be repeatable; waiting requests
//! are not durable, and they may overtake each other.
//!
//! There is no timer: a request that finds no statement running does not wait.
//!
//! ```no_run
//! use std::{collections::HashMap, sync::Arc};
//!
//! use group_commit::GroupCommit;
//! use sqlx::PgPool;
//!
//! #[derive(Clone)]
//! struct Request {
//!     seat: i32,
//!     holder: String,
//! }
//!
//! /// Takes free seats, and returns those that now belong to the holders who requested them. Taking one's own seat
//! /// again changes nothing, so the statement is repeatable. It locks the rows in ascending order, so that two groups
//! /// do not deadlock.
//! async fn take(pool: PgPool, requests: Arc<[Request]>) -> sqlx::Result<HashMap<i32, ()>> {
//!     let (seats, holders): (Vec<i32>, Vec<String>) =
//!         requests.iter().map(|request| (request.seat, request.holder.clone())).unzip();
//!     let taken: Vec<i32> = sqlx::query_scalar(
//!         "insert into seats (seat, holder)
//!          select * from unnest($1::int[], $2::text[]) as request (seat, holder) order by seat
//!          on conflict (seat) do update set holder = excluded.holder where seats.holder = excluded.holder
//!          returning seat",
//!     )
//!     .bind(seats)
//!     .bind(holders)
//!     .fetch_all(&pool)
//!     .await?;
//!     Ok(taken.into_iter().map(|seat| (seat, ())).collect())
//! }
//!
//! # async fn example(pool: PgPool) -> sqlx::Result<()> {
//! let seats = GroupCommit::by_key("take_seats", pool, |request: &Request| request.seat, take);
//!
//! // In each request handler, through a clone of `seats`:
//! let is_taken = seats.submit(Request { seat: 12, holder: "Ada".to_owned() }).await?.is_some();
//! # Ok(())
//! # }
//! ```
//!
//! The pool may be of any type, since only the statement uses it.
//!
//! # Errors
//!
//! - An error that comes from the state of the server ([`is_unavailable`]) fails the whole group.
//! - After any other error, a panic, a deadlock or a wait for a lock, each request of the group is executed alone. It
//!   gets its own error, and a caller whose request panics gets the panic.
//! - A statement on a stale connection, such as one that the server has closed, is repeated once ([`retry_stale`]).
//! - If too many requests wait, [`submit`](GroupCommit::submit) fails with
//!   [`PoolTimedOut`](sqlx::Error::PoolTimedOut).
//!
//! # Limits
//!
//! Each [`GroupCommit`] has its own:
//!
//! - A group has at most 64 requests, and at most 4096 requests wait.
//! - The next group begins when the previous one ends, or after 250 ms. At most three groups and six requests that are
//!   executed alone run at once, so they use at most nine connections.
//! - Statements have no time limit here. Give the connections a `statement_timeout`, and a short `lock_timeout` such as
//!   200 ms, so that a group does not wait long for the lock of one request.
//!
//! # Cost
//!
//! - A group costs one round trip, one execution of a plan and one flush, like a single request. While fewer than 64
//!   requests wait, each gets its result after at most the rest of the running statement and its own.
//! - A group in which a request fails costs one more statement for each of its requests.
//! - sqlx's pool pings a connection before its use (unless `test_before_acquire` is false) and after it: two more round
//!   trips for each group instead of each request.
//!
//! The counters `group_commits_total` and `group_commit_requests_total` of the crate `metrics`, with the label
//! `statement`, show how many requests a group has.
//!
//! # Batches of other work
//!
//! [`Batcher`] is the same queue for any asynchronous work, such as calls to another service. [`BatchDelay`] spaces the
//! batches of a caller that gathers its items itself.

mod batch_delay;
mod batcher;
mod errors;
mod group_commit;

pub use self::{
    batch_delay::BatchDelay,
    batcher::{Batcher, Entry, Limits, SubmitError},
    errors::{is_contended, is_refused, is_stale, is_unavailable, retry_stale},
    group_commit::GroupCommit,
};
