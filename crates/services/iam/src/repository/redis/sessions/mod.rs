//! The Redis implementation of [`Sessions`]. It has a key per session, named by the digest of the session's id, a
//! sorted set of each user's sessions, a record of each user, and keys of access tokens. A session's key expires with
//! the session. Redis Cluster is not supported, because a script accesses keys of a user and of the user's sessions.

mod scripts;
mod stored;
mod tokens;

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;
use futures::future::try_join_all;
use platform::redis::{Connection, millis};
use redis::{AsyncCommands as _, FromRedisValue, RedisError, ScriptInvocation};

use self::scripts::Scripts;
use super::{run, with_retry};
use crate::{
    config::SessionBounds,
    error::Error,
    model::{
        Credential, OpenSession, Owner, Session, SessionDigest, SessionId, SessionSummary, ShortId, TokenId, User,
    },
    repository::{Admission, Lookup, Sessions, sessions::RETIRED_FOR},
};

/// The reply of close_others.lua if the kept session is not in the set of the user's sessions.
const NOT_IN_SET: i64 = -2;
/// The reply of close_others.lua if the kept session has ended.
const ENDED: i64 = -3;

pub struct RedisSessions {
    connection: Connection,
    prefix: String,
    /// The idle timeout in milliseconds; 0 if there is none.
    idle: u64,
    /// The precision of the time of the last use, in milliseconds.
    precision: u64,
    scripts: Scripts,
}

impl RedisSessions {
    /// Every Redis key begins with `prefix`.
    pub fn new(connection: Connection, prefix: String, bounds: SessionBounds) -> Self {
        let idle = bounds.iam_session_idle.map_or(0, millis);
        Self { connection, prefix, idle, precision: millis(bounds.precision()), scripts: Scripts::default() }
    }

    fn session_key(&self, digest: impl std::fmt::Display) -> String {
        format!("{}session:{digest}", self.prefix)
    }

    fn sessions_key(&self, user: impl std::fmt::Display) -> String {
        format!("{}sessions:{user}", self.prefix)
    }

    /// Returns the key of a user's record. It begins like the keys of sessions, so that the Redis user needs no further
    /// right.
    fn user_key(&self, user: impl std::fmt::Display) -> String {
        format!("{}session:user:{user}", self.prefix)
    }

    /// Returns the key of the mark that retires a user's credentials. The time of the user's last change identifies the
    /// credentials.
    fn retired_key(&self, user: &User) -> String {
        format!("{}retired:{}:{}", self.prefix, user.id, user.updated_at.timestamp_micros())
    }

    async fn run<T: FromRedisValue + Send>(&self, call: &ScriptInvocation<'_>) -> Result<T, Error> {
        run(&self.connection, call).await
    }

    /// Runs a script that only reads. It is retried once if the connection was dropped or the response timed out.
    async fn read<T: FromRedisValue + Send>(&self, call: &ScriptInvocation<'_>) -> Result<T, Error> {
        let is_lost = |error: &RedisError| error.is_connection_dropped() || error.is_timeout();
        with_retry(&self.connection, is_lost, |mut redis| async move { call.invoke_async(&mut redis).await }).await
    }

    async fn find_session(&self, digest: &SessionDigest) -> Result<Lookup, Error> {
        let mut call = self.scripts.find.prepare_invoke();
        call.key(self.session_key(digest)).arg(digest.to_string());
        self.look_up(call).await
    }

    /// Adds the arguments that the scripts `find` and `find_token` share, and decodes the response.
    async fn look_up(&self, mut call: ScriptInvocation<'_>) -> Result<Lookup, Error> {
        call.arg(self.user_key("")).arg(self.sessions_key("")).arg(self.idle).arg(self.precision);
        let found: Option<(Vec<u8>, Option<Vec<u8>>)> = self.read(&call).await?;
        let Some((session, record)) = found else { return Ok(Lookup::Ended) };
        let Some(times) = stored::read_session(&session) else { return Ok(Lookup::Ended) };
        Ok(match record.and_then(|record| stored::read_owner(times.user, &record)) {
            Some(owner) => Lookup::Found(OpenSession { times, owner }),
            None => Lookup::WithoutOwner(times),
        })
    }

    async fn write_owner(&self, owner: &Owner, is_change: bool, session: Option<&Session>) -> Result<(), Error> {
        let mut call = self.scripts.update.prepare_invoke();
        call.key(self.sessions_key(owner.id)).key(self.user_key(owner.id));
        call.arg(stored::write_owner(owner)?).arg(u8::from(is_change));
        if let Some(session) = session {
            call.key(self.session_key(session.id.digest())).arg(stored::write_session(session.into())?);
        }
        self.run(&call).await
    }
}

