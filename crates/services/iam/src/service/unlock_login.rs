//! Unlocks a login that wrong passwords have locked.

use platform::{
    auth, clock,
    security_events::{self, Event},
};

use super::IamService;
use crate::{
    error::Error,
    model::{Account, LoginAttempt},
};

impl IamService {
    /// Unlocks a login on behalf of an operator, whether or not it is locked or exists.
    pub async fn unlock_login(&self, operator: auth::User, login: &str) -> Result<(), Error> {
        if !operator.is_operator {
            return Err(Error::UserNotFound);
        }
        LoginAttempt::check(login)?;
        let account = self.users.by_login(login, clock::now()).await?;
        let devices = account.as_ref().map(Account::known_devices).unwrap_or_default();
        self.attempts.unlock(login, &devices).await?;
        let of = account.map(|account| account.user.id.uuid());
        security_events::record(Event::LoginUnlocked { user: operator.uuid, of });
        Ok(())
    }
}
