//! Notifications in memory, for tests and the simulation.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use platform::{clock::Virtual, inbox::MemoryInbox, telemetry};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::{BATCH, CHATS, Notifications, Offsets, Round, VALID};
use crate::{
    error::Error,
    model::{Attempt, Batch, Due, NewNotification, Notification, Status, Verdict},
};

/// Notifications behind a lock, in the place of a table; clones share them.
#[derive(Clone, Default)]
pub struct MemoryNotifications {
    rows: Arc<Mutex<Vec<Row>>>,
    pub inbox: MemoryInbox,
    clock: Virtual,
}

#[derive(Clone)]
struct Row {
    seen: Notification,
    facts: Value,
    trace: HashMap<String, String>,
    chat: Option<String>,
    sending_since: Option<DateTime<Utc>>,
    next_attempt_at: DateTime<Utc>,
}

impl Row {
    fn due(&self) -> Due {
        let seen = &self.seen;
        Due {
            uuid: seen.uuid,
            order: seen.order,
            user: seen.user,
            kind: seen.kind,
            facts: self.facts.clone(),
            trace: self.trace.clone(),
            attempts: seen.attempts,
        }
    }

    fn is_queued(&self) -> bool {
        self.seen.status == Status::Queued
    }
}

impl MemoryNotifications {
    /// The rows in the order in which they were made, which is that of their times.
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifications for MemoryNotifications {
    async fn queue(&self, consumer: &'static str, event: Uuid, new: &NewNotification) -> Result<bool, Error> {
        let mut rows = self.rows();
        let told = rows.iter().any(|row| row.seen.order == new.order && row.seen.kind == new.kind);
        if !self.inbox.fresh(consumer, event) || told {
            return Ok(false);
        }
        let now = self.clock.now();
        let seen = Notification {
            uuid: new.uuid,
            order: new.order,
            user: new.user,
            kind: new.kind,
            status: Status::Queued,
            attempts: 0,
            ambiguous: false,
            created_at: now,
            sent_at: None,
        };
        let trace = telemetry::trace_context();
        rows.push(Row { seen, facts: new.facts.clone(), trace, chat: None, sending_since: None, next_attempt_at: now });
        Ok(true)
    }

    async fn unaddressed(&self, limit: i64, busy: &[Uuid]) -> Result<Vec<Due>, Error> {
        let rows = self.rows();
        let without = rows.iter().filter(|row| row.is_queued() && row.chat.is_none() && !busy.contains(&row.seen.uuid));
        Ok(without.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(Row::due).collect())
    }

    async fn address(&self, notifications: &[Uuid], chat: &str) -> Result<(), Error> {
        for row in self.rows().iter_mut().filter(|row| row.is_queued() && notifications.contains(&row.seen.uuid)) {
            row.chat.get_or_insert_with(|| chat.to_owned());
        }
        Ok(())
    }

    async fn due(&self, after: &str, repeats: bool, limit: i32, busy: &[String]) -> Result<Round, Error> {
        let now = self.clock.now();
        let rows = self.rows();
        let mut chats: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_queued() && row.seen.ambiguous == repeats) {
            if let Some(chat) = row.chat.as_deref().filter(|chat| *chat > after) {
                chats.entry(chat).or_default().push(row);
            }
        }
        let [limit, at_most] = [limit, CHATS].map(|number| usize::try_from(number).unwrap_or_default());
        let batch = usize::try_from(BATCH).unwrap_or_default();
        let mut round = Round::default();
        for (looked, (chat, waiting)) in chats.into_iter().enumerate() {
            let head_is_due =
                waiting.first().is_some_and(|row| row.sending_since.is_none() && row.next_attempt_at <= now);
            if head_is_due && !busy.iter().any(|busy| busy == chat) {
                let free = waiting.into_iter().filter(|row| row.sending_since.is_none());
                let waiting = free.take(batch).map(Row::due).collect();
                round.batches.push(Batch { chat: chat.to_owned(), ambiguous: repeats, waiting });
            }
            if round.batches.len() == limit || looked + 1 == at_most {
                round.next = Some(chat.to_owned());
                break;
            }
        }
        Ok(round)
    }

