//! Sessions whose user this replica knows, because it opened them or found them before. The user of a session never changes, so they are
//! read with plain commands, sent together. The script has to decode the session to find its user, for which Redis, a single thread, takes
//! five times as long (decision 54).

use platform::redis::millis;
use redis::{FromRedisValue, RedisError, Value};

use super::{RedisSessions, is_lost, stored};
use crate::{
    error::Error,
    model::{Session, SessionDigest, SessionId},
};

/// The most sessions whose user is remembered. They take 8 MB.
pub(super) const CAPACITY: u64 = 20_000;

impl RedisSessions {
    /// Returns the open ones among sessions whose user is known. For each other session it returns `None`, and the script must decide: if the
    /// session has ended, may have been idle for too long, or has a use to record, or if its user's data are not stored.
    ///
    /// Other commands may run between these, but each session is read before its user: one that is found here was open when this call
    /// began.
    pub(super) async fn find_known(
        &self,
        sessions: &[(SessionId, SessionDigest)],
    ) -> Result<Vec<Option<Session>>, Error> {
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
        commands.cmd("TIME");
        let mut replies: Vec<Value> = self
            .with_retry(is_lost, |mut redis| {
                let commands = &commands;
                async move { commands.query_async(&mut redis).await }
            })
            .await?;
        let (seconds, micros): (i64, i64) = decode(replies.pop())?;
        let now = seconds * 1000 + micros / 1000;
        let mut replies = replies.into_iter();
        let found = sessions.iter().zip(owners).map(|((id, _), owner)| match owner {
            Some(_) => {
                let (session, user): (Option<Vec<u8>>, Option<Vec<u8>>) =
                    (decode(replies.next())?, decode(replies.next())?);
                Ok(self.open_at(now, *id, session.as_deref(), user.as_deref()))
            }
            None => Ok(None),
        });
        found.collect()
    }

    /// Returns the session if it is open and was used recently, `now` being Redis' time in milliseconds since 1970.
    fn open_at(&self, now: i64, id: SessionId, session: Option<&[u8]>, user: Option<&[u8]>) -> Option<Session> {
        // The precision is shorter than the idle timeout.
        let is_recent = |used: i64| u64::try_from(now - used).is_ok_and(|idle| idle < millis(self.bounds.precision()));
        let times = session.and_then(stored::read_session).filter(|(_, used)| is_recent(*used));
        let user = user.and_then(stored::read_user);
        times.zip(user).map(|((times, _), user)| times.of(id, user))
    }
}

fn decode<T: FromRedisValue>(reply: Option<Value>) -> Result<T, Error> {
    let decoded = redis::from_redis_value(reply.unwrap_or(Value::Nil));
    decoded.map_err(|error| Error::SessionsUnavailable(RedisError::from(error)))
}
