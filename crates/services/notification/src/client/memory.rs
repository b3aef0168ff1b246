//! Users and a messenger in memory, for tests and the simulation.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Bot, Limits, Message, Notifier, Unavailable, Update, Users};
use crate::model::{Fault, Kind};

/// How long a call that gets no answer is waited for.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Users' chats; clones share them.
#[derive(Clone, Default)]
pub struct MemoryUsers {
    state: Arc<Mutex<UsersState>>,
}

#[derive(Default)]
struct UsersState {
    chats: HashMap<Uuid, String>,
    away: bool,
    asked: u32,
}

impl MemoryUsers {
    pub fn set_chat(&self, user: Uuid, chat: &str) {
        self.lock().chats.insert(user, chat.to_owned());
    }

    /// Whether it cannot be asked.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.lock().asked
    }

    fn lock(&self) -> MutexGuard<'_, UsersState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Users for MemoryUsers {
    async fn chat(&self, user: Uuid) -> Result<Option<String>, Unavailable> {
        let mut state = self.lock();
        state.asked += 1;
        if state.away { Err(Unavailable("away".to_owned())) } else { Ok(state.chats.get(&user).cloned()) }
    }
}

/// How the messenger answers one message.
#[derive(Clone, Debug)]
pub enum Reply {
    Fault(Fault),
    /// It takes the message and never says so.
    TakesInSilence,
    /// It neither takes it nor answers.
    Silence,
}

/// A message that the messenger took.
#[derive(Clone, Debug)]
pub struct Told {
    /// The notifications whose words are in the text, in their order; none for a greeting.
    pub of: Vec<(Uuid, Kind)>,
    pub chat: String,
    pub text: String,
    pub at: Instant,
}

/// A messenger that takes everything but where it was told otherwise; clones are the same one.
#[derive(Clone, Default)]
pub struct MemoryMessenger {
    state: Arc<Mutex<Messenger>>,
    limits: Limits,
}

#[derive(Default)]
struct Messenger {
    told: Vec<Told>,
    replies: VecDeque<Reply>,
    /// What it does until then.
    trouble: Option<(Reply, Instant)>,
    /// What it does with messages until then, while all else is well.
    send_trouble: Option<(Reply, Instant)>,
    updates: Vec<Update>,
}

impl MemoryMessenger {
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Sets how the next messages are answered, one after another.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.lock().replies.extend(replies);
    }

    /// Answers everything like this for some time from now on.
    pub fn trouble(&self, reply: Reply, time: Duration) {
        self.lock().trouble = Some((reply, Instant::now() + time));
    }

    /// Answers every message like this for some time from now on, and all else as if it were well.
    pub fn send_trouble(&self, reply: Reply, time: Duration) {
        self.lock().send_trouble = Some((reply, Instant::now() + time));
    }

    /// Says something to the bot.
    pub fn say(&self, update: Update) {
        self.lock().updates.push(update);
    }

    /// Every message it took, in their order.
    pub fn told(&self) -> Vec<Told> {
        self.lock().told.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Messenger> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn troubled(&self) -> Option<Reply> {
        current(self.lock().trouble.as_ref())
    }

    fn troubled_sending(&self) -> Option<Reply> {
        current(self.lock().send_trouble.as_ref())
    }

    async fn take(&self, told: Told) -> Result<(), Fault> {
        let troubled = self.troubled().or_else(|| self.troubled_sending());
        let reply = troubled.or_else(|| self.lock().replies.pop_front());
        if matches!(reply, None | Some(Reply::TakesInSilence)) {
            self.lock().told.push(told);
        }
        answer(reply).await
    }
}

fn current(trouble: Option<&(Reply, Instant)>) -> Option<Reply> {
    trouble.filter(|(_, until)| Instant::now() < *until).map(|(reply, _)| reply.clone())
}

async fn answer(reply: Option<Reply>) -> Result<(), Fault> {
    match reply {
        None => Ok(()),
        Some(Reply::Fault(fault)) => Err(fault),
        Some(Reply::TakesInSilence | Reply::Silence) => {
            tokio::time::sleep(CALL_TIMEOUT).await;
            Err(Fault::Unknown("silence".to_owned()))
        }
    }
}

#[async_trait]
impl Notifier for MemoryMessenger {
    fn limits(&self) -> Limits {
        self.limits
    }

    async fn send(&self, message: &Message<'_>) -> Result<(), Fault> {
        let mut rest = message.text;
        let arrived = message.parts.iter().filter(|part| match rest.split_once(&part.text) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        });
        let of = arrived.map(|part| (part.order, part.kind)).collect();
        self.take(Told { of, chat: message.chat.to_owned(), text: message.text.to_owned(), at: Instant::now() }).await
    }

    async fn probe(&self) -> Result<(), Fault> {
        answer(self.troubled()).await
    }
}

#[async_trait]
impl Bot for MemoryMessenger {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn updates(&self, from: i64) -> Result<Vec<Update>, Fault> {
        answer(self.troubled()).await?;
        let updates: Vec<_> = self.lock().updates.iter().filter(|update| update.id >= from).cloned().collect();
        if updates.is_empty() {
            tokio::time::sleep(CALL_TIMEOUT).await;
        }
        Ok(updates)
    }

    async fn reply(&self, chat: &str, text: &str) -> Result<(), Fault> {
        self.take(Told { of: Vec::new(), chat: chat.to_owned(), text: text.to_owned(), at: Instant::now() }).await
    }
}
