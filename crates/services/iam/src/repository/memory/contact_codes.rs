//! The in-memory implementation of [`ContactCodes`].

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::UserId;

use super::Expiring;
use crate::{
    error::Error,
    model::{ChatId, CodeDigest},
    repository::{CodeLimit, ContactCodes, Taken},
};

pub struct MemoryContactCodes {
    limit: CodeLimit,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    codes: Expiring<CodeDigest, UserId>,
    of_users: Expiring<UserId, CodeDigest>,
    /// The number of wrong codes that each chat has sent.
    wrong: Expiring<ChatId, u32>,
}

impl MemoryContactCodes {
    pub fn new(limit: CodeLimit) -> Self {
        Self { limit, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ContactCodes for MemoryContactCodes {
    async fn create(&self, user: UserId, code: &CodeDigest, lifetime: Duration) -> Result<(), Error> {
        let mut state = self.state();
        if let Some(before) = state.of_users.get(&user).cloned() {
            state.codes.remove(&before);
        }
        state.codes.insert(code.clone(), user, lifetime);
        state.of_users.insert(user, code.clone(), lifetime);
        Ok(())
    }

    async fn take(&self, code: &CodeDigest, chat: ChatId) -> Result<Taken, Error> {
        let mut state = self.state();
        let wrong = state.wrong.get(&chat).copied().unwrap_or_default();
        if wrong >= self.limit.wrong {
            return Ok(Taken::Limited);
        }
        let Some(user) = state.codes.get(code).copied() else {
            state.wrong.insert(chat, wrong + 1, self.limit.window);
            return Ok(Taken::Unknown);
        };
        state.codes.remove(code);
        state.of_users.remove(&user);
        Ok(Taken::Of(user))
    }
}
