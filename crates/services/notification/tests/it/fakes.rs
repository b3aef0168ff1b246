//! Fakes of users, contacts and messenger.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use notification::{
    client::{BotApi, Confirmation, Contact, Contacts, Limits, Message, Notifier, Update, Users},
    model::{Kind, MessengerError},
};
use platform::grpc::Unavailable;
use tokio::time::Instant;

/// The timeout of a call, and the duration of a long poll.
pub const CALL_TIMEOUT: Duration = Duration::from_millis(500);

/// Users' contacts; clones share them.
#[derive(Clone, Default)]
pub struct FakeUsers {
    state: Arc<Mutex<UsersState>>,
}

#[derive(Default)]
struct UsersState {
    contacts: HashMap<UserId, Contact>,
    unavailable: bool,
    calls: u32,
}

impl FakeUsers {
    pub fn set_chat(&self, user: UserId, chat: &str) {
        self.lock().contacts.insert(user, Contact { chat: chat.to_owned(), is_confirmed: false });
    }

    pub fn confirm(&self, user: UserId) {
        if let Some(contact) = self.lock().contacts.get_mut(&user) {
            contact.is_confirmed = true;
        }
    }

    pub fn set_unavailable(&self, unavailable: bool) {
        self.lock().unavailable = unavailable;
    }

    pub fn calls(&self) -> u32 {
        self.lock().calls
    }

    fn lock(&self) -> MutexGuard<'_, UsersState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Users for FakeUsers {
    async fn contact(&self, user: UserId) -> Result<Option<Contact>, Unavailable> {
        let mut state = self.lock();
        state.calls += 1;
        if state.unavailable {
            return Err(Unavailable("iam", "set by the test".to_owned()));
        }
        Ok(state.contacts.get(&user).cloned())
    }
}

/// Confirmation codes, each with the chat from which it is accepted; clones share them.
#[derive(Clone, Default)]
pub struct FakeContacts {
    state: Arc<Mutex<ContactsState>>,
}

#[derive(Default)]
struct ContactsState {
    codes: HashMap<String, i64>,
    /// If set, `confirm` returns this outcome for every call.
    outcome: Option<Result<Confirmation, Unavailable>>,
    given: Vec<(String, i64)>,
}

impl FakeContacts {
    pub fn add_code(&self, code: &str, chat: i64) {
        self.lock().codes.insert(code.to_owned(), chat);
    }

    /// Makes every later call of `confirm` return this outcome.
    pub fn respond(&self, outcome: Result<Confirmation, Unavailable>) {
        self.lock().outcome = Some(outcome);
    }

    /// Returns the code and the chat of each call of `confirm`.
    pub fn given(&self) -> Vec<(String, i64)> {
        self.lock().given.clone()
    }

    fn lock(&self) -> MutexGuard<'_, ContactsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Contacts for FakeContacts {
    async fn confirm(&self, code: &str, chat: i64) -> Result<Confirmation, Unavailable> {
        let mut state = self.lock();
        state.given.push((code.to_owned(), chat));
        if let Some(outcome) = state.outcome.clone() {
            return outcome;
        }
        Ok(match state.codes.remove(code) {
            Some(owner) if owner == chat => Confirmation::Confirmed,
            Some(_) => Confirmation::OtherChat,
            None => Confirmation::WrongCode,
        })
    }
}

/// The failure of a call to the messenger.
#[derive(Clone, Debug)]
pub enum Reply {
    Error(MessengerError),
    /// The messenger accepts the message, but the call times out.
    AcceptedButTimedOut,
}

/// A message that the messenger accepted.
#[derive(Clone, Debug)]
pub struct SentMessage {
    /// `None` for a reply of the bot.
    pub notification: Option<(OrderId, Kind)>,
    pub chat: String,
    pub text: String,
    pub at: Instant,
}

/// A messenger that accepts every message unless a test sets another reply; clones share its state.
#[derive(Clone, Default)]
pub struct FakeMessenger {
    state: Arc<Mutex<Messenger>>,
    limits: Limits,
}

