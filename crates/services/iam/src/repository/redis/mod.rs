//! Sessions in Redis: a key per session that expires with it, and a sorted set of each user's sessions. Each change is one script, so
//! that it is atomic. Redis Cluster is not supported: a script accesses keys of a user and of the user's sessions.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;
use platform::redis::Connection;
use redis::{AsyncCommands as _, ExistenceCheck, RedisError, RedisResult, Script, SetExpiry, SetOptions};

use crate::{
    config::Limits,
    error::Error,
    model::{LoginAttempt, Session, SessionId, User},
    repository::{Admission, Sessions, sessions::RETIRED},
};

/// How long a command and its retry may take.
const TIMEOUT: Duration = platform::redis::RESPONSE_TIMEOUT;

pub struct RedisSessions {
    connection: Connection,
    prefix: String,
    limits: Limits,
    scripts: Scripts,
}

struct Scripts {
    open: Script,
    close: Script,
    close_all: Script,
    close_others: Script,
    record_failure: Script,
}

impl RedisSessions {
    /// Every key begins with `prefix`.
    pub fn new(connection: Connection, prefix: String, limits: Limits) -> Self {
        let scripts = Scripts {
            open: Script::new(concat!(include_str!("admit.lua"), include_str!("open.lua"))),
            close: Script::new(include_str!("close.lua")),
            close_all: Script::new(include_str!("close_all.lua")),
            close_others: Script::new(concat!(include_str!("admit.lua"), include_str!("close_others.lua"))),
            record_failure: Script::new(include_str!("record_failure.lua")),
        };
        Self { connection, prefix, limits, scripts }
    }

    fn session_key(&self, id: impl std::fmt::Display) -> String {
        format!("{}session:{id}", self.prefix)
    }

    fn sessions_key(&self, user: impl std::fmt::Display) -> String {
        format!("{}sessions:{user}", self.prefix)
    }

    /// The time of the last change identifies a user's credentials.
    fn retired_key(&self, user: &User) -> String {
        format!("{}retired:{}:{}", self.prefix, user.id, user.updated_at.timestamp_micros())
    }

    fn login_key(&self, attempt: &LoginAttempt) -> String {
        format!("{}failures:login:{}", self.prefix, attempt.login)
    }

    fn address_key(&self, attempt: &LoginAttempt) -> String {
        format!("{}failures:address:{}", self.prefix, attempt.address)
    }

    /// Runs an idempotent command, and retries it once if the connection was dropped.
    async fn with_retry<T, F>(&self, command: impl Fn(Connection) -> F + Send) -> Result<T, Error>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let reply = async {
            match command(self.connection.clone()).await {
                Err(error) if error.is_connection_dropped() => command(self.connection.clone()).await,
                outcome => outcome,
            }
        };
        let reply = tokio::time::timeout(TIMEOUT, reply).await;
        reply.unwrap_or_else(|_| Err(timed_out())).map_err(Error::SessionsUnavailable)
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The limit for the scripts, which have no value for "no limit".
fn script_limit(failures: u32) -> u32 {
    if failures == 0 { u32::MAX } else { failures }
}

fn admission(reply: i64) -> Admission {
    match u64::try_from(reply) {
        Ok(0) => Admission::Granted,
        Ok(millis) => Admission::Limited(Duration::from_millis(millis)),
        Err(_) => Admission::Refused,
    }
}

#[async_trait]
impl Sessions for RedisSessions {
    async fn open(&self, session: &Session, attempt: &LoginAttempt) -> Result<Admission, Error> {
        let value = serde_json::to_vec(session).map_err(Error::Session)?;
        let mut call = self.scripts.open.prepare_invoke();
        call.key(self.login_key(attempt))
            .key(self.address_key(attempt))
            .key(self.retired_key(&session.user))
            .key(self.session_key(session.id))
            .key(self.sessions_key(session.user.id))
            .arg(script_limit(self.limits.iam_lockout_failures))
            .arg(script_limit(self.limits.iam_address_failures))
            .arg(session.id.to_string())
            .arg(value)
            .arg(millis(session.lifetime()));
        let call = &call;
        self.with_retry(|mut redis| async move { call.invoke_async(&mut redis).await }).await.map(admission)
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, Error> {
        let key = &self.session_key(id);
        let value: Option<Vec<u8>> = self.with_retry(|mut redis| async move { redis.get(key).await }).await?;
        // A session that another version wrote, and this one cannot read, has ended.
        Ok(value.and_then(|value| {
            serde_json::from_slice(&value)
                .inspect_err(|error| tracing::warn!(%error, "unreadable session skipped, it counts as ended"))
                .ok()
        }))
    }

    async fn close(&self, id: SessionId) -> Result<(), Error> {
        let mut call = self.scripts.close.prepare_invoke();
        call.key(self.session_key(id)).arg(id.to_string()).arg(self.sessions_key(""));
        let call = &call;
        self.with_retry(|mut redis| async move { call.invoke_async(&mut redis).await }).await
    }

    async fn close_all(&self, user: UserId) -> Result<(), Error> {
        let mut call = self.scripts.close_all.prepare_invoke();
        call.key(self.sessions_key(user)).arg(self.session_key(""));
        let call = &call;
        self.with_retry(|mut redis| async move { call.invoke_async(&mut redis).await }).await
    }

    async fn close_others(&self, kept: &Session, attempt: &LoginAttempt) -> Result<Admission, Error> {
        let mut call = self.scripts.close_others.prepare_invoke();
        call.key(self.login_key(attempt))
            .key(self.address_key(attempt))
            .key(self.retired_key(&kept.user))
            .key(self.sessions_key(kept.user.id))
            .arg(script_limit(self.limits.iam_lockout_failures))
            .arg(script_limit(self.limits.iam_address_failures))
            .arg(kept.id.to_string())
            .arg(self.session_key(""))
            .arg(millis(RETIRED));
        let call = &call;
        self.with_retry(|mut redis| async move { call.invoke_async(&mut redis).await }).await.map(admission)
    }

    async fn update(&self, session: &Session) -> Result<(), Error> {
        let key = &self.session_key(session.id);
        let value = &serde_json::to_vec(session).map_err(Error::Session)?;
        self.with_retry(|mut redis| async move {
            let if_exists =
                SetOptions::default().conditional_set(ExistenceCheck::XX).with_expiration(SetExpiry::KEEPTTL);
            redis.set_options(key, value, if_exists).await
        })
        .await
    }

    async fn record_failure(&self, attempt: &LoginAttempt) -> Result<Option<Duration>, Error> {
        let mut call = self.scripts.record_failure.prepare_invoke();
        call.key(self.login_key(attempt))
            .key(self.address_key(attempt))
            .arg(millis(self.limits.iam_lockout_window))
            .arg(millis(self.limits.iam_address_window))
            .arg(script_limit(self.limits.iam_address_failures));
        let call = &call;
        let left: u64 = self.with_retry(|mut redis| async move { call.invoke_async(&mut redis).await }).await?;
        Ok((left > 0).then(|| Duration::from_millis(left)))
    }
}
