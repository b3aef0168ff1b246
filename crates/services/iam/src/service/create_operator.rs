//! The use case of the command `shipyard operator`: creates a user with an operator's login, which `Register` refuses.

use std::sync::Arc;

use platform::{
    clock,
    security_events::{self, Event},
};

use crate::{
    error::Error,
    hashing::{Hashing, Purpose, SaltBytes},
    model::{Operators, Password, User},
    repository::Users,
};

#[derive(Clone)]
pub struct OperatorService {
    users: Arc<dyn Users>,
    hashing: Hashing,
    operators: Operators,
}

impl OperatorService {
    pub fn new(users: Arc<dyn Users>, hashing: Hashing, operators: Operators) -> Self {
        Self { users, hashing, operators }
    }

    /// Fails if the login is not an operator's or is registered already.
    pub async fn check(&self, login: &str) -> Result<(), Error> {
        if !self.operators.contains(login) {
            return Err(Error::NotOperator);
        }
        match self.users.by_login(login, clock::now()).await? {
            Some(_) => Err(Error::LoginTaken),
            None => Ok(()),
        }
    }

    /// Registers the user. Fails as [`check`](Self::check) does, without changing anything.
    pub async fn create(&self, user: &User, password: Password, salt: SaltBytes) -> Result<(), Error> {
        self.check(&user.info.login).await?;
        let hash = self.hashing.hash(Purpose::Registration, password, salt).await?;
        self.users.register(user, &hash).await?;
        security_events::record(Event::RoleGranted { user: user.id.uuid() });
        Ok(())
    }
}
