//! Changes a user's e-mail address and notification methods.

use chrono::{DateTime, Utc};
use platform::security_events::{self, Event};

use super::{IamService, contacts::show};
use crate::{
    error::Error,
    model::{LoginAttempt, NotificationMethod, Password},
};

impl IamService {
    /// Replaces the e-mail address and the notification methods of the attempt's user, if the password is right.
    pub async fn change_contacts(
        &self,
        attempt: &LoginAttempt,
        password: Password,
        email: &str,
        methods: &[NotificationMethod],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let authenticated = self.authenticate(attempt, password, now).await?;
        self.authenticated(&authenticated, false, now).await;
        let user = authenticated.account.user.id;
        self.sessions.begin_change(user).await?;
        let changed = self.users.change_contacts(user, email, methods, now).await?.ok_or(Error::UserNotFound)?;
        security_events::record(Event::ContactsChanged { user: user.uuid() });
        self.profiles.keep(&changed);
        show(&*self.sessions, &changed).await;
        Ok(())
    }
}
