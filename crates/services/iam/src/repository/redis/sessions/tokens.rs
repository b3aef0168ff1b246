//! Access tokens in Redis: a key per token, which names the session and expires with the token, and a sorted set of
//! each session's tokens.

use std::time::Duration;

use platform::redis::millis;

use super::RedisSessions;
use crate::{
    error::Error,
    model::{SessionDigest, SessionId, TokenDigest},
    repository::Lookup,
};

impl RedisSessions {
    /// Returns a token's key. It begins like the keys of sessions, so that the Redis user needs no further right.
    pub(super) fn token_key(&self, digest: impl std::fmt::Display) -> String {
        format!("{}session:token:{digest}", self.prefix)
    }

    fn tokens_key(&self, session: &SessionDigest) -> String {
        format!("{}session:tokens:{session}", self.prefix)
    }

    pub(super) async fn add(
        &self,
        session: SessionId,
        token: &TokenDigest,
        lifetime: Duration,
        limit: u32,
    ) -> Result<bool, Error> {
        let session = session.digest();
        let mut call = self.scripts.add_token.prepare_invoke();
        call.key(self.session_key(&session))
            .key(self.token_key(token))
            .key(self.tokens_key(&session))
            .arg(session.to_string())
            .arg(token.to_string())
            .arg(millis(lifetime))
            .arg(limit)
            .arg(self.token_key(""));
        Ok(self.run::<i64>(&call).await? == 0)
    }

    pub(super) async fn find_token(&self, token: &TokenDigest) -> Result<Lookup, Error> {
        let mut call = self.scripts.find_token.prepare_invoke();
        call.key(self.token_key(token)).arg(self.session_key(""));
        self.look_up(call).await
    }
}
