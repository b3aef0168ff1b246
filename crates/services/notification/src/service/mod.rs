//! Use cases: queue notifications, send them, and answer the bot's commands.

mod bot;
mod delivery_attempt;
mod dispatcher;
mod replies;
mod resend;
mod sender;
mod templates;

use std::sync::Arc;

pub use bot::Bot;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
pub use dispatcher::{ATTEMPT_EXPIRY, Dispatcher};
use platform::auth::Caller;
pub use sender::{STABLE_FOR, Sender};
pub use templates::Templates;
use tokio::sync::Notify;

use crate::{
    error::Error,
    model::{NewNotification, Notification},
    repository::Notifications,
};

#[derive(Clone)]
pub struct NotificationService {
    notifications: Arc<dyn Notifications>,
    queued: Arc<Notify>,
}

impl NotificationService {
    /// Each new notification notifies `queued`, which wakes the sender.
    pub fn new(notifications: Arc<dyn Notifications>, queued: Arc<Notify>) -> Self {
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

    /// Removes what is personal of a user whose account has ended: chats, and the messages that still wait.
    pub async fn forget(&self, user: UserId) -> Result<(), Error> {
        self.notifications.forget(user).await
    }

    /// Returns the notifications of an order. Users see only those of their own orders; a service sees all.
    pub async fn list(&self, caller: &Caller, order: OrderId) -> Result<Vec<Notification>, Error> {
        let mut all = self.notifications.of_order(order).await?;
        all.retain(|notification| caller.may_see(notification.user.uuid()));
        Ok(all)
    }
}
