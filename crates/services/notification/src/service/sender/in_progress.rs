//! The users, chats and probe that the sender has a task for. It never starts a second task for one of them.

use std::collections::{HashMap, HashSet};

use contracts::ids::UserId;

use crate::model::NotificationId;

/// The subject of a task: a user to look up, a chat to send to, or the probe.
pub enum Subject {
    User(UserId),
    Chat(String),
    Probe,
}

#[derive(Default)]
pub struct InProgress {
    /// Users whose chat is being looked up, with the notifications that wait for it.
    pub users: HashMap<UserId, Vec<NotificationId>>,
    /// Chats that a message is being sent to.
    pub chats: HashSet<String>,
    pub probe: bool,
}

impl InProgress {
    pub fn end(&mut self, subject: &Subject) {
        match subject {
            Subject::User(user) => drop(self.users.remove(user)),
            Subject::Chat(chat) => drop(self.chats.remove(chat)),
            Subject::Probe => self.probe = false,
        }
    }
}
