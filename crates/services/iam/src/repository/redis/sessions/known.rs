//! The fast lookup of sessions whose user this replica remembers. The user of a session never changes, nor does the
//! session of a token, so plain commands in one pipeline can read both. The script would decode the session to find its
//! user, which takes the single thread of Redis five times as long (decision 54).

use contracts::ids::UserId;
use platform::redis::millis;
use redis::{FromRedisValue, Pipeline, RedisError, Value};

use super::{RedisSessions, Wanted, is_lost, stored};
use crate::{
    error::Error,
    model::{OpenSession, SessionDigest},
};

/// The maximum number of sessions whose user is remembered, and of tokens whose session is remembered. Each cache takes
/// 8 MB.
pub(super) const MAX_REMEMBERED: u64 = 20_000;

/// What this replica remembers about a wanted session.
struct Known {
    session: SessionDigest,
    user: UserId,
}

impl RedisSessions {
    /// Returns the open session for each of `wanted`, or `None` if the script must decide: the user is not known, the session or the token
    /// has ended, the session may have been idle for too long or has a use to record, or the record of its user is not stored.
    ///
    /// Redis may run other commands in between. But each token is read before its session, and each session before its
    /// user, so a session that is found here was open when this call began.
    pub(super) async fn find_known(&self, wanted: &[Wanted]) -> Result<Vec<Option<OpenSession>>, Error> {
        let known: Vec<_> = wanted.iter().map(|wanted| self.known(wanted)).collect();
        let mut commands = redis::pipe();
        for (wanted, known) in wanted.iter().zip(&known) {
            if let Some(known) = known {
                self.read_known(&mut commands, wanted, known);
            }
        }
        if commands.is_empty() {
            return Ok(wanted.iter().map(|_| None).collect());
        }
        // The command for a key with another type of value fails alone, and the script decides about that session.
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
        let found = wanted.iter().zip(known).map(|(wanted, known)| {
            let known = known?;
            let token = matches!(wanted, Wanted::Token(..)).then(|| replies.next());
            let (session, record) = (replies.next(), replies.next());
            if let Some(token) = token {
                let of: Option<String> = decode(token).ok()?;
                of.filter(|of| *of == known.session.to_string())?;
            }
            let (session, record): (Option<Vec<u8>>, Option<Vec<u8>>) = (decode(session).ok()?, decode(record).ok()?);
            self.open_at(now, &session?, &record?)
        });
        Ok(found.collect())
    }

    fn known(&self, wanted: &Wanted) -> Option<Known> {
        let session = match wanted {
            Wanted::Session(digest) => digest.clone(),
            Wanted::Token(digest) => self.tokens.get(digest)?,
        };
        let user = self.owners.get(&session)?;
        Some(Known { session, user })
    }

    fn read_known(&self, commands: &mut Pipeline, wanted: &Wanted, known: &Known) {
        if let Wanted::Token(digest) = wanted {
            commands.get(self.token_key(digest));
        }
        commands.get(self.session_key(&known.session)).get(self.user_key(known.user));
    }

    /// Returns the session if it is open and was used recently, `now` being Redis' time in milliseconds since 1970.
    fn open_at(&self, now: i64, session: &[u8], record: &[u8]) -> Option<OpenSession> {
        // The precision is shorter than the idle timeout.
        let is_recent = |used: i64| u64::try_from(now - used).is_ok_and(|idle| idle < millis(self.bounds.precision()));
        let (times, _) = stored::read_session(session).filter(|(_, used)| is_recent(*used))?;
        let owner = stored::read_owner(times.user, record)?;
        Some(OpenSession { times, owner })
    }
}

fn decode<T: FromRedisValue>(reply: Option<Value>) -> Result<T, Error> {
    let decoded = redis::from_redis_value(reply.unwrap_or(Value::Nil));
    decoded.map_err(|error| Error::SessionsUnavailable(RedisError::from(error)))
}
