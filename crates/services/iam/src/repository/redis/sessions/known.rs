//! Sessions whose user this replica knows, because it opened them or found them before. The user of a session never changes, so they are
//! read with plain commands, sent together. The script has to decode the session to find its user, for which Redis, a single thread, takes
//! five times as long (decision 54).

use platform::redis::millis;

use super::{RedisSessions, is_lost, stored};
use crate::{
    error::Error,
    model::{Session, SessionDigest, SessionId},
};

/// The most sessions whose user is remembered. They take 8 MB.
pub(super) const CAPACITY: u64 = 20_000;

/// The session, its user's data, and Redis' time in seconds and microseconds.
type Reply = (Option<Vec<u8>>, Option<Vec<u8>>, (i64, i64));

impl RedisSessions {
    /// Returns an open session whose user is known. Returns `None` if the script must decide: if the session has ended, may have been idle
    /// for too long, or has a use to record, or if its user's data are not stored.
    ///
    /// Other commands may run between these, but the session is read first: a session that is found here was open when this call began.
    pub(super) async fn find_known(&self, id: SessionId, digest: &SessionDigest) -> Result<Option<Session>, Error> {
        let Some(owner) = self.owners.get(digest) else { return Ok(None) };
        let mut commands = redis::pipe();
        commands.get(self.session_key(digest)).get(self.user_key(owner)).cmd("TIME");
        let (session, user, (seconds, micros)): Reply = self
            .with_retry(is_lost, |mut redis| {
                let commands = &commands;
                async move { commands.query_async(&mut redis).await }
            })
            .await?;
        let now = seconds * 1000 + micros / 1000;
        // The precision is shorter than the idle timeout.
        let is_recent = |used: i64| u64::try_from(now - used).is_ok_and(|idle| idle < millis(self.bounds.precision()));
        let times = session.as_deref().and_then(stored::read_session).filter(|(_, used)| is_recent(*used));
        let user = user.as_deref().and_then(stored::read_user);
        Ok(times.zip(user).map(|((times, _), user)| times.of(id, user)))
    }
}
