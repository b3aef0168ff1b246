//! Notifications in memory, for tests and the simulation.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use platform::{clock::Virtual, inbox::MemoryInbox, telemetry};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Notifications, Offsets, VALID};
use crate::{
    error::Error,
    model::{Due, NewNotification, Notification, Status, Verdict},
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
            chat: self.chat.clone(),
            attempts: seen.attempts,
            ambiguous: seen.ambiguous,
        }
    }
}

impl MemoryNotifications {
    /// The rows in the order in which they were made, which is that of their times.
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the row if it is queued. True when it was.
    fn change(&self, uuid: Uuid, change: impl FnOnce(&mut Row) -> bool) -> bool {
        let mut rows = self.rows();
        let row = rows.iter_mut().find(|row| row.seen.uuid == uuid && row.seen.status == Status::Queued);
        row.is_some_and(change)
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

    async fn due(&self, limit: i64, unaddressed: bool, busy: &[String]) -> Result<Vec<Due>, Error> {
        let now = self.clock.now();
        let rows = self.rows();
        let mut lanes = HashSet::new();
        let firsts = rows.iter().filter(|row| row.seen.status == Status::Queued && lanes.insert(row.due().lane()));
        let due = firsts.filter(|row| row.sending_since.is_none() && row.next_attempt_at <= now).map(Row::due);
        let due = due.filter(|due| (due.chat.is_some() || unaddressed) && !busy.contains(&due.lane()));
        Ok(due.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn address(&self, uuid: Uuid, chat: &str) -> Result<(), Error> {
        self.change(uuid, |row| {
            row.chat.get_or_insert_with(|| chat.to_owned());
            true
        });
        Ok(())
    }

    async fn claim(&self, due: &Due) -> Result<bool, Error> {
        let now = self.clock.now();
        Ok(self.change(due.uuid, |row| {
            let untouched = row.seen.attempts == due.attempts && row.seen.ambiguous == due.ambiguous;
            let free = untouched && row.sending_since.is_none();
            if free {
                row.sending_since = Some(now);
                row.seen.attempts += 1;
            }
            free
        }))
    }

    async fn settle(&self, uuid: Uuid, attempt: i32, verdict: &Verdict) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(uuid, |row| {
            if row.seen.attempts != attempt && *verdict != Verdict::Sent {
                return false;
            }
            row.sending_since = None;
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
            true
        });
        Ok(())
    }

    async fn give_up(&self, age: Duration) -> Result<u64, Error> {
        let before = self.clock.now() - age;
        let mut given_up = 0;
        for row in self.rows().iter_mut().filter(|row| row.sending_since.is_some_and(|since| since <= before)) {
            if row.seen.ambiguous {
                row.seen.status = Status::Failed;
            }
            row.seen.ambiguous = true;
            row.sending_since = None;
            given_up += 1;
        }
        Ok(given_up)
    }

    async fn queued(&self) -> Result<i64, Error> {
        let queued = self.rows().iter().filter(|row| row.seen.status == Status::Queued).count();
        Ok(i64::try_from(queued).unwrap_or(i64::MAX))
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
}
