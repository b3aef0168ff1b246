//! The in-memory implementation of [`Users`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{
        Account, ChatId, DeviceDigest, KNOWN_FOR, MAX_DEVICES, NotificationMethod, Operator, Owner, User, UserInfo,
        caseless,
    },
    repository::{Rights, Users},
};

/// Users in a map behind a mutex. Clones share the map.
#[derive(Clone, Default)]
pub struct MemoryUsers {
    accounts: Arc<Mutex<BTreeMap<UserId, Account>>>,
    devices: Arc<Mutex<Devices>>,
}

/// The devices of each user with the times of their last logins, the latest first.
type Devices = BTreeMap<UserId, Vec<(DeviceDigest, DateTime<Utc>)>>;

impl MemoryUsers {
    fn accounts(&self) -> MutexGuard<'_, BTreeMap<UserId, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_free(accounts: &BTreeMap<UserId, Account>, info: &UserInfo) -> Result<(), Error> {
    if accounts.values().any(|other| caseless(&other.user.info.login) == caseless(&info.login)) {
        return Err(Error::LoginTaken);
    }
    if accounts.values().any(|other| caseless(&other.user.info.email) == caseless(&info.email)) {
        return Err(Error::EmailTaken);
    }
    Ok(())
}

#[async_trait]
impl Users for MemoryUsers {
    async fn register(&self, user: &User, password_hash: &str) -> Result<(), Error> {
        let mut accounts = self.accounts();
        if accounts.contains_key(&user.id) {
            return Ok(());
        }
        check_free(&accounts, &user.info)?;
        let (user, password_hash) = (user.clone(), password_hash.to_owned());
        accounts.insert(user.id, Account { user, password_hash, devices: Vec::new() });
        Ok(())
    }

    async fn check_free(&self, info: &UserInfo) -> Result<(), Error> {
        check_free(&self.accounts(), info)
    }

    async fn by_login(&self, login: &str, now: DateTime<Utc>) -> Result<Option<Account>, Error> {
        let key = caseless(login);
        let found = self.accounts().values().find(|account| caseless(&account.user.info.login) == key).cloned();
        let devices = self.devices();
        let known = |user| devices.get(&user).into_iter().flatten().filter(|(_, used)| *used > now - KNOWN_FOR);
        Ok(found.map(|account| Account { devices: known(account.user.id).cloned().collect(), ..account }))
    }

    async fn remember_device(&self, user: UserId, device: &DeviceDigest, now: DateTime<Utc>) -> Result<(), Error> {
        let mut devices = self.devices();
        let devices = devices.entry(user).or_default();
        devices.retain(|(known, _)| known != device);
        devices.insert(0, (device.clone(), now));
        devices.truncate(MAX_DEVICES);
        Ok(())
    }

    async fn find(&self, user: UserId) -> Result<Option<User>, Error> {
        Ok(self.accounts().get(&user).map(|account| account.user.clone()))
    }

    async fn owners(&self, users: &[UserId]) -> Result<Vec<Owner>, Error> {
        let accounts = self.accounts();
        let users = users.iter().filter_map(|user| accounts.get(user)).map(|account| &account.user);
        Ok(users.filter(|user| !user.is_disabled).map(Owner::from).collect())
    }

    async fn change_password(
        &self,
        known: &User,
        password_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(&known.id) else { return Ok(None) };
        if account.password_hash != password_hash {
            if account.user.updated_at != known.updated_at {
                return Ok(None);
            }
            password_hash.clone_into(&mut account.password_hash);
            account.user.updated_at = now.max(account.user.updated_at + TimeDelta::microseconds(1));
        }
        Ok(Some(account.user.updated_at))
    }

    async fn change_contacts(
        &self,
        user: UserId,
        email: &str,
        methods: &[NotificationMethod],
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let mut accounts = self.accounts();
        let is_taken = |other: &Account| other.user.id != user && caseless(&other.user.info.email) == caseless(email);
        if accounts.values().any(is_taken) {
            return Err(Error::EmailTaken);
        }
        let Some(user) = accounts.get_mut(&user).map(|account| &mut account.user) else { return Ok(None) };
        let confirmed = user.info.notification_methods.iter().find(|method| method.is_confirmed);
        let confirmed = confirmed.and_then(NotificationMethod::chat);
        user.updated_at = now.max(user.updated_at + TimeDelta::microseconds(1));
        email.clone_into(&mut user.info.email);
        user.info.notification_methods = methods.to_vec();
        user.info = user.info.clone().with_confirmed(confirmed);
        Ok(Some(user.clone()))
    }

    async fn renew_hash(&self, user: UserId, old: &str, new: &str) -> Result<(), Error> {
        if let Some(account) = self.accounts().get_mut(&user).filter(|account| account.password_hash == old) {
            new.clone_into(&mut account.password_hash);
        }
        Ok(())
    }

    async fn confirm_chat(&self, user: UserId, chat: ChatId, now: DateTime<Utc>) -> Result<Option<User>, Error> {
        let mut accounts = self.accounts();
        let Some(user) = accounts.get_mut(&user).map(|account| &mut account.user) else { return Ok(None) };
        let methods = &user.info.notification_methods;
        let Some(method) = methods.iter().find(|method| method.chat() == Some(chat)) else { return Ok(None) };
        if !method.is_confirmed {
            user.updated_at = now.max(user.updated_at + TimeDelta::microseconds(1));
            user.info = user.info.clone().with_confirmed(Some(chat));
        }
        Ok(Some(user.clone()))
    }

    async fn erase(&self, known: &User, _: DateTime<Utc>) -> Result<bool, Error> {
        let mut accounts = self.accounts();
        if accounts.get(&known.id).is_some_and(|account| account.user.updated_at != known.updated_at) {
            return Ok(false);
        }
        accounts.remove(&known.id);
        self.devices().remove(&known.id);
        Ok(true)
    }
}

#[async_trait]
impl Rights for MemoryUsers {
    async fn set_disabled(
        &self,
        user: UserId,
        disabled: Option<(&str, UserId)>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut accounts = self.accounts();
        let Some(user) = accounts.get_mut(&user).map(|account| &mut account.user) else { return Ok(false) };
        user.is_disabled = disabled.is_some();
        user.updated_at = now.max(user.updated_at + TimeDelta::microseconds(1));
        Ok(true)
    }

    async fn set_operator(&self, user: UserId, is_operator: bool, now: DateTime<Utc>) -> Result<bool, Error> {
        let mut accounts = self.accounts();
        let user = accounts.get_mut(&user).map(|account| &mut account.user);
        let Some(user) = user.filter(|user| user.is_operator != is_operator) else { return Ok(false) };
        user.is_operator = is_operator;
        user.updated_at = now.max(user.updated_at + TimeDelta::microseconds(1));
        Ok(true)
    }

    async fn operators(&self) -> Result<Vec<Operator>, Error> {
        let accounts = self.accounts();
        let operators = accounts.values().map(|account| account.user.clone()).filter(|user| user.is_operator);
        let mut operators: Vec<Operator> = operators
            .map(|User { id, info, created_at, is_disabled, .. }| Operator {
                id,
                login: info.login,
                since: created_at,
                is_disabled,
            })
            .collect();
        operators.sort_by(|one, other| one.login.cmp(&other.login));
        Ok(operators)
    }
}
