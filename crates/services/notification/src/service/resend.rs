//! Sends a notification again at a user's request.

use std::time::Duration;

use contracts::ids::OrderId;
use platform::auth::Caller;

use super::NotificationService;
use crate::{
    error::Error,
    model::{Kind, Notification, Status},
};

/// The minimum time between the end of a notification and its resending. It keeps users from flooding a chat, and gives
/// the cause of a failure time to pass.
const PAUSE: Duration = Duration::from_mins(1);

impl NotificationService {
    /// Queues a notification again unless it is still queued, and returns it. Users may resend the notifications of
    /// their own orders; a service may resend all.
    pub async fn resend(&self, caller: &Caller, order: OrderId, kind: Kind) -> Result<Notification, Error> {
        let found = self.find(caller, order, kind).await?;
        if found.status == Status::Queued {
            return Ok(found);
        }
        if self.notifications.resend(found.id, PAUSE).await? {
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
