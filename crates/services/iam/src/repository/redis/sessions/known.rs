//! Sessions whose user this replica knows, because it opened them or found them before. The user of a session never changes, so they are
//! read with plain commands, sent together. The script has to decode the session to find its user, for which Redis, a single thread, takes
//! five times as long (decision 54).

use platform::redis::millis;
use redis::{FromRedisValue, RedisError, Value};

use super::{RedisSessions, is_lost, stored};
use crate::{
    error::Error,
    model::{OpenSession, SessionDigest, SessionId},
};

/// The most sessions whose user is remembered. They take 8 MB.
pub(super) const CAPACITY: u64 = 20_000;

impl RedisSessions {
    /// Returns the open ones among sessions whose user is known. For each other session it returns `None`, and the script must decide: if the
    /// session has ended, may have been idle for too long, or has a use to record, or if its owner's record is not stored.
    ///
    /// Other commands may run between these, but each session is read before its user: one that is found here was open when this call
    /// began.
    pub(super) async fn find_known(
        &self,
        sessions: &[(SessionId, SessionDigest)],
    ) -> Result<Vec<Option<OpenSession>>, Error> {
        let owners: Vec<_> = sessions.iter().map(|(_, digest)| self.owners.get(digest)).collect();
        let mut commands = redis::pipe();
        for ((_, digest), owner) in sessions.iter().zip(&owners) {
            if let Some(owner) = owner {
                commands.get(self.session_key(digest)).get(self.user_key(owner));
            }
        }
        if commands.is_empty() {
            return Ok(sessions.iter().map(|_| None).collect());
        }
        // A key that holds something else fails alone, and the script decides about it.
        commands.cmd("TIME").ignore_errors();
        let mut replies: Vec<Value> = self
            .with_retry(is_lost, |mut redis| {
                let commands = &commands;
                async move { commands.query_async(&mut redis).await }
            })
            .await?;
        let (seconds, micros): (i64, i64) = decode(replies.pop())?;
        let now = seconds * 1000 + micros / 1000;
        let mut replies = replies.into_iter();
        let found = owners.into_iter().map(|owner| {
            owner?;
            let (session, record) = (replies.next(), replies.next());
            let (session, record): (Option<Vec<u8>>, Option<Vec<u8>>) = (decode(session).ok()?, decode(record).ok()?);
            self.open_at(now, &session?, &record?)
        });
        Ok(found.collect())
    }

    /// Returns the session if it is open and was used recently, `now` being Redis' time in milliseconds since 1970.
    fn open_at(&self, now: i64, session: &[u8], record: &[u8]) -> Option<OpenSession> {
        // The precision is shorter than the idle timeout.
        let is_recent = |used: i64| u64::try_from(now - used).is_ok_and(|idle| idle < millis(self.bounds.precision()));
        let (times, _) = stored::read_session(session).filter(|(_, used)| is_recent(*used))?;
        let owner = self.read_owner(times.user, record)?;
        Some(OpenSession { times, owner })
    }
}

fn decode<T: FromRedisValue>(reply: Option<Value>) -> Result<T, Error> {
    let decoded = redis::from_redis_value(reply.unwrap_or(Value::Nil));
    decoded.map_err(|error| Error::SessionsUnavailable(RedisError::from(error)))
}
