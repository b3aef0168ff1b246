//! Goes round the chats that have something waiting, so that each has its turn however many there are.

use std::sync::Arc;

use crate::{
    error::Error,
    model::Batch,
    repository::{Notifications, Round},
};

pub struct Rounds {
    notifications: Arc<dyn Notifications>,
    /// True for a round of repeats, false for one of first hand-overs.
    repeats: bool,
    /// The chat behind which the next look goes on.
    after: String,
}

impl Rounds {
    pub fn new(notifications: Arc<dyn Notifications>, repeats: bool) -> Self {
        Self { notifications, repeats, after: String::new() }
    }

    /// What waits for the next chats, `room` at most and none in `busy`. Two looks at the queue at most: to the last chat, and
    /// from the first.
    pub async fn next(&mut self, room: usize, mut busy: Vec<String>) -> Result<Vec<Batch>, Error> {
        let after = std::mem::take(&mut self.after);
        let mut found = self.look(&after, room, &busy).await?;
        let left = room.saturating_sub(found.batches.len());
        if found.next.is_none() && left > 0 && !after.is_empty() {
            busy.extend(found.batches.iter().map(|batch| batch.chat.clone()));
            let Round { batches, next } = self.look("", left, &busy).await?;
            found.batches.extend(batches);
            found.next = next;
        }
        self.after = found.next.unwrap_or_default();
        Ok(found.batches)
    }

    async fn look(&self, after: &str, room: usize, busy: &[String]) -> Result<Round, Error> {
        let room = i32::try_from(room).unwrap_or(i32::MAX);
        if room == 0 {
            return Ok(Round::default());
        }
        self.notifications.due(after, self.repeats, room, busy).await
    }
}
