//! The use cases of the command `shipyard operator`, which alone gives and takes the role `operator`. The author of a
//! change is the system's user who runs the command.

use std::sync::Arc;

use contracts::ids::UserId;
use platform::{
    auth::Author,
    clock,
    security_events::{self, Event},
};

use crate::{
    error::Error,
    hashing::{Hashing, Purpose, SaltBytes},
    model::{Operator, Password, User},
    repository::Users,
};

#[derive(Clone)]
pub struct OperatorService {
    users: Arc<dyn Users>,
    author: Author,
}

impl OperatorService {
    pub fn new(users: Arc<dyn Users>, author: Author) -> Self {
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
        let hash = hashing.hash(Purpose::Registration, password, salt).await?;
        let user = User { is_operator: true, ..user };
        self.users.register(&user, &hash).await?;
        self.granted(user.id);
        Ok(())
    }

    /// Gives the role to an existing user. The caller names both the user and its login, since a stranger may have
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

    /// Takes the role from the user with exactly this login. The user's sessions lose it with this change. Returns the
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
