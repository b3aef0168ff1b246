//! The JSON format of the values in Redis. The names of the fields are a contract with other versions and with the scripts.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{LoginDigest, Owner, SessionDigest, SessionId, SessionSummary, SessionTimes, User},
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

/// A session as older versions stored it: under its id, with a copy of the user. This format is read until those sessions have ended.
#[derive(Deserialize)]
struct Old {
    user: User,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// The record of a user, stored separately from the sessions. It contains no personal data.
#[derive(Serialize, Deserialize)]
struct Record {
    /// The time of the user's last change, in microseconds since 1970. The scripts compare it to keep the newest record.
    version: i64,
    login: LoginDigest,
}

/// The record as older versions store it, with a copy of the user. Replicas of the older version may still run, so it is read until the
/// rollout is over.
#[derive(Deserialize)]
struct OldRecord {
    user: User,
}

impl From<Stored> for SessionTimes {
    fn from(stored: Stored) -> Self {
        let Stored { user, created_at, updated_at, expires_at, used: _ } = stored;
        Self { user, created_at, updated_at, expires_at }
    }
}

impl From<Old> for (SessionTimes, User) {
    fn from(old: Old) -> Self {
        let Old { user, created_at, updated_at, expires_at } = old;
        (SessionTimes { user: user.id, created_at, updated_at, expires_at }, user)
    }
}

pub fn write_session(session: SessionTimes) -> Result<Vec<u8>, Error> {
    let SessionTimes { user, created_at, updated_at, expires_at } = session;
    serde_json::to_vec(&Stored { user, created_at, updated_at, expires_at, used: 0 }).map_err(Error::Session)
}

pub fn write_owner(owner: &Owner) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(&Record { version: owner.version, login: owner.login.clone() }).map_err(Error::Session)
}

/// Decodes a session and the time of its last use in milliseconds since 1970. A session that this version cannot decode counts as ended.
pub fn read_session(value: &[u8]) -> Option<(SessionTimes, i64)> {
    readable::<Stored>(value).map(|stored| {
        let used = stored.used;
        (stored.into(), used)
    })
}

pub fn read_old(value: &[u8]) -> Option<(SessionTimes, User)> {
    readable::<Old>(value).map(Into::into)
}

/// Decodes the record of a user, also that of an older version if `reads_copies`. Returns `None` for one that cannot be read and for one that
/// is empty, since its user is being changed: then the database is read.
pub fn read_owner(user: UserId, value: &[u8], reads_copies: bool) -> Option<Owner> {
    match serde_json::from_slice(value) {
        Ok(Record { version, login }) => Some(Owner { id: user, login, version }),
        Err(_) if reads_copies => {
            serde_json::from_slice::<OldRecord>(value).ok().map(|OldRecord { user }| Owner::from(&user))
        }
        Err(_) => None,
    }
}

/// Returns the list entry of the session with this name in the user's set.
pub fn summary(name: &str, value: &[u8]) -> Option<SessionSummary> {
    let id = digest(name).short();
    if is_old(name) {
        let (times, _) = read_old(value)?;
        let (created_at, expires_at) = (times.created_at, times.expires_at);
        return Some(SessionSummary { id, created_at, used_at: times.updated_at, expires_at });
    }
    let stored = readable::<Stored>(value)?;
    let used_at = DateTime::from_timestamp_millis(stored.used).unwrap_or(stored.created_at);
    Some(SessionSummary { id, created_at: stored.created_at, used_at, expires_at: stored.expires_at })
}

fn is_old(name: &str) -> bool {
    Uuid::try_parse(name).is_ok()
}

/// Returns the digest of the session with this name in its user's set. The name is the digest, or the id for a session that an older
/// version stored.
pub fn digest(name: &str) -> SessionDigest {
    Uuid::try_parse(name).map_or_else(|_| SessionDigest::stored(name.to_owned()), |id| SessionId::from(id).digest())
}

fn readable<T: for<'a> Deserialize<'a>>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value)
        .inspect_err(|error| tracing::warn!(%error, "unreadable session skipped, it counts as ended"))
        .ok()
}
