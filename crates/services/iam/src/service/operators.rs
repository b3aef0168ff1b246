//! Decisions of operators about users, and the use cases of the command `shipyard operator`, which alone grants and
//! revokes the role `operator`.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::{
    auth::{self, Author},
    clock,
    security_events::{self, Event},
};

use super::IamService;
use crate::{
    error::Error,
    hashing::{Hashing, SaltBytes},
    model::{Account, Operator, Password, User, check_login, check_reason},
    repository::PgUsers,
};

/// The use cases of the command `shipyard operator`. The author of a change is the system's user who runs the command.
#[derive(Clone)]
pub struct OperatorService {
    users: PgUsers,
    author: Author,
}

impl OperatorService {
    pub fn new(users: PgUsers, author: Author) -> Self {
        Self { users, author }
    }

    /// Fails if the login is registered already.
    pub async fn check(&self, login: &str) -> Result<(), Error> {
        match self.users.by_login(login, clock::now()).await? {
            Some(_) => Err(Error::LoginTaken),
            None => Ok(()),
        }
    }

    /// Registers the user, with the role. Fails as [`check`](Self::check) does, without changing anything.
    pub async fn create(
        &self,
        user: User,
        hashing: &Hashing,
        password: Password,
        salt: SaltBytes,
    ) -> Result<(), Error> {
        self.check(&user.info.login).await?;
        let hash = hashing.hash(password, salt).await?;
        let user = User { is_operator: true, ..user };
        self.users.register(&user, &hash).await?;
        self.granted(user.id);
        Ok(())
    }

    /// Grants the role to an existing user. The caller names both the user and its login, since a stranger may have
    /// registered the login that an operator expects to have. Returns false if the user has the role already.
    pub async fn adopt(&self, user: UserId, login: &str) -> Result<bool, Error> {
        let known = self.users.find(user).await?.filter(|user| user.info.login == login);
        known.ok_or(Error::UserNotFound)?;
        let is_changed = self.users.set_operator(user, true, clock::now()).await?;
        if is_changed {
            self.granted(user);
        }
        Ok(is_changed)
    }

    /// Revokes the role of the user with exactly this login. The user's sessions lose it with this change. Returns the
    /// user, or `None` if it did not have the role.
    pub async fn remove(&self, login: &str) -> Result<Option<UserId>, Error> {
        let known = self.users.by_login(login, clock::now()).await?.map(|account| account.user);
        let user = known.filter(|user| user.info.login == login).ok_or(Error::UserNotFound)?.id;
        if !self.users.set_operator(user, false, clock::now()).await? {
            return Ok(None);
        }
        security_events::record(Event::RoleTaken { user: user.uuid(), author: self.author.as_str() });
        Ok(Some(user))
    }

    pub async fn list(&self) -> Result<Vec<Operator>, Error> {
        self.users.operators().await
    }

    fn granted(&self, user: UserId) {
        security_events::record(Event::RoleGranted { user: user.uuid(), author: self.author.as_str() });
    }
}

impl IamService {
    /// Disables a user, and ends its sessions. The row changes first, since a login that is in progress reads it again
    /// once it has opened a session.
    pub async fn disable_user(
        &self,
        operator: auth::User,
        user: UserId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        check_reason(reason)?;
        let by = decider(operator, user)?;
        if !self.users.set_disabled(user, Some((reason, by)), now).await? {
            return Err(Error::UserNotFound);
        }
        security_events::record(Event::UserDisabled { user: by.uuid(), of: user.uuid() });
        self.sessions.close_all(user).await
    }

    /// Lets a user log in again. Sessions that ended stay ended.
    pub async fn enable_user(&self, operator: auth::User, user: UserId, now: DateTime<Utc>) -> Result<(), Error> {
        let by = decider(operator, user)?;
        if !self.users.set_disabled(user, None, now).await? {
            return Err(Error::UserNotFound);
        }
        security_events::record(Event::UserEnabled { user: by.uuid(), of: user.uuid() });
        Ok(())
    }

    /// Unlocks a login on behalf of an operator, whether or not it is locked or exists.
    pub async fn unlock_login(&self, operator: auth::User, login: &str) -> Result<(), Error> {
        if !operator.is_operator {
            return Err(Error::UserNotFound);
        }
        check_login(login)?;
        let account = self.users.by_login(login, clock::now()).await?;
        let devices = account.as_ref().map(Account::known_devices).unwrap_or_default();
        self.attempts.unlock(login, &devices).await?;
        let of = account.map(|account| account.user.id.uuid());
        security_events::record(Event::LoginUnlocked { user: operator.uuid, of });
        Ok(())
    }
}

/// Returns the operator's id. Fails if the caller may not decide about `user`.
fn decider(operator: auth::User, user: UserId) -> Result<UserId, Error> {
    if !operator.is_operator {
        return Err(Error::UserNotFound);
    }
    if operator.uuid == user.uuid() { Err(Error::SelfDealing) } else { Ok(UserId::new(operator.uuid)) }
}
