//! The contract of the notification queue.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use crate::{
    error::Error,
    model::{Attempt, Due, Expired, NewNotification, Notification, NotificationId, Outcome, Outgoing},
};

/// How many chats with queued notifications are considered at a time.
pub const MAX_CHATS: i32 = 1_000;

/// The queue of notifications. A newer replica may queue kinds that this build does not know. No read returns these, so
/// they wait for the newer replica and block no other notification.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Queues a notification, unless the event was handled before or the order has a notification of this kind. Returns
    /// true if queued.
    async fn queue(&self, cause: Cause, new: &NewNotification) -> Result<bool, Error>;
    /// Records that an event was handled without a notification; idempotent.
    async fn skip(&self, cause: Cause) -> Result<(), Error>;
    /// Returns the `limit` oldest queued notifications without a chat, except those in `busy`.
    async fn without_chat(&self, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error>;
    /// Sets the chat of notifications that have none.
    async fn set_chat(&self, notifications: &[NotificationId], chat: &str) -> Result<(), Error>;
    /// Returns the `limit` oldest due notifications, one per chat, except those of chats in `busy`. The oldest of a chat
    /// is due unless it is postponed or being sent; those after it wait. With `repeats`, considers only notifications
    /// whose last attempt ended without an answer; otherwise only the others.
    ///
    /// Considers the first [`MAX_CHATS`] chats by name. Those after them wait until one of these has nothing queued.
    async fn due(&self, repeats: bool, limit: i32, busy: &[String]) -> Result<Vec<Outgoing>, Error>;
    /// Records that an attempt begins. If the notification has been claimed, marked ambiguous or ended since it was
    /// read, or has another chat, records nothing and returns false.
    ///
    /// Sets the chat of a notification that has none. If other notifications of that chat, except repeats, are queued,
    /// they are sent first: records only the chat and returns false.
    async fn claim(&self, outgoing: &Outgoing) -> Result<bool, Error>;
    /// Records the outcome of attempts. Once a newer attempt was claimed, only [`Outcome::Sent`] is recorded for an
    /// expired one.
    async fn settle(&self, attempts: &[Attempt], outcome: &Outcome) -> Result<(), Error>;
    /// Ends attempts that began longer ago than `age`, as attempts without an answer: their replica has crashed or is
    /// frozen. Returns their notifications, without those of kinds that this build does not know.
    async fn expire_attempts(&self, age: Duration) -> Result<Vec<Expired>, Error>;
    /// Queues a notification again that was sent or failed longer ago than `age`, unless it [may have arrived
    /// twice](Notification::may_have_arrived_twice). One that may have arrived once is queued as a repeat to the same
    /// chat; any other loses its chat. Returns true if it was queued.
    async fn resend(&self, notification: NotificationId, age: Duration) -> Result<bool, Error>;
    /// Returns the length of the queue, counted up to `limit`.
    async fn queued(&self, limit: i64) -> Result<i64, Error>;
    /// Removes at most `limit` notifications that were sent or failed longer ago than `age`. Returns their number.
    async fn remove_ended(&self, age: Duration, limit: i64) -> Result<u64, Error>;
    /// Removes the chats of a user's notifications, and ends those that are queued as failed. An attempt under way is recorded
    /// only if it was sent. Idempotent.
    async fn forget(&self, user: UserId) -> Result<(), Error>;
    /// Returns an order's notifications, oldest first.
    async fn of_order(&self, order: OrderId) -> Result<Vec<Notification>, Error>;
}
