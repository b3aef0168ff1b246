//! Queueing notifications, and the two workers: one sends what is queued, one answers who talks to the bot.

mod digest;
mod flight;
mod greeter;
mod hold;
mod pace;
mod rounds;
mod sender;
mod stability;
mod templates;

use std::sync::Arc;

pub use flight::{Courier, GIVE_UP};
pub use greeter::Greeter;
use platform::auth::Caller;
pub use sender::Sender;
pub use stability::STABLE_FOR;
pub use templates::Templates;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{NewNotification, Notification},
    repository::Notifications,
};

/// The consumer groups, and the inbox's names, of what is told.
pub const GROUP_PAID: &str = "notification-group-order-paid";
pub const GROUP_ASSEMBLED: &str = "notification-group-order-assembled";
pub const GROUP_CANCELLED: &str = "notification-group-order-cancelled";

#[derive(Clone)]
pub struct NotificationService {
    notifications: Arc<dyn Notifications>,
    queued: Arc<Notify>,
}

impl NotificationService {
    /// `queued` wakes the sender.
    pub fn new(notifications: Arc<dyn Notifications>, queued: Arc<Notify>) -> Self {
        Self { notifications, queued }
    }

    /// Queues what a user is to be told, once per event and once per order and kind.
    pub async fn queue(&self, consumer: &'static str, event: Uuid, new: &NewNotification) -> Result<(), Error> {
        if self.notifications.queue(consumer, event, new).await? {
            self.queued.notify_one();
        }
        Ok(())
    }

    /// The notifications of the caller's own order; a service sees all, others see none.
    pub async fn list(&self, caller: &Caller, order: Uuid) -> Result<Vec<Notification>, Error> {
        let mut all = self.notifications.of_order(order).await?;
        all.retain(|notification| caller.may_see(notification.user));
        Ok(all)
    }
}
