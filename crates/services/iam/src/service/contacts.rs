//! The use cases of contacts: change them, create a code for a Telegram contact, and confirm it with the code.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::{
    error_chain,
    security_events::{self, ContactRefusal, Event},
};

use super::IamService;
use crate::{
    error::Error,
    model::{CODE_LIFETIME, ChatId, ContactCode, LoginAttempt, NotificationMethod, Owner, Password, User},
    repository::{ContactCodes, PgUsers, Sessions, Taken},
};

#[derive(Clone)]
pub struct ContactService {
    users: PgUsers,
    sessions: Arc<dyn Sessions>,
    codes: Arc<dyn ContactCodes>,
}

impl ContactService {
    pub fn new(users: PgUsers, sessions: Arc<dyn Sessions>, codes: Arc<dyn ContactCodes>) -> Self {
        Self { users, sessions, codes }
    }

    /// Stores `code` for the user and deletes the user's earlier code, if there is one. Fails if no notification method
    /// of the user has a Telegram chat.
    pub async fn create_code(&self, user: UserId, code: ContactCode) -> Result<(), Error> {
        let known = self.users.find(user).await?.ok_or(Error::UserNotFound)?;
        if !known.info.notification_methods.iter().any(|method| method.chat().is_some()) {
            return Err(Error::NoTelegramContact);
        }
        self.codes.create(user, &code.digest(), CODE_LIFETIME).await?;
        security_events::record(Event::ContactCodeCreated { user: user.uuid() });
        Ok(())
    }

    /// Confirms the Telegram contact of the code's user, if its target is this chat.
    ///
    /// The code is taken first, so that no code works twice. If a later step fails, the user needs a new code.
    pub async fn confirm(&self, code: ContactCode, chat: ChatId, now: DateTime<Utc>) -> Result<(), Error> {
        let user = match self.codes.take(&code.digest(), chat).await? {
            Taken::Of(user) => user,
            Taken::Unknown => return Err(refused(Error::WrongCode, None, ContactRefusal::Code)),
            Taken::Limited => return Err(refused(Error::TooManyCodes, None, ContactRefusal::Limit)),
        };
        if !self.confirm_chat(user, chat, now).await? {
            return Err(refused(Error::OtherChat, Some(user), ContactRefusal::Chat));
        }
        security_events::record(Event::ContactConfirmed { user: user.uuid() });
        Ok(())
    }

    /// Confirms the chat. Returns false if the chat is not a contact of the user.
    async fn confirm_chat(&self, user: UserId, chat: ChatId, now: DateTime<Utc>) -> Result<bool, Error> {
        let Some(known) = self.users.find(user).await? else { return Ok(false) };
        let methods = &known.info.notification_methods;
        let Some(method) = methods.iter().find(|method| method.chat() == Some(chat)) else { return Ok(false) };
        if method.is_confirmed {
            return Ok(true);
        }
        self.sessions.begin_change(user).await?;
        let Some(changed) = self.users.confirm_chat(user, chat, now).await? else { return Ok(false) };
        show(&*self.sessions, &changed).await;
        Ok(true)
    }
}

/// Replaces the user's record in the session store. If that fails, session look-ups read the user from the database
/// until the mark that `begin_change` left there expires, after a minute.
async fn show(sessions: &dyn Sessions, changed: &User) {
    if let Err(error) = sessions.refresh(&Owner::from(changed)).await {
        tracing::warn!(
            error = error_chain(error),
            "user not stored beside the sessions, the database is read meanwhile"
        );
    }
}

fn refused(error: Error, user: Option<UserId>, reason: ContactRefusal) -> Error {
    security_events::record(Event::ContactRefused { user: user.map(UserId::uuid), reason });
    error
}

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
