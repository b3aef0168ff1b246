//! The use cases of Telegram contacts: create a code, and confirm a contact with it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::{
    error_chain,
    security_events::{self, ContactRefusal, Event},
};

use crate::{
    error::Error,
    model::{CODE_LIFETIME, ChatId, ContactCode, Owner, User},
    repository::{ContactCodes, Sessions, Taken, Users},
};

#[derive(Clone)]
pub struct ContactService {
    users: Arc<dyn Users>,
    sessions: Arc<dyn Sessions>,
    codes: Arc<dyn ContactCodes>,
}

impl ContactService {
    pub fn new(users: Arc<dyn Users>, sessions: Arc<dyn Sessions>, codes: Arc<dyn ContactCodes>) -> Self {
        Self { users, sessions, codes }
    }

    /// Stores `code` for the user and deletes the user's earlier code, if there is one. Fails if no notification method of the user has a
    /// Telegram chat.
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
    /// The code is taken first, so that no code works twice. After a crash, the user needs a new code. If a later step
    /// fails because of a system error, the code is stored again. If only the response was lost, the repeated
    /// confirmation changes nothing.
    pub async fn confirm(&self, code: ContactCode, chat: ChatId, now: DateTime<Utc>) -> Result<(), Error> {
        let (user, left) = match self.codes.take(&code.digest(), chat).await? {
            Taken::Of { user, left } => (user, left),
            Taken::Unknown => return Err(refused(Error::WrongCode, None, ContactRefusal::Code)),
            Taken::Limited => return Err(refused(Error::TooManyCodes, None, ContactRefusal::Limit)),
        };
        match self.confirm_chat(user, chat, now).await {
            Ok(true) => {
                security_events::record(Event::ContactConfirmed { user: user.uuid() });
                Ok(())
            }
            Ok(false) => Err(refused(Error::OtherChat, Some(user), ContactRefusal::Chat)),
            Err(error) => {
                if let Err(lost) = self.codes.put_back(user, &code.digest(), left).await {
                    let error = error_chain(lost);
                    tracing::warn!(error, user_uuid = %user, "contact code not put back, the user needs a new one");
                }
                Err(error)
            }
        }
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

/// Replaces the user's record in the session store. If that fails, session look-ups read the user from the database until the mark that
/// `begin_change` left there expires, after a minute.
pub(super) async fn show(sessions: &dyn Sessions, changed: &User) {
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
