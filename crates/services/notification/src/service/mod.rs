//! Use cases: queue notifications, send them, answer the bot's commands, and tell operators of alerts.

mod alerting;
mod bot;
mod delivery_attempt;
mod digest;
mod dispatcher;
mod resend;
mod sender;
mod templates;

use std::sync::Arc;

pub use alerting::{Alerting, NotTold};
pub use bot::Bot;
use contracts::{
    events::{DeliveryStatusUpdated, OrderCancelled, OrderPaid, ShipAssembled, group},
    ids::{EventId, OrderId},
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

/// The consumer groups; each is also the consumer's name in the inbox.
pub const GROUP_PAID: &str = group::<OrderPaid>("notification");
pub const GROUP_ASSEMBLED: &str = group::<ShipAssembled>("notification");
pub const GROUP_CANCELLED: &str = group::<OrderCancelled>("notification");
pub const GROUP_DELIVERY: &str = group::<DeliveryStatusUpdated>("notification");

#[derive(Clone)]
pub struct NotificationService {
    notifications: Arc<dyn Notifications>,
    queued: Arc<Notify>,
}

impl NotificationService {
    /// `queued` is notified of each new notification, which wakes the sender.
    pub fn new(notifications: Arc<dyn Notifications>, queued: Arc<Notify>) -> Self {
        Self { notifications, queued }
    }

    /// Queues a notification, unless the event was handled before or the order has a notification of this kind.
    pub async fn queue(&self, consumer: &'static str, event: EventId, new: &NewNotification) -> Result<(), Error> {
        if self.notifications.queue(consumer, event, new).await? {
            self.queued.notify_one();
        }
        Ok(())
    }

    /// Records that an event was handled without a notification.
    pub async fn skip(&self, consumer: &'static str, event: EventId) -> Result<(), Error> {
        self.notifications.skip(consumer, event).await
    }

    /// Returns the notifications of an order. Users see only those of their own orders; a service sees all.
    pub async fn list(&self, caller: &Caller, order: OrderId) -> Result<Vec<Notification>, Error> {
        let mut all = self.notifications.of_order(order).await?;
        all.retain(|notification| caller.may_see(notification.user.uuid()));
        Ok(all)
    }
}