    async fn claim(&self, batch: &Batch) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut rows = self.rows();
        let free = |row: &Row, due: &Due| {
            let Notification { uuid, attempts, ambiguous, .. } = row.seen;
            let untouched = (uuid, attempts, ambiguous) == (due.uuid, due.attempts, batch.ambiguous);
            untouched && row.is_queued() && row.sending_since.is_none()
        };
        if !batch.waiting.iter().all(|due| rows.iter().any(|row| free(row, due))) {
            return Ok(false);
        }
        for row in rows.iter_mut().filter(|row| batch.waiting.iter().any(|due| due.uuid == row.seen.uuid)) {
            row.sending_since = Some(now);
            row.seen.attempts += 1;
        }
        Ok(true)
    }

    async fn settle(&self, attempts: &[Attempt], verdict: &Verdict) -> Result<(), Error> {
        let now = self.clock.now();
        let mut rows = self.rows();
        let handed = |row: &Row| {
            let mut attempts = attempts.iter();
            let attempt = attempts.find(|attempt| attempt.notification == row.seen.uuid);
            attempt.is_some_and(|attempt| attempt.number == row.seen.attempts || *verdict == Verdict::Sent)
        };
        for row in rows.iter_mut().filter(|row| row.is_queued() && handed(row)) {
            row.sending_since = None;
            row.next_attempt_at = now;
            match verdict {
                Verdict::Sent => {
                    row.seen.status = Status::Sent;
                    row.seen.sent_at = Some(now);
                }
                Verdict::Failed { ambiguous, .. } => {
                    row.seen.status = Status::Failed;
                    row.seen.ambiguous |= ambiguous;
                }
                Verdict::Again { after, ambiguous, .. } => {
                    row.next_attempt_at = now + *after;
                    row.seen.ambiguous |= ambiguous;
                }
            }
        }
        Ok(())
    }

    async fn give_up(&self, age: Duration) -> Result<u64, Error> {
        let now = self.clock.now();
        let before = now - age;
        let mut given_up = 0;
        for row in self.rows().iter_mut().filter(|row| row.sending_since.is_some_and(|since| since <= before)) {
            if row.seen.ambiguous {
                row.seen.status = Status::Failed;
            }
            row.seen.ambiguous = true;
            row.sending_since = None;
            row.next_attempt_at = now;
            given_up += 1;
        }
        Ok(given_up)
    }

    async fn queued(&self, limit: i64) -> Result<i64, Error> {
        let queued = self.rows().iter().filter(|row| row.is_queued()).count();
        Ok(i64::try_from(queued).unwrap_or(i64::MAX).min(limit))
    }

    async fn forget(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let before = self.clock.now() - age;
        let mut forgotten = 0;
        self.rows().retain(|row| {
            let stays = row.is_queued() || row.next_attempt_at >= before || forgotten >= limit.cast_unsigned();
            forgotten += u64::from(!stays);
            stays
        });
        Ok(forgotten)
    }

    async fn of_order(&self, order: Uuid) -> Result<Vec<Notification>, Error> {
        Ok(self.rows().iter().filter(|row| row.seen.order == order).map(|row| row.seen.clone()).collect())
    }
}

#[derive(Clone, Default)]
pub struct MemoryOffsets {
    next: Arc<Mutex<HashMap<String, (i64, Instant)>>>,
}

#[async_trait]
impl Offsets for MemoryOffsets {
    async fn next(&self, bot: &str) -> Result<i64, Error> {
        let all = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.get(bot).filter(|(_, at)| at.elapsed() < VALID).map(|(next, _)| *next).unwrap_or_default())
    }

    async fn advance(&self, bot: &str, next: i64) -> Result<bool, Error> {
        let mut all = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(bot).is_some_and(|(known, at)| *known >= next && at.elapsed() < VALID);
        if !known {
            all.insert(bot.to_owned(), (next, Instant::now()));
        }
        Ok(!known)
    }
    async fn forget(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let mut all = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forgotten = 0;
        all.retain(|_, (_, at)| {
            let stays = at.elapsed() <= age.max(VALID) || forgotten >= limit.cast_unsigned();
            forgotten += u64::from(!stays);
            stays
        });
        Ok(forgotten)
    }
}
