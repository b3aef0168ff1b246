//! Idempotency keys in PostgreSQL: a request that a client repeats is executed once, and each repeat gets the first
//! response.
//!
//! A client that got no response cannot know whether its request was executed. If it repeats the request, a payment may
//! be made twice; if it does not, perhaps never. So it chooses a key for the request and sends it with each retry
//! (`Idempotency-Key` in HTTP). [`once()`] claims the key, executes the work and stores the response in one
//! transaction: there is no state in which one of them is committed without the others, and no lease that can expire in
//! between.
//!
//! What is promised, and what is not:
//!
//! 1. The changes that `work` makes over the connection that it is given are committed at most once per key, together
//!    with the response that each repeat gets, until [`sweep`] removes the key.
//! 2. If `work` fails or panics, its future is dropped, or the process is killed, nothing is committed and the key is
//!    free.
//! 3. An effect of `work` outside the transaction is not undone by a rollback and may happen twice: a call to another
//!    system, an email, a message to a broker, a statement over another connection. Instead, write an event to an
//!    outbox in the same transaction, or pass the key on to the other system.
//! 4. An error is not stored: a repeat of a request that failed executes it again. A refusal that a repeat should get
//!    as well has to be a value of `T`.
//!
//! ```no_run
//! use idempotency::{Key, OnceError, Response, once};
//! use sqlx::{PgConnection, PgPool};
//!
//! #[derive(serde::Serialize)]
//! struct Debit {
//!     account: i64,
//!     cents: i64,
//! }
//!
//! /// Returns the new balance.
//! async fn debit(pool: &PgPool, key: &Key<'_>, debit: &Debit) -> Result<Response<i64>, OnceError<sqlx::Error>> {
//!     once(pool, key, debit, async |connection: &mut PgConnection| {
//!         sqlx::query_scalar::<_, i64>("update accounts set cents = cents - $2 where id = $1 returning cents")
//!             .bind(debit.account)
//!             .bind(debit.cents)
//!             .fetch_one(connection)
//!             .await
//!     })
//!     .await
//! }
//! ```
//!
//! The table is created by [`SCHEMA`], the file `migrations/idempotency_keys.sql`. [`Keys`] takes another table's name
//! and another `lock_timeout`. [`Pieces`] is the second form: SQL for a single statement of your own. [`MemoryKeys`]
//! has the same behaviour without a database, for tests.
//!
//! # Errors
//!
//! | [`OnceError`] | HTTP | the key afterwards |
//! |---|---|---|
//! | [`Work`](OnceError::Work) | that of the error | free |
//! | [`Reused`](OnceError::Reused) | 422 | that of the other request |
//! | [`InProgress`](OnceError::InProgress) | 409, retry later | held by the request in progress |
//! | [`InvalidKey`](OnceError::InvalidKey) | 400 | |
//! | [`TooLarge`](OnceError::TooLarge), [`Json`](OnceError::Json) | 500 | free |
//! | [`Stored`](OnceError::Stored) | 500 | has its response |
//! | [`Database`](OnceError::Database) | 503, retry | free, or has its response if the commit broke off |
//!
//! # Bounds
//!
//! - A key has 1 to 255 characters, a scope 0 to 255.
//! - A response has at most [`MAX_RESPONSE_BYTES`] of JSON. A larger one is refused, and everything rolled back.
//! - A repeat waits for the request in progress for at most `lock_timeout`, 5 s by default. Meanwhile it holds a
//!   connection of the pool, so a client that repeats too eagerly should be limited before.
//! - Rows stay until [`sweep`] removes them, 5 000 per statement. Call it with the time in which clients repeat, such
//!   as 24 hours.
//!
//! # Costs
//!
//! Round trips to the server, in addition to those of `work`:
//!
//! | | |
//! |---|---|
//! | a new request | 4: begin (with `lock_timeout`), claim, store, commit |
//! | a repeat | 3: begin, claim, read. The rollback is sent when the connection returns to the pool. |
//! | a single statement ([`Pieces`]) | 1, also for a repeat; 2 for one that ran at the same time |
//!
//! sqlx prepares a statement when a connection first executes it, which costs one more.

mod key;
mod memory;
mod once;
mod response;
mod sql;

pub use key::{Fingerprint, InvalidKey, Key, fingerprint};
pub use memory::MemoryKeys;
pub use once::{Keys, once, sweep};
pub use response::{MAX_RESPONSE_BYTES, OnceError, Response};
pub use sql::{Pieces, Row};

/// Creates the table `idempotency_keys`. For another name, copy it.
pub const SCHEMA: &str = include_str!("../migrations/idempotency_keys.sql");
