//! Disables and enables a user on behalf of an operator.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::{
    auth,
    security_events::{self, Event},
};

use super::IamService;
use crate::{error::Error, model::check_reason};

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
}

/// Returns the operator who may decide about `user`.
fn decider(operator: auth::User, user: UserId) -> Result<UserId, Error> {
    if !operator.is_operator {
        return Err(Error::UserNotFound);
    }
    if operator.uuid == user.uuid() { Err(Error::SelfDealing) } else { Ok(UserId::new(operator.uuid)) }
}
