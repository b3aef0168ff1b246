//! Notifications. Each stays queued: nothing sends it.

use std::{collections::HashSet, sync::Mutex, time::Duration};

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use notification::{
    error::Error,
    model::{Attempt, Due, Expired, NewNotification, Notification, NotificationId, Outcome, Outgoing, Status},
    repository,
};
use platform::clock;

use super::locked;

#[derive(Default)]
pub struct Notifications {
    rows: Mutex<Vec<Notification>>,
    handled: Mutex<HashSet<Cause>>,
}

#[async_trait]
impl repository::Notifications for Notifications {
    async fn queue(&self, cause: Cause, new: &NewNotification) -> Result<bool, Error> {
        let mut rows = locked(&self.rows);
        let is_known = rows.iter().any(|row| row.order == new.order && row.kind == new.kind);
        if !locked(&self.handled).insert(cause) || is_known {
            return Ok(false);
        }
        let &NewNotification { id, order, user, kind, .. } = new;
        let status = Status::Queued;
        rows.push(Notification {
            id,
            order,
            user,
            kind,
            status,
            attempts: 0,
            ambiguous: false,
            may_have_arrived_twice: false,
            created_at: clock::now(),
            sent_at: None,
        });
        Ok(true)
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        locked(&self.handled).insert(cause);
        Ok(())
    }

    async fn without_chat(&self, _: i64, _: &[NotificationId]) -> Result<Vec<Due>, Error> {
        Ok(Vec::new())
    }

    async fn set_chat(&self, _: &[NotificationId], _: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn due(&self, _: bool, _: i32, _: &[String]) -> Result<Vec<Outgoing>, Error> {
        Ok(Vec::new())
    }

    async fn claim(&self, _: &Outgoing) -> Result<bool, Error> {
        Ok(false)
    }

    async fn settle(&self, _: &[Attempt], _: &Outcome) -> Result<(), Error> {
        Ok(())
    }

    async fn expire_attempts(&self, _: Duration) -> Result<Vec<Expired>, Error> {
        Ok(Vec::new())
    }

    async fn resend(&self, _: NotificationId, _: Duration) -> Result<bool, Error> {
        Ok(false)
    }

    async fn queued(&self, _: i64) -> Result<i64, Error> {
        Ok(0)
    }

    async fn remove_ended(&self, _: Duration, _: i64) -> Result<u64, Error> {
        Ok(0)
    }

    async fn forget(&self, user: UserId) -> Result<(), Error> {
        for row in locked(&self.rows).iter_mut().filter(|row| row.user == user) {
            row.status = Status::Failed;
        }
        Ok(())
    }

    async fn of_order(&self, order: OrderId) -> Result<Vec<Notification>, Error> {
        Ok(locked(&self.rows).iter().filter(|row| row.order == order).cloned().collect())
    }
}
