//! The contract of the notification queue.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{EventId, OrderId};

use crate::{
    error::Error,
    model::{Attempt, Batch, Due, NewNotification, Notification, NotificationId, Outcome},
};

/// Chats that one page of the queue examines, due or not.
pub const CHATS: i32 = 1_000;
/// Notifications of a chat that one page reads: more than fit into a message.
pub const BATCH: i64 = 100;

/// One page of due chats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DuePage {
    pub batches: Vec<Batch>,
    /// The chat after which the next page begins; absent on the last page.
    pub next: Option<String>,
}

/// Notifications of kinds that this build does not know, queued by a newer replica, are left to that: no read returns them, and they
/// hold up no other.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Queues a notification, once per event and once per order and kind. Returns true if it is new.
    async fn queue(&self, consumer: &'static str, event: EventId, new: &NewNotification) -> Result<bool, Error>;
    /// Records that an event was handled without a notification; idempotent.
    async fn skip(&self, consumer: &'static str, event: EventId) -> Result<(), Error>;
    /// Returns the oldest queued notifications whose chat is not known, except those in `busy`; at most `limit`.
    async fn without_chat(&self, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error>;
    /// Sets the chat of notifications that have none.
    async fn set_chat(&self, notifications: &[NotificationId], chat: &str) -> Result<(), Error>;
    /// Returns up to `limit` due chats that follow `after` in the order of their names, except those in `busy`. A chat is not due while its
    /// oldest notification is postponed or being sent. With `repeats`, only notifications whose attempt ended without an answer; otherwise
    /// all except these.
    ///
    /// Reads at most [`CHATS`] chats and [`BATCH`] notifications of each, however long the queue is.
    async fn due(&self, after: &str, repeats: bool, limit: i32, busy: &[String]) -> Result<DuePage, Error>;
    /// Records that an attempt to send the whole batch begins. False, with nothing recorded, when any of it has been claimed, marked
    /// ambiguous or ended since it was read.
    async fn claim(&self, batch: &Batch) -> Result<bool, Error>;
    /// Records the outcome of attempts. For an attempt that has expired meanwhile, only [`Outcome::Sent`] still counts.
    async fn settle(&self, attempts: &[Attempt], outcome: &Outcome) -> Result<(), Error>;
    /// Ends attempts that began longer ago than `age`, with an unknown result: their replica has crashed or is frozen. Returns how many.
    async fn expire_attempts(&self, age: Duration) -> Result<u64, Error>;
    /// Returns the length of the queue, counted up to `limit`.
    async fn queued(&self, limit: i64) -> Result<i64, Error>;
    /// Removes notifications that ended longer ago than `age`, at most `limit`. Returns how many.
    async fn remove_ended(&self, age: Duration, limit: i64) -> Result<u64, Error>;
    /// Returns an order's notifications, oldest first.
    async fn of_order(&self, order: OrderId) -> Result<Vec<Notification>, Error>;
}
