//! Use cases: queue notifications, send them, and answer the bot's commands.

mod bot;
mod dispatcher;
mod sender;
mod templates;

use std::{sync::Arc, time::Duration};

pub use bot::Bot;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
pub use dispatcher::{AMBIGUOUS_RETRY_DELAY, ATTEMPT_EXPIRY, Dispatcher};
use platform::auth::Caller;
pub use sender::Sender;
pub use templates::Templates;
use tokio::sync::Notify;

use crate::{
    error::Error,
    model::{Kind, NewNotification, Notification, Status},
    repository::PgNotifications,
};

/// The minimum delay between the end of a notification and its resending. It keeps users from flooding a chat, and
/// gives the cause of a failure time to pass.
const MIN_RESEND_DELAY: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub struct NotificationService {
    notifications: PgNotifications,
    queued: Arc<Notify>,
}

impl NotificationService {
    /// Each new notification notifies `queued`, which wakes the sender.
    pub fn new(notifications: PgNotifications, queued: Arc<Notify>) -> Self {
        Self { notifications, queued }
    }

    /// Queues a notification, unless the event was handled before or the order has a notification of this kind.
    pub async fn queue(&self, cause: Cause, new: &NewNotification) -> Result<(), Error> {
        if self.notifications.queue(cause, new).await? {
            self.queued.notify_one();
        }
        Ok(())
    }

    /// Records that an event was handled without a notification.
    pub async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.notifications.skip(cause).await
    }

    /// Removes the chats of a user whose account has ended, and ends the messages that are still queued.
    pub async fn forget(&self, user: UserId) -> Result<(), Error> {
        self.notifications.forget(user).await
    }

    /// Returns the notifications of an order. Users see only those of their own orders; a service sees all.
    pub async fn list(&self, caller: &Caller, order: OrderId) -> Result<Vec<Notification>, Error> {
        let mut all = self.notifications.of_order(order).await?;
        all.retain(|notification| caller.may_see(notification.user.uuid()));
        Ok(all)
    }

    /// Queues a notification again unless it is still queued, and returns it. Users may resend the notifications of
    /// their own orders; a service may resend all.
    pub async fn resend(&self, caller: &Caller, order: OrderId, kind: Kind) -> Result<Notification, Error> {
        let found = self.find(caller, order, kind).await?;
        if found.status == Status::Queued {
            return Ok(found);
        }
        if self.notifications.resend(found.id, MIN_RESEND_DELAY).await? {
            self.queued.notify_one();
            return self.find(caller, order, kind).await;
        }
        // Another request may have resent it meanwhile.
        match self.find(caller, order, kind).await? {
            queued if queued.status == Status::Queued => Ok(queued),
            ended if ended.may_have_arrived_twice => Err(Error::SentTwice),
            _ => Err(Error::JustEnded),
        }
    }

    async fn find(&self, caller: &Caller, order: OrderId, kind: Kind) -> Result<Notification, Error> {
        let mut all = self.list(caller, order).await?.into_iter();
        all.find(|notification| notification.kind == kind).ok_or(Error::NotFound)
    }
}
