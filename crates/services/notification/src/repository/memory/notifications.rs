//! The notification queue in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::{clock::Virtual, inbox::MemoryInbox, telemetry};
use serde_json::Value;

use crate::{
    error::Error,
    model::{Attempt, Due, Expired, NewNotification, Notification, NotificationId, Outcome, Outgoing, Status},
    repository::{MAX_CHATS, Notifications},
};

/// Clones share the notifications.
#[derive(Clone, Default)]
pub struct MemoryNotifications {
    rows: Arc<Mutex<Vec<Row>>>,
    pub inbox: MemoryInbox,
    clock: Virtual,
}

#[derive(Clone)]
struct Row {
    notification: Notification,
    facts: Value,
    trace: HashMap<String, String>,
    chat: Option<String>,
    /// The number of attempts when the notification failed, if the last attempt did not reach the chat for certain.
    rejected_after: Option<i32>,
    sending_since: Option<DateTime<Utc>>,
    next_attempt_at: DateTime<Utc>,
}

impl Row {
    fn due(&self) -> Due {
        let notification = &self.notification;
        Due {
            id: notification.id,
            order: notification.order,
            user: notification.user,
            kind: notification.kind,
            facts: self.facts.clone(),
            trace: self.trace.clone(),
            attempts: notification.attempts,
        }
    }

    fn is_queued(&self) -> bool {
        self.notification.status == Status::Queued
    }

    fn listed(&self) -> Notification {
        let Notification { status, attempts, ambiguous, .. } = self.notification;
        let was_rejected = status == Status::Failed && self.rejected_after == Some(attempts);
        Notification { may_have_arrived_twice: ambiguous && !was_rejected, ..self.notification.clone() }
    }
}

impl MemoryNotifications {
    /// The rows are in the order of their creation.
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifications for MemoryNotifications {
    async fn queue(&self, cause: Cause, new: &NewNotification) -> Result<bool, Error> {
        let mut rows = self.rows();
        let is_known = rows.iter().any(|row| row.notification.order == new.order && row.notification.kind == new.kind);
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) || is_known {
            return Ok(false);
        }
        let now = self.clock.now();
        let notification = Notification {
            id: new.id,
            order: new.order,
            user: new.user,
            kind: new.kind,
            status: Status::Queued,
            attempts: 0,
            ambiguous: false,
            may_have_arrived_twice: false,
            created_at: now,
            sent_at: None,
        };
        let trace = telemetry::trace_context();
        rows.push(Row {
            notification,
            facts: new.facts.clone(),
            trace,
            chat: None,
            rejected_after: None,
            sending_since: None,
            next_attempt_at: now,
        });
        Ok(true)
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.inbox.fresh(cause.consumer, cause.event.uuid());
        Ok(())
    }

    async fn without_chat(&self, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error> {
        let rows = self.rows();
        let found =
            rows.iter().filter(|row| row.is_queued() && row.chat.is_none() && !busy.contains(&row.notification.id));
        Ok(found.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(Row::due).collect())
    }

    async fn set_chat(&self, notifications: &[NotificationId], chat: &str) -> Result<(), Error> {
        for row in self.rows().iter_mut().filter(|row| row.is_queued() && notifications.contains(&row.notification.id))
        {
            row.chat.get_or_insert_with(|| chat.to_owned());
        }
        Ok(())
    }

    async fn due(&self, repeats: bool, limit: i32, busy: &[String]) -> Result<Vec<Outgoing>, Error> {
        let now = self.clock.now();
        let rows = self.rows();
        let mut heads: BTreeMap<&str, &Row> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_queued() && row.notification.ambiguous == repeats) {
            if let Some(chat) = &row.chat {
                heads.entry(chat).or_insert(row);
            }
        }
        let [limit, max_chats] = [limit, MAX_CHATS].map(|number| usize::try_from(number).unwrap_or_default());
        let is_due = |chat: &str, row: &Row| {
            row.sending_since.is_none() && row.next_attempt_at <= now && !busy.iter().any(|busy| busy == chat)
        };
        let mut due: Vec<_> = heads.into_iter().take(max_chats).filter(|(chat, row)| is_due(chat, row)).collect();
        due.sort_by_key(|(_, row)| (row.notification.created_at, row.notification.id));
        let outgoing = due.into_iter().take(limit).map(|(chat, row)| Outgoing {
            chat: chat.to_owned(),
            ambiguous: repeats,
            due: row.due(),
        });
        Ok(outgoing.collect())
    }

