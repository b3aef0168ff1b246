//! The users that this replica has read from the database, for calls that need a user's data in addition to the session.

use std::sync::Arc;

use contracts::ids::UserId;
use moka::sync::Cache;

use crate::{
    error::Error,
    model::{Owner, User},
    repository::Users,
};

/// The maximum number of bytes of texts that are kept. A user has 100 to 2 048 of them, so this is enough for some 20 000 users.
const MAX_REMEMBERED_BYTES: u64 = 4 << 20;

/// The kept users. The session store names the version of a session's user, so a kept user is returned only while its version is the
/// current one.
#[derive(Clone)]
pub struct Profiles {
    users: Arc<dyn Users>,
    known: Cache<UserId, Arc<User>>,
}

impl Profiles {
    pub fn new(users: Arc<dyn Users>) -> Self {
        Self {
            users,
            known: Cache::builder()
                .max_capacity(MAX_REMEMBERED_BYTES)
                .weigher(|_, user: &Arc<User>| weight(user))
                .build(),
        }
    }

    /// Returns the data of a session's user, or `None` if the user does not exist any more.
    pub async fn of(&self, owner: &Owner) -> Result<Option<User>, Error> {
        match self.known.get(&owner.id) {
            Some(user) if user.version() == owner.version => Ok(Some(User::clone(&user))),
            _ => self.read(owner.id).await,
        }
    }

    /// Reads the user from the database.
    pub async fn read(&self, user: UserId) -> Result<Option<User>, Error> {
        let found = self.users.find(user).await?;
        if let Some(user) = &found {
            self.keep(user);
        }
        Ok(found)
    }

    /// Keeps a user that was read from the database or changed there.
    pub fn keep(&self, user: &User) {
        self.known.insert(user.id, Arc::new(user.clone()));
    }
}

fn weight(user: &User) -> u32 {
    let methods = user.info.notification_methods.iter().map(|method| method.provider_name.len() + method.target.len());
    let bytes = size_of::<User>() + user.info.login.len() + user.info.email.len() + methods.sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
