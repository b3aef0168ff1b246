//! The use cases of access tokens: issue a token for a session, and verify a token that a caller presents.

use chrono::{DateTime, Utc};
use platform::{
    auth,
    security_events::{self, Event, TokenRefusal},
};
use uuid::Uuid;

use super::{IamService, RESERVED_FROM};
use crate::{
    error::Error,
    model::{Credential, SessionId, TokenId},
    tokens::{MAX_PER_SESSION, NewToken},
};

pub struct IssuedToken {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

impl IamService {
    /// Issues the token `id` for an open session. If the session store is almost full, the session's other tokens end.
    pub async fn issue_token(&self, session: SessionId, id: TokenId, now: DateTime<Utc>) -> Result<IssuedToken, Error> {
        let (times, user) = self.whoami(session.into()).await?;
        let expires_at = (now + self.tokens.ttl()).min(times.expires_at);
        let token = NewToken {
            id,
            user: user.id,
            login: &user.info.login,
            is_operator: user.is_operator,
            issued_at: now,
            expires_at,
        };
        let token = self.tokens.sign(&token).map_err(|_| Error::TokenNotSigned)?;
        let lifetime = (expires_at - now).to_std().unwrap_or_default();
        let most = if self.memory.used() > RESERVED_FROM { 1 } else { MAX_PER_SESSION };
        if !self.sessions.add_token(session, id, lifetime, most).await? {
            return Err(Error::InvalidSession);
        }
        Ok(IssuedToken { token, expires_at })
    }

    /// Returns the id by which the session store finds the session, for a credential that a guard has read. Fails if
    /// the credential is malformed or not valid.
    pub fn credential(&self, read: &auth::Credential, now: DateTime<Utc>) -> Result<Credential, Error> {
        match read {
            auth::Credential::Session(session) => {
                Uuid::try_parse(session).map(|id| SessionId::from(id).into()).map_err(|_| Error::InvalidSession)
            }
            auth::Credential::Token(token) => self.token(token, now),
        }
    }

    /// Returns the id by which the session store finds the session of a token. Fails if the token is invalid, even if
    /// its session is open. A forged token is recorded as a security event.
    pub fn token(&self, token: &str, now: DateTime<Utc>) -> Result<Credential, Error> {
        self.tokens.verify(token, now).map(Credential::Token).map_err(|reason| {
            if reason != TokenRefusal::Lifetime {
                security_events::record(Event::TokenRefused { reason });
            }
            Error::InvalidSession
        })
    }
}
