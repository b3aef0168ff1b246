//! The JSON format of the values in Redis. The names of the fields are a contract with other versions and with the
//! scripts.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    model::{Owner, SessionDigest, SessionSummary, SessionTimes},
};

/// A session, stored under its digest. The scripts add `used`, the time of the last use.
#[derive(Serialize, Deserialize)]
struct Stored {
    user: UserId,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// The time of the last use in milliseconds since 1970, by Redis' clock.
    #[serde(default, skip_serializing)]
    used: i64,
}

/// The record of a user, stored separately from the sessions. It contains no personal data.
#[derive(Serialize, Deserialize)]
struct Record {
    /// The time of the user's last change, in microseconds since 1970. The scripts compare it to keep the newest
    /// record.
    version: i64,
    operator: bool,
}

impl From<Stored> for SessionTimes {
    fn from(stored: Stored) -> Self {
        let Stored { user, created_at, updated_at, expires_at, used: _ } = stored;
        Self { user, created_at, updated_at, expires_at }
    }
}

pub fn write_session(session: SessionTimes) -> Result<Vec<u8>, Error> {
    let SessionTimes { user, created_at, updated_at, expires_at } = session;
    serde_json::to_vec(&Stored { user, created_at, updated_at, expires_at, used: 0 }).map_err(Error::Session)
}

pub fn write_owner(owner: &Owner) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(&Record { version: owner.version, operator: owner.is_operator }).map_err(Error::Session)
}

/// Decodes a session. One that this version cannot decode counts as ended.
pub fn read_session(value: &[u8]) -> Option<SessionTimes> {
    readable::<Stored>(value).map(Into::into)
}

/// Decodes the record of a user. Returns `None` for a record that cannot be read, and for an empty record, which marks
/// a user that is being changed: the caller then reads the database.
pub fn read_owner(user: UserId, value: &[u8]) -> Option<Owner> {
    let Record { version, operator } = serde_json::from_slice(value).ok()?;
    Some(Owner { id: user, is_operator: operator, version })
}

/// Returns the list entry of the session with this digest.
pub fn summary(digest: String, value: &[u8]) -> Option<SessionSummary> {
    let id = SessionDigest::stored(digest).short();
    let stored = readable::<Stored>(value)?;
    let used_at = DateTime::from_timestamp_millis(stored.used).unwrap_or(stored.created_at);
    Some(SessionSummary { id, created_at: stored.created_at, used_at, expires_at: stored.expires_at })
}

fn readable<T: for<'a> Deserialize<'a>>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value)
        .inspect_err(|error| tracing::warn!(%error, "unreadable session skipped, it counts as ended"))
        .ok()
}
