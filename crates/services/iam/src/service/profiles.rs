//! A cache of users read from the database, for calls that need a user's data in addition to the session.

use std::sync::Arc;

use contracts::ids::UserId;
use moka::sync::Cache;

use crate::{
    error::Error,
    model::{Owner, User},
    repository::PgUsers,
};

/// The maximum size of the cached users, in bytes. It is enough for some 20 000 users with short texts, or some 1 900
/// with the longest ones.
const MAX_REMEMBERED_BYTES: u64 = 4 << 20;

/// The session store has the version of each session's user, so a cached user is returned only while its version is
/// current.
#[derive(Clone)]
pub struct Profiles {
    users: PgUsers,
    known: Cache<UserId, Arc<User>>,
}

impl Profiles {
    pub fn new(users: PgUsers) -> Self {
        Self {
            users,
            known: Cache::builder()
                .max_capacity(MAX_REMEMBERED_BYTES)
                .weigher(|_, user: &Arc<User>| weight(user))
                .build(),
        }
    }

    /// Returns the data of a session's user, or `None` if the user no longer exists.
    pub async fn of(&self, owner: &Owner) -> Result<Option<User>, Error> {
        match self.known.get(&owner.id) {
            Some(user) if user.version() == owner.version => Ok(Some(User::clone(&user))),
            _ => self.read(owner.id).await,
        }
    }

    /// Reads the user from the database and caches it.
    pub async fn read(&self, user: UserId) -> Result<Option<User>, Error> {
        let found = self.users.find(user).await?;
        if let Some(user) = &found {
            self.keep(user);
        }
        Ok(found)
    }

    pub fn forget(&self, user: UserId) {
        self.known.invalidate(&user);
    }

    /// Caches a user that was read from the database or changed there.
    pub fn keep(&self, user: &User) {
        self.known.insert(user.id, Arc::new(user.clone()));
    }
}

fn weight(user: &User) -> u32 {
    let methods = user.info.notification_methods.iter().map(|method| method.provider_name.len() + method.target.len());
    let bytes = size_of::<User>() + user.info.login.len() + user.info.email.len() + methods.sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