    async fn claim(&self, outgoing: &Outgoing) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut rows = self.rows();
        let Outgoing { chat, ambiguous, due } = outgoing;
        let precedes = |row: &Row| row.is_queued() && !row.notification.ambiguous && row.chat.as_ref() == Some(chat);
        let others_wait = rows.iter().any(precedes);
        let is_free = |row: &&mut Row| {
            let Notification { id, attempts, ambiguous: repeats, .. } = row.notification;
            let is_unchanged = (id, attempts, repeats) == (due.id, due.attempts, *ambiguous);
            let is_of_chat = row.chat.as_ref().is_none_or(|known| known == chat);
            is_unchanged && is_of_chat && row.is_queued() && row.sending_since.is_none()
        };
        let Some(row) = rows.iter_mut().find(is_free) else { return Ok(false) };
        let begins = row.chat.is_some() || !others_wait;
        row.chat.get_or_insert_with(|| chat.clone());
        if begins {
            row.sending_since = Some(now);
            row.notification.attempts += 1;
        }
        Ok(begins)
    }

    async fn settle(&self, attempts: &[Attempt], outcome: &Outcome) -> Result<(), Error> {
        let now = self.clock.now();
        let mut rows = self.rows();
        let is_settled_by = |row: &Row| {
            let mut attempts = attempts.iter();
            let attempt = attempts.find(|attempt| attempt.notification == row.notification.id);
            attempt.is_some_and(|attempt| attempt.number == row.notification.attempts || *outcome == Outcome::Sent)
        };
        for row in rows.iter_mut().filter(|row| row.is_queued() && is_settled_by(row)) {
            row.sending_since = None;
            row.next_attempt_at = now;
            let is_certain = matches!(outcome, Outcome::Skipped { .. } | Outcome::Failed { ambiguous: false, .. });
            row.rejected_after = is_certain.then_some(row.notification.attempts);
            match outcome {
                Outcome::Sent => {
                    row.notification.status = Status::Sent;
                    row.notification.sent_at = Some(now);
                }
                Outcome::Skipped { .. } => row.notification.status = Status::Failed,
                Outcome::Failed { ambiguous, .. } => {
                    row.notification.status = Status::Failed;
                    row.notification.ambiguous |= ambiguous;
                }
                Outcome::Retry { after, ambiguous, .. } => {
                    row.next_attempt_at = now + *after;
                    row.notification.ambiguous |= ambiguous;
                }
            }
        }
        Ok(())
    }

    async fn expire_attempts(&self, age: Duration) -> Result<Vec<Expired>, Error> {
        let now = self.clock.now();
        let before = now - age;
        let mut rows = self.rows();
        let expired = rows.iter_mut().filter(|row| row.sending_since.is_some_and(|since| since <= before)).map(|row| {
            let Notification { order, kind, ambiguous: is_given_up, .. } = row.notification;
            if is_given_up {
                row.notification.status = Status::Failed;
            }
            row.notification.ambiguous = true;
            row.sending_since = None;
            row.next_attempt_at = now;
            Expired { order, kind, is_given_up }
        });
        Ok(expired.collect())
    }

    async fn resend(&self, notification: NotificationId, age: Duration) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut rows = self.rows();
        let Some(row) = rows.iter_mut().find(|row| row.notification.id == notification) else { return Ok(false) };
        if row.is_queued() || row.listed().may_have_arrived_twice || row.next_attempt_at > now - age {
            return Ok(false);
        }
        row.notification.ambiguous |= row.notification.status == Status::Sent;
        if !row.notification.ambiguous {
            row.chat = None;
        }
        (row.notification.status, row.notification.sent_at, row.next_attempt_at) = (Status::Queued, None, now);
        Ok(true)
    }

    async fn forget(&self, user: UserId) -> Result<(), Error> {
        let now = self.clock.now();
        for row in self.rows().iter_mut().filter(|row| row.notification.user == user) {
            row.chat = None;
            if row.is_queued() {
                (row.notification.status, row.next_attempt_at) = (Status::Failed, now);
            }
        }
        Ok(())
    }

    async fn queued(&self, limit: i64) -> Result<i64, Error> {
        let queued = self.rows().iter().filter(|row| row.is_queued()).count();
        Ok(i64::try_from(queued).unwrap_or(i64::MAX).min(limit))
    }

    async fn remove_ended(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let before = self.clock.now() - age;
        let mut removed = 0;
        self.rows().retain(|row| {
            let stays = row.is_queued() || row.next_attempt_at >= before || removed >= limit.cast_unsigned();
            removed += u64::from(!stays);
            stays
        });
        Ok(removed)
    }

    async fn of_order(&self, order: OrderId) -> Result<Vec<Notification>, Error> {
        Ok(self.rows().iter().filter(|row| row.notification.order == order).map(Row::listed).collect())
    }
}
