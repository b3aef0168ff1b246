//! A reservation with the times that PostgreSQL records.

use chrono::{DateTime, Utc};
use contracts::ids::{PartId, UserId};

use crate::model::{ReservedLine, Status};

#[derive(Clone, Debug)]
pub struct Reservation {
    pub status: Status,
    pub user: Option<UserId>,
    /// `None` once the reservation is confirmed or has ended.
    pub expires_at: Option<DateTime<Utc>>,
    /// When a reservation that was moved back is due again.
    pub next_try_at: Option<DateTime<Utc>>,
    pub items: Vec<ReservedLine>,
    /// When the reservation first expired or was released or committed.
    pub first_ended_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

impl Reservation {
    pub(super) fn new(items: Vec<ReservedLine>, now: DateTime<Utc>) -> Self {
        let status = Status::Held;
        Self { status, user: None, expires_at: None, next_try_at: None, items, first_ended_at: None, updated_at: now }
    }

    pub(super) fn due_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at.map(|at| self.next_try_at.unwrap_or(at).max(at))
    }

    /// Records the times as the table's trigger does.
    pub(super) fn change(&mut self, status: Status, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        self.status = status;
        self.expires_at = expires_at;
        self.updated_at = now;
        if !matches!(status, Status::Held | Status::Confirmed) {
            self.first_ended_at = self.first_ended_at.or(Some(now));
        }
    }

    pub(super) fn lines(&self) -> Vec<(PartId, i64)> {
        self.items.iter().map(|item| (item.part, item.quantity)).collect()
    }
}
