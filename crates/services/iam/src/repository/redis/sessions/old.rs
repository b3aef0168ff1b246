//! Sessions that older versions stored under their ids instead of their digests. None of them lives longer than `IAM_SESSION_TTL`, so a
//! later version can remove this module.

use std::time::Duration;

use tokio::time::Instant;

use super::{RedisSessions, stored};
use crate::{
    error::Error,
    model::{OpenSession, Owner, SessionId, SessionTimes},
    repository::Lookup,
};

/// The time after its start for which a replica leaves these sessions in place. Replicas of the older version may still run, and find the
/// sessions only there.
pub(super) const ROLLOUT: Duration = Duration::from_mins(10);

impl RedisSessions {
    /// Returns a session that an older version stored. Its owner is the newer of the copy in the session and the record of the user.
    pub(super) async fn found_old(&self, id: SessionId, value: &[u8], record: Option<&[u8]>) -> Lookup {
        let Some((times, copy)) = stored::read_old(value) else { return Lookup::Ended };
        let copy = Owner::from(&copy);
        let owner = match record {
            Some([]) => return Lookup::WithoutOwner(times),
            other => other
                .and_then(|record| stored::read_owner(times.user, record, true))
                .filter(|owner| owner.version > copy.version)
                .unwrap_or(copy),
        };
        if Instant::now() >= self.moves_from
            && let Err(error) = self.move_old(id, &times, &owner).await
        {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(error, "session not moved from where an older version stored it");
        }
        Lookup::Found(OpenSession { times, owner })
    }

    async fn move_old(&self, id: SessionId, times: &SessionTimes, owner: &Owner) -> Result<(), Error> {
        let (digest, session, record) =
            (id.digest().to_string(), stored::write_session(*times)?, stored::write_owner(owner)?);
        let mut call = self.scripts.move_old.prepare_invoke();
        call.key(self.session_key(&digest))
            .key(self.session_key(id))
            .key(self.sessions_key(owner.id))
            .key(self.user_key(owner.id))
            .arg(digest)
            .arg(id.to_string())
            .arg(session)
            .arg(record);
        self.run(&call).await
    }
}
