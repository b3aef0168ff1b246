//! The subjects of the sender's running tasks. The sender never starts a second task for a subject.

use std::collections::{HashMap, HashSet};

use contracts::ids::UserId;

use crate::model::NotificationId;

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