#[derive(Default)]
struct Messenger {
    sent: Vec<SentMessage>,
    replies: VecDeque<Reply>,
    /// Until this instant, every call gets this reply.
    outage: Option<(Reply, Instant)>,
    /// Until this instant, every message gets this reply; other calls succeed.
    send_outage: Option<(Reply, Instant)>,
    /// Each chat whose messages get a 429, with the end of its limit, and the number of messages that got one.
    limited: HashMap<String, (Instant, u32)>,
    updates: Vec<Update>,
}

impl FakeMessenger {
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Sets the replies to the next messages, one per message.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.lock().replies.extend(replies);
    }

    /// Makes every call get `reply` for `time`, starting now.
    pub fn fail_calls(&self, reply: Reply, time: Duration) {
        self.lock().outage = Some((reply, Instant::now() + time));
    }

    /// Makes every message get `reply` for `time`, starting now; other calls succeed.
    pub fn fail_messages(&self, reply: Reply, time: Duration) {
        self.lock().send_outage = Some((reply, Instant::now() + time));
    }

    /// Makes every message to `chat` get a 429 for `time`, starting now.
    pub fn limit(&self, chat: &str, time: Duration) {
        self.lock().limited.insert(chat.to_owned(), (Instant::now() + time, 0));
    }

    /// Returns the number of messages to `chat` that got a 429 since [`limit`](Self::limit).
    pub fn refused(&self, chat: &str) -> u32 {
        self.lock().limited.get(chat).map_or(0, |(_, refused)| *refused)
    }

    /// Adds an update that the bot will read.
    pub fn receive(&self, update: Update) {
        self.lock().updates.push(update);
    }

    /// Returns the accepted messages, oldest first.
    pub fn sent(&self) -> Vec<SentMessage> {
        self.lock().sent.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Messenger> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outage(&self) -> Option<Reply> {
        current(self.lock().outage.as_ref())
    }

    /// Returns the 429 for a message to this chat, if it gets one.
    fn limited(&self, chat: &str) -> Option<Reply> {
        let mut state = self.lock();
        let (until, refused) = state.limited.get_mut(chat)?;
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        *refused += 1;
        Some(Reply::Error(MessengerError::RateLimited(left)))
    }

    async fn accept(&self, message: SentMessage) -> Result<(), MessengerError> {
        let outage = self.outage().or_else(|| current(self.lock().send_outage.as_ref()));
        let reply = outage.or_else(|| self.limited(&message.chat)).or_else(|| self.lock().replies.pop_front());
        if matches!(reply, None | Some(Reply::AcceptedButTimedOut)) {
            self.lock().sent.push(message);
        }
        respond(reply).await
    }
}

fn current(outage: Option<&(Reply, Instant)>) -> Option<Reply> {
    outage.filter(|(_, until)| Instant::now() < *until).map(|(reply, _)| reply.clone())
}

async fn respond(reply: Option<Reply>) -> Result<(), MessengerError> {
    match reply {
        None => Ok(()),
        Some(Reply::Error(error)) => Err(error),
        Some(Reply::AcceptedButTimedOut) => {
            tokio::time::sleep(CALL_TIMEOUT).await;
            Err(MessengerError::Unknown("timed out".to_owned()))
        }
    }
}

#[async_trait]
impl Notifier for FakeMessenger {
    fn limits(&self) -> Limits {
        self.limits
    }

    async fn send(&self, message: &Message<'_>) -> Result<(), MessengerError> {
        let notification = Some((message.order, message.kind));
        let (chat, text) = (message.chat.to_owned(), message.text.to_owned());
        self.accept(SentMessage { notification, chat, text, at: Instant::now() }).await
    }

    async fn probe(&self) -> Result<(), MessengerError> {
        respond(self.outage()).await
    }
}

#[async_trait]
impl BotApi for FakeMessenger {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn updates(&self, from: i64) -> Result<Vec<Update>, MessengerError> {
        respond(self.outage()).await?;
        let updates: Vec<_> = self.lock().updates.iter().filter(|update| update.id >= from).cloned().collect();
        if updates.is_empty() {
            tokio::time::sleep(CALL_TIMEOUT).await;
        }
        Ok(updates)
    }

    async fn reply(&self, chat: &str, text: &str) -> Result<(), MessengerError> {
        let (chat, text) = (chat.to_owned(), text.to_owned());
        self.accept(SentMessage { notification: None, chat, text, at: Instant::now() }).await
    }
}
