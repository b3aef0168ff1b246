//! Selects which chats are looked up now, which messages are sent, and how many at a time.

use contracts::ids::UserId;

use super::{Sender, Subject};
use crate::{
    model::{Batch, Due, NotificationId},
    repository::MAX_PER_CHAT,
};

/// The maximum number of messages at a time.
const MAX_IN_FLIGHT: usize = 32;
/// The maximum number of concurrent look-ups of users' chats.
const MAX_LOOKUPS: usize = 16;

impl Sender {
    pub(super) fn probe(&mut self) {
        if !std::mem::replace(&mut self.in_progress.probe, true) {
            let dispatcher = self.dispatcher.clone();
            self.tasks.spawn(async move { (Subject::Probe, dispatcher.probe().await) });
        }
    }

    /// Looks up chats for the oldest notifications without one, one call per user. Returns the number of lookups begun,
    /// or `None` if they use all free slots.
    pub(super) async fn find_chats(&mut self) -> anyhow::Result<Option<u32>> {
        let room = MAX_LOOKUPS - self.in_progress.users.len();
        if !self.without_chat || self.users.is_backing_off() || room < MAX_LOOKUPS / 2 {
            return Ok(Some(0));
        }
        let busy = self.in_progress.without_chat();
        let found = self.dispatcher.notifications.without_chat(MAX_PER_CHAT, &busy).await?;
        // Notifications beyond the limit, or of users who are being looked up, are found again after the next task ends.
        self.without_chat = !found.is_empty();
        let mut users: Vec<(UserId, Vec<Due>)> = Vec::new();
        for due in found.into_iter().filter(|due| !self.in_progress.has_user(due.user)) {
            match users.iter_mut().find(|(user, _)| *user == due.user) {
                Some((_, waiting)) => waiting.push(due),
                None => users.push((due.user, vec![due])),
            }
        }
        let begun = fewer(users.len(), room);
        for (user, waiting) in users.into_iter().take(room) {
            self.in_progress.users.insert(user, ids(&waiting));
            let lookup = self.dispatcher.clone().find_chat(user, waiting);
            self.tasks.spawn(async move { (Subject::User(user), lookup.await) });
        }
        Ok(begun)
    }

    /// Sends to as many due chats as there are free slots. Returns the number of chats, or `None` if they use all free slots.
    pub(super) async fn send_first_attempts(&mut self) -> anyhow::Result<Option<u32>> {
        let (room, busy) = (self.room(), self.busy_chats());
        if room == 0 {
            return Ok(Some(0));
        }
        let batches = self.first_attempts.next(room, busy).await?;
        let begun = fewer(batches.len(), room);
        for batch in batches {
            self.send(batch);
        }
        Ok(begun)
    }

    /// Sends repeats once the provider is stable; until then, probes it while a repeat is due.
    pub(super) async fn send_repeats(&mut self) -> anyhow::Result<()> {
        let is_stable = self.health.is_stable();
        let room = if is_stable { self.room() } else { self.room().min(1) };
        if room == 0 {
            return Ok(());
        }
        let busy = self.busy_chats();
        let repeats = self.repeats.next(room, busy).await?;
        if is_stable {
            for batch in repeats {
                self.send(batch);
            }
        } else if !repeats.is_empty() && self.health.needs_probe() {
            self.probe();
        }
        Ok(())
    }

    /// How many more chats may be sent to now.
    fn room(&self) -> usize {
        let in_flight = self.in_progress.chats.len();
        if self.provider.is_open() || self.limiter.paused().is_some() {
            0
        } else if self.provider.is_half_open() {
            usize::from(in_flight == 0)
        } else if in_flight > MAX_IN_FLIGHT / 2 {
            // At least half of the slots must be free, so that a long queue is not read once per message.
            0
        } else {
            MAX_IN_FLIGHT - in_flight
        }
    }

    fn busy_chats(&mut self) -> Vec<String> {
        self.limiter.throttled().map(|(chat, _)| chat).chain(&self.in_progress.chats).cloned().collect()
    }

    fn is_busy(&mut self, chat: &str) -> bool {
        self.in_progress.chats.contains(chat) || self.limiter.throttled().any(|(throttled, _)| throttled == chat)
    }

    fn send(&mut self, batch: Batch) {
        let subject = Subject::Chat(batch.chat.clone());
        self.send_for(subject, batch);
    }

    /// Sends to the chat that was just found for a user, or only stores it if no message may be sent there now. Until
    /// the task ends the user stays in progress, so that the chat is not looked up again.
    pub(super) fn send_or_set_chat(&mut self, user: UserId, batch: Batch) {
        if self.room() > 0 && !self.is_busy(&batch.chat) {
            self.in_progress.found.insert(user, ids(&batch.waiting));
            let subject = Subject::FoundChat(user, batch.chat.clone());
            self.send_for(subject, batch);
        } else {
            self.in_progress.users.insert(user, ids(&batch.waiting));
            let task = self.dispatcher.clone().set_chat(batch);
            self.tasks.spawn(async move { (Subject::User(user), task.await) });
        }
    }

    fn send_for(&mut self, subject: Subject, mut batch: Batch) {
        if self.provider.is_half_open() {
            batch.waiting.truncate(1);
        }
        self.in_progress.chats.insert(batch.chat.clone());
        let slot = self.limiter.reserve(&batch.chat);
        let attempt = self.dispatcher.clone().send(batch, slot);
        self.tasks.spawn(async move { (subject, attempt.await) });
    }
}

fn ids(waiting: &[Due]) -> Vec<NotificationId> {
    waiting.iter().map(|due| due.id).collect()
}

/// Returns the count if it is less than the number of free slots.
fn fewer(count: usize, room: usize) -> Option<u32> {
    u32::try_from(count).ok().filter(|_| count < room)
}
