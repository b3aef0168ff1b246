//! Where notifications are kept, and how far each bot has read its updates.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
pub use memory::{MemoryNotifications, MemoryOffsets};
pub use postgres::{MIGRATIONS, PgNotifications, PgOffsets, go_by_indexes};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Attempt, Batch, Due, NewNotification, Notification, Verdict},
};

/// Chats that one look at the queue takes in, due or not.
pub const CHATS: i32 = 1_000;
/// Notifications of a chat that one look reads: more than fit into a message.
pub const BATCH: i64 = 100;

/// One look at the queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    pub batches: Vec<Batch>,
    /// The chat behind which the next look goes on; nothing where there are no more.
    pub next: Option<String>,
}

#[async_trait]
pub trait Notifications: Send + Sync {
    /// Queues a notification, once per event and once per order and kind. True when it is new.
    async fn queue(&self, consumer: &'static str, event: Uuid, new: &NewNotification) -> Result<bool, Error>;
    /// The oldest notifications without a chat, at most `limit`, but for those in `busy`.
    async fn unaddressed(&self, limit: i64, busy: &[Uuid]) -> Result<Vec<Due>, Error>;
    /// Says where notifications go, once.
    async fn address(&self, notifications: &[Uuid], chat: &str) -> Result<(), Error>;
    /// Chats whose turn it is, at most `limit`, in the order of their names behind `after`. A chat whose oldest notification
    /// waits or is under way is left out, and so are those in `busy`. Asks for repeats, or for all else.
    ///
    /// Looks at [`CHATS`] chats and [`BATCH`] notifications of each at most, however many are queued.
    async fn due(&self, after: &str, repeats: bool, limit: i32, busy: &[String]) -> Result<Round, Error>;
    /// Notes that all of a batch is about to be handed over. False, and nothing noted, when any of it has been handed over,
    /// flagged or ended since it was read.
    async fn claim(&self, batch: &Batch) -> Result<bool, Error>;
    /// Writes what came of hand-overs that were one. Of a hand-over that another replica has given up meanwhile, only that the
    /// message was sent still counts.
    async fn settle(&self, attempts: &[Attempt], verdict: &Verdict) -> Result<(), Error>;
    /// Gives up hand-overs that began longer ago than `age`: their replica is dead or frozen, and how they ended is not known.
    /// Answers how many.
    async fn give_up(&self, age: Duration) -> Result<u64, Error>;
    /// How many are queued, counted to `limit`.
    async fn queued(&self, limit: i64) -> Result<i64, Error>;
    /// Removes notifications that ended longer ago than `age`, at most `limit`. Answers how many.
    async fn forget(&self, age: Duration, limit: i64) -> Result<u64, Error>;
    /// An order's notifications, oldest first.
    async fn of_order(&self, order: Uuid) -> Result<Vec<Notification>, Error>;
}

/// How long an offset means something: a bot that gets no updates for a week counts them anew, from anywhere.
const VALID: Duration = Duration::from_hours(6 * 24);

/// The updates of a bot that have been looked at, whoever looked.
#[async_trait]
pub trait Offsets: Send + Sync {
    /// The first update that has not been looked at, or 0 where that is not known.
    async fn next(&self, bot: &str) -> Result<i64, Error>;
    /// Moves on to `next`. False when somebody has come that far before.
    async fn advance(&self, bot: &str, next: i64) -> Result<bool, Error>;
    /// Removes the offsets of bots without an update for `age`, at most `limit`. Answers how many.
    async fn forget(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
