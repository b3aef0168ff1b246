//! The trait with which the guard looks up the user of a session, and its in-memory implementation.
//! `contracts::identity` has the implementation that asks the service of sessions.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::future::join_all;
use uuid::Uuid;

use super::{Credential, User};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("invalid session")]
    Invalid,
    /// The session cannot be checked now, so callers must refuse the request.
    #[error("sessions cannot be checked now")]
    Unavailable,
    #[error("too many requests of this session at once")]
    TooMany,
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Returns the user of a valid session or token.
    async fn owner(&self, credential: &Credential) -> Result<User, SessionError>;

    /// Returns the users of several sessions and tokens, in the same order.
    async fn owners(&self, credentials: &[Credential]) -> Vec<Result<User, SessionError>> {
        join_all(credentials.iter().map(|credential| self.owner(credential))).await
    }
}

#[derive(Default)]
pub struct MemorySessions {
    owners: Mutex<HashMap<Credential, User>>,
}

impl MemorySessions {
    pub fn open(&self, session: &str, user: Uuid) {
        self.insert(Credential::Session(session.to_owned()), User::plain(user));
    }

    pub fn add_token(&self, token: &str, user: Uuid) {
        self.insert(Credential::Token(token.to_owned()), User::plain(user));
    }

    pub fn open_operator(&self, session: &str, user: Uuid) {
        self.insert(Credential::Session(session.to_owned()), User::operator(user));
    }

    pub fn end(&self, session: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.remove(&Credential::Session(session.to_owned()));
    }

    fn insert(&self, credential: Credential, user: User) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).insert(credential, user);
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn owner(&self, credential: &Credential) -> Result<User, SessionError> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(credential).copied().ok_or(SessionError::Invalid)
    }
}
