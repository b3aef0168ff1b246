//! Selects which chats are looked up now, which messages are sent, and how many at a time. There is at most one task
//! per user and chat.

use std::collections::{HashMap, HashSet};

use contracts::ids::UserId;

use super::Sender;
use crate::model::{Due, NotificationId, Outgoing};

/// The subject of a task: a user to look up, or a chat to send to.
pub enum Subject {
    User(UserId),
    Chat(String),
    /// A chat to send to whose user was just looked up. The user's notification has no chat until the attempt is
    /// recorded.
    FoundChat(UserId, String),
}

#[derive(Default)]
pub struct InProgress {
    /// Users whose chat is being looked up, with the notifications that wait for it.
    pub users: HashMap<UserId, Vec<NotificationId>>,
    /// Users whose chat was just found and to whom a message is being sent, with its notification, which has no chat
    /// until the attempt is recorded.
    pub found: HashMap<UserId, NotificationId>,
    /// Chats that a message is being sent to.
    pub chats: HashSet<String>,
}

impl InProgress {
    /// Returns true if the user's chat is being looked up, or was just found and a message is being sent to it.
    pub fn has_user(&self, user: UserId) -> bool {
        self.users.contains_key(&user) || self.found.contains_key(&user)
    }

    /// Returns the notifications of `users` and `found`.
    pub fn without_chat(&self) -> Vec<NotificationId> {
        self.users.values().flatten().chain(self.found.values()).copied().collect()
    }

    pub fn end(&mut self, subject: &Subject) {
        match subject {
            Subject::User(user) => drop(self.users.remove(user)),
            Subject::Chat(chat) => drop(self.chats.remove(chat)),
            Subject::FoundChat(user, chat) => {
                self.found.remove(user);
                self.chats.remove(chat);
            }
        }
    }
}

/// The maximum number of messages at a time.
const MAX_IN_FLIGHT: usize = 32;
/// The maximum number of concurrent look-ups of users' chats.
const MAX_LOOKUPS: usize = 16;
/// Notifications without a chat read per statement.
const MAX_WITHOUT_CHAT: i64 = 100;

impl Sender {
    /// Looks up chats for the oldest notifications without one, one call per user. Returns the number of lookups begun,
    /// or `None` if they use all free slots.
    pub(super) async fn find_chats(&mut self) -> anyhow::Result<Option<u32>> {
        let room = MAX_LOOKUPS - self.in_progress.users.len();
        if !self.without_chat || room < MAX_LOOKUPS / 2 {
            return Ok(Some(0));
        }
        let busy = self.in_progress.without_chat();
        let found = self.dispatcher.notifications.without_chat(MAX_WITHOUT_CHAT, &busy).await?;
        // Notifications beyond the limit, or of users who are being looked up, are found again after the next task
        // ends.
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
            self.tasks.spawn(async move { (Subject::User(user), Some(lookup.await)) });
        }
        Ok(begun)
    }

    /// Sends to as many due chats as there are free slots. Returns the number of messages, or `None` if they use all
    /// free slots.
    pub(super) async fn send_first_attempts(&mut self) -> anyhow::Result<Option<u32>> {
        let room = self.room();
        let begun = self.send_due(false, room).await?;
        Ok(if room == 0 { Some(0) } else { fewer(begun, room) })
    }

    /// Retries messages that had no response.
    pub(super) async fn send_ambiguous(&mut self) -> anyhow::Result<()> {
        self.send_due(true, self.room()).await.map(drop)
    }

    /// Sends up to `room` due messages, fewer while the circuit breaker refuses them. Returns their number.
    async fn send_due(&mut self, ambiguous: bool, room: usize) -> anyhow::Result<usize> {
        if room == 0 {
            return Ok(0);
        }
        let busy = self.busy_chats();
        let due = self.dispatcher.notifications.due(ambiguous, i32::try_from(room)?, &busy).await?;
        Ok(due.into_iter().take_while(|outgoing| self.send(Subject::Chat(outgoing.chat.clone()), outgoing)).count())
    }

    /// The number of further messages that may be sent now.
    fn room(&self) -> usize {
        let in_flight = self.in_progress.chats.len();
        // At least half of the slots must be free, so that a long queue is not read once per message.
        if in_flight > MAX_IN_FLIGHT / 2 { 0 } else { MAX_IN_FLIGHT - in_flight }
    }

    fn busy_chats(&mut self) -> Vec<String> {
        self.limiter.throttled().map(|(chat, _)| chat).chain(&self.in_progress.chats).cloned().collect()
    }

    fn is_busy(&mut self, chat: &str) -> bool {
        self.in_progress.chats.contains(chat) || self.limiter.throttled().any(|(throttled, _)| throttled == chat)
    }

    /// Sends a user's only notification to the chat that was just found, or stores the chat of all if no message may be
    /// sent there now. Until the task ends the user stays in progress, so that the chat is not looked up again.
    pub(super) fn send_or_set_chat(&mut self, user: UserId, chat: String, waiting: &[Due]) {
        if let [due] = waiting
            && self.room() > 0
            && !self.is_busy(&chat)
        {
            let outgoing = Outgoing { chat: chat.clone(), ambiguous: false, due: due.clone() };
            if self.send(Subject::FoundChat(user, chat.clone()), &outgoing) {
                self.in_progress.found.insert(user, due.id);
                return;
            }
        }
        self.in_progress.users.insert(user, ids(waiting));
        let task = self.dispatcher.clone().set_chat(ids(waiting), chat);
        self.tasks.spawn(async move {
            task.await;
            (Subject::User(user), None)
        });
    }

    /// Begins to send a message, unless the circuit breaker refuses it.
    fn send(&mut self, subject: Subject, outgoing: &Outgoing) -> bool {
        let Ok(permit) = self.breaker.acquire(1) else { return false };
        self.in_progress.chats.insert(outgoing.chat.clone());
        let slot = self.limiter.reserve(&outgoing.chat);
        let attempt = self.dispatcher.clone().send(outgoing.clone(), permit);
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            if stopping.run_until_cancelled(tokio::time::sleep_until(slot)).await.is_some() {
                attempt.await;
            }
            (subject, None)
        });
        true
    }
}

fn ids(waiting: &[Due]) -> Vec<NotificationId> {
    waiting.iter().map(|due| due.id).collect()
}

/// Returns the count if it is less than the number of free slots.
fn fewer(count: usize, room: usize) -> Option<u32> {
    u32::try_from(count).ok().filter(|_| count < room)
}
