//! Users. No device is known, so each login is from a new one.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{OrderId, UserId};
use iam::{
    client::{OpenOrders, Unavailable},
    error::Error,
    model::{Account, ChatId, DeviceDigest, NotificationMethod, Operator, Owner, User, UserInfo, caseless},
    repository::{self, Rights},
};

use super::locked;

#[derive(Default)]
pub struct Users(Mutex<BTreeMap<UserId, Account>>);

impl Users {
    fn change<T>(&self, user: UserId, now: DateTime<Utc>, change: impl FnOnce(&mut Account) -> T) -> Option<T> {
        locked(&self.0).get_mut(&user).map(|account| {
            account.user.updated_at = now.max(account.user.updated_at + TimeDelta::microseconds(1));
            change(account)
        })
    }

    /// Fails if another user has this e-mail address.
    fn check_email(&self, user: Option<UserId>, email: &str) -> Result<(), Error> {
        let accounts = locked(&self.0);
        let mut others = accounts.values().map(|account| &account.user).filter(|other| Some(other.id) != user);
        let is_taken = others.any(|other| caseless(&other.info.email) == caseless(email));
        if is_taken { Err(Error::EmailTaken) } else { Ok(()) }
    }
}

#[async_trait]
impl repository::Users for Users {
    async fn register(&self, user: &User, password_hash: &str) -> Result<(), Error> {
        self.check_free(&user.info).await?;
        let account = Account { user: user.clone(), password_hash: password_hash.to_owned(), devices: Vec::new() };
        locked(&self.0).insert(user.id, account);
        Ok(())
    }

    async fn check_free(&self, info: &UserInfo) -> Result<(), Error> {
        if self.by_login(&info.login, DateTime::UNIX_EPOCH).await?.is_some() {
            return Err(Error::LoginTaken);
        }
        self.check_email(None, &info.email)
    }

    async fn by_login(&self, login: &str, _: DateTime<Utc>) -> Result<Option<Account>, Error> {
        let key = caseless(login);
        Ok(locked(&self.0).values().find(|account| caseless(&account.user.info.login) == key).cloned())
    }

    async fn remember_device(&self, _: UserId, _: &DeviceDigest, _: DateTime<Utc>) -> Result<(), Error> {
        Ok(())
    }

    async fn find(&self, user: UserId) -> Result<Option<User>, Error> {
        Ok(locked(&self.0).get(&user).map(|account| account.user.clone()))
    }

    async fn owners(&self, users: &[UserId]) -> Result<Vec<Owner>, Error> {
        let accounts = locked(&self.0);
        let known = users.iter().filter_map(|user| accounts.get(user)).map(|account| &account.user);
        Ok(known.filter(|user| !user.is_disabled).map(Owner::from).collect())
    }

    async fn change_password(
        &self,
        known: &User,
        password_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.change(known.id, now, |account| {
            password_hash.clone_into(&mut account.password_hash);
            account.user.updated_at
        }))
    }

    async fn change_contacts(
        &self,
        user: UserId,
        email: &str,
        methods: &[NotificationMethod],
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        self.check_email(Some(user), email)?;
        Ok(self.change(user, now, |account| {
            email.clone_into(&mut account.user.info.email);
            account.user.info.notification_methods = methods.to_vec();
            account.user.clone()
        }))
    }

    async fn renew_hash(&self, _: UserId, _: &str, _: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn confirm_chat(&self, user: UserId, chat: ChatId, now: DateTime<Utc>) -> Result<Option<User>, Error> {
        let confirmed = self.change(user, now, |account| {
            let is_named = account.user.info.notification_methods.iter().any(|method| method.chat() == Some(chat));
            account.user.info = account.user.info.clone().with_confirmed(Some(chat));
            is_named.then(|| account.user.clone())
        });
        Ok(confirmed.flatten())
    }

    async fn erase(&self, known: &User, _: DateTime<Utc>) -> Result<bool, Error> {
        locked(&self.0).remove(&known.id);
        Ok(true)
    }
}

#[async_trait]
impl Rights for Users {
    async fn set_disabled(
        &self,
        user: UserId,
        disabled: Option<(&str, UserId)>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        Ok(self.change(user, now, |account| account.user.is_disabled = disabled.is_some()).is_some())
    }

    async fn set_operator(&self, _: UserId, _: bool, _: DateTime<Utc>) -> Result<bool, Error> {
        Ok(false)
    }

    async fn operators(&self) -> Result<Vec<Operator>, Error> {
        Ok(Vec::new())
    }
}

/// An order service in which no order is open.
pub struct NoOpenOrders;

#[async_trait]
impl OpenOrders for NoOpenOrders {
    async fn of(&self, _: UserId) -> Result<(Vec<OrderId>, u32), Unavailable> {
        Ok((Vec::new(), 0))
    }
}