fn admission(reply: i64) -> Admission {
    match reply {
        0 => Admission::Granted,
        ENDED => Admission::Ended,
        _ => Admission::Retired,
    }
}

#[async_trait]
impl Sessions for RedisSessions {
    async fn open(&self, session: &Session, limit: u32) -> Result<Admission, Error> {
        let digest = session.id.digest();
        let mut call = self.scripts.open.prepare_invoke();
        call.key(self.retired_key(&session.user))
            .key(self.session_key(&digest))
            .key(self.sessions_key(session.user.id))
            .key(self.user_key(session.user.id))
            .arg(digest.to_string())
            .arg(stored::write_session(session.into())?)
            .arg(millis(session.lifetime()))
            .arg(stored::write_owner(&(&session.user).into())?)
            .arg(limit)
            .arg(self.session_key(""));
        self.run(&call).await.map(admission)
    }

    async fn find_all(&self, credentials: &[Credential]) -> Result<Vec<Lookup>, Error> {
        let lookups = credentials.iter().map(async |credential| match credential {
            Credential::Session(id) => self.find_session(&id.digest()).await,
            Credential::Token(id) => self.find_token(&id.digest()).await,
        });
        try_join_all(lookups).await
    }

    async fn add_token(
        &self,
        session: SessionId,
        token: TokenId,
        lifetime: Duration,
        limit: u32,
    ) -> Result<bool, Error> {
        self.add(session, &token.digest(), lifetime, limit).await
    }

    async fn close(&self, id: SessionId) -> Result<Option<UserId>, Error> {
        let digest = id.digest();
        let mut call = self.scripts.close.prepare_invoke();
        call.key(self.session_key(&digest)).arg(digest.to_string()).arg(self.sessions_key(""));
        let owner: Option<String> = self.run(&call).await?;
        Ok(owner.and_then(|owner| owner.parse().ok()).map(UserId::new))
    }

    async fn close_all(&self, user: UserId) -> Result<(), Error> {
        let mut call = self.scripts.close_all.prepare_invoke();
        call.key(self.sessions_key(user)).key(self.user_key(user)).arg(self.session_key(""));
        self.run(&call).await
    }

    async fn close_others(&self, kept: &Session) -> Result<Admission, Error> {
        let mut call = self.scripts.close_others.prepare_invoke();
        call.key(self.retired_key(&kept.user))
            .key(self.sessions_key(kept.user.id))
            .key(self.user_key(kept.user.id))
            .arg(kept.id.digest().to_string())
            .arg(self.session_key(""))
            .arg(millis(RETIRED_FOR));
        match self.run(&call).await? {
            NOT_IN_SET => Err(Error::SessionsForgotten),
            reply => Ok(admission(reply)),
        }
    }

    async fn update(&self, session: &Session) -> Result<(), Error> {
        self.write_owner(&(&session.user).into(), true, Some(session)).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<SessionSummary>, Error> {
        let mut call = self.scripts.list.prepare_invoke();
        call.key(self.sessions_key(user)).arg(self.session_key("")).arg(self.idle);
        let found: Vec<(String, Vec<u8>)> = self.read(&call).await?;
        let mut sessions: Vec<_> =
            found.into_iter().filter_map(|(digest, value)| stored::summary(digest, &value)).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        Ok(sessions)
    }

    async fn end(&self, user: UserId, session: &ShortId) -> Result<bool, Error> {
        let set = &self.sessions_key(user);
        let digests: Vec<String> =
            with_retry(&self.connection, RedisError::is_connection_dropped, |mut redis| async move {
                redis.zrange(set, 0, -1).await
            })
            .await?;
        let mut digests = digests.into_iter().map(SessionDigest::stored);
        let Some(digest) = digests.find(|digest| digest.short() == *session) else { return Ok(false) };
        let mut call = self.scripts.end.prepare_invoke();
        call.key(self.session_key(&digest)).key(set).arg(digest.to_string());
        self.run(&call).await
    }

    async fn begin_change(&self, user: UserId) -> Result<(), Error> {
        let mut call = self.scripts.begin_change.prepare_invoke();
        call.key(self.sessions_key(user)).key(self.user_key(user)).arg(millis(RETIRED_FOR));
        self.run(&call).await
    }

    async fn refresh(&self, owner: &Owner) -> Result<(), Error> {
        self.write_owner(owner, true, None).await
    }

    async fn restore(&self, owner: &Owner) -> Result<(), Error> {
        self.write_owner(owner, false, None).await
    }
}
