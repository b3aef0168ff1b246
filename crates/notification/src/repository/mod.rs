//! Where notifications are kept, and how far each bot has read its updates.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
pub use memory::{MemoryNotifications, MemoryOffsets};
pub use postgres::{MIGRATIONS, PgNotifications, PgOffsets};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Due, NewNotification, Notification, Verdict},
};

#[async_trait]
pub trait Notifications: Send + Sync {
    /// Queues a notification, once per event and once per order and kind. True when it is new.
    async fn queue(&self, consumer: &'static str, event: Uuid, new: &NewNotification) -> Result<bool, Error>;
    /// The notifications whose turn it is, oldest first, at most `limit`: the first in each chat's queue unless it waits
    /// or is under way, and, if `unaddressed`, those without a chat. [Lanes](Due::lane) in `busy` are left out.
    async fn due(&self, limit: i64, unaddressed: bool, busy: &[String]) -> Result<Vec<Due>, Error>;
    /// Says where a notification goes, once.
    async fn address(&self, uuid: Uuid, chat: &str) -> Result<(), Error>;
    /// Notes that a notification is about to be handed over. False when somebody else has been at it since it was read.
    async fn claim(&self, due: &Due) -> Result<bool, Error>;
    /// Writes what came of the hand-over number `attempt`; 0 is before the first. Of a hand-over that somebody has given up
    /// meanwhile, only that the message was sent still counts.
    async fn settle(&self, uuid: Uuid, attempt: i32, verdict: &Verdict) -> Result<(), Error>;
    /// Gives up hand-overs that began longer ago than `age`: nobody lives to tell how they ended. Answers how many.
    async fn give_up(&self, age: Duration) -> Result<u64, Error>;
    /// How many are queued.
    async fn queued(&self) -> Result<i64, Error>;
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
}
