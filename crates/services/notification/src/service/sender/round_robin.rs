//! Round-robin over the chats with due notifications.

use std::sync::Arc;

use crate::{
    error::Error,
    model::Batch,
    repository::{DuePage, Notifications},
};

pub struct RoundRobin {
    notifications: Arc<dyn Notifications>,
    /// True for repeats of unanswered attempts, false for all other notifications.
    repeats: bool,
    /// The chat after which the next page begins.
    after: String,
}

impl RoundRobin {
    pub fn new(notifications: Arc<dyn Notifications>, repeats: bool) -> Self {
        Self { notifications, repeats, after: String::new() }
    }

    /// Returns the batches of up to `room` due chats, except those in `busy`. Reads at most two pages: one up to the
    /// last chat, then one from the first chat on.
    pub async fn next(&mut self, room: usize, mut busy: Vec<String>) -> Result<Vec<Batch>, Error> {
        let after = std::mem::take(&mut self.after);
        let mut found = self.page(&after, room, &busy).await?;
        let left = room.saturating_sub(found.batches.len());
        if found.next.is_none() && left > 0 && !after.is_empty() {
            busy.extend(found.batches.iter().map(|batch| batch.chat.clone()));
            let DuePage { batches, next } = self.page("", left, &busy).await?;
            found.batches.extend(batches);
            found.next = next;
        }
        self.after = found.next.unwrap_or_default();
        Ok(found.batches)
    }

    async fn page(&self, after: &str, room: usize, busy: &[String]) -> Result<DuePage, Error> {
        let room = i32::try_from(room).unwrap_or(i32::MAX);
        if room == 0 {
            return Ok(DuePage::default());
        }
        self.notifications.due(after, self.repeats, room, busy).await
    }
}
