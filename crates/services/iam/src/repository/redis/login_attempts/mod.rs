//! The Redis implementation of [`LoginAttempts`]: one key per account and one per address.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use platform::redis::{Connection, millis};
use redis::{FromRedisValue, RedisError, Script};

use super::with_retry;
use crate::{
    config::{Limit, Limits},
    error::Error,
    model::LoginAttempt,
    repository::{Decision, LoginAttempts},
};

pub struct RedisLoginAttempts {
    connection: Connection,
    prefix: String,
    limits: Limits,
    scripts: Scripts,
}

struct Scripts {
    begin: Script,
    succeed: Script,
    take_back: Script,
    register: Script,
}

impl RedisLoginAttempts {
    /// Creates the store. Every Redis key begins with `prefix`.
    pub fn new(connection: Connection, prefix: String, limits: Limits) -> Self {
        let scripts = Scripts {
            begin: Script::new(concat!(include_str!("prefix.lua"), include_str!("begin.lua"))),
            succeed: Script::new(concat!(include_str!("prefix.lua"), include_str!("succeed.lua"))),
            take_back: Script::new(concat!(include_str!("prefix.lua"), include_str!("take_back.lua"))),
            register: Script::new(concat!(include_str!("prefix.lua"), include_str!("register.lua"))),
        };
        Self { connection, prefix, limits, scripts }
    }

    /// Runs a script on the counts of the attempt's account and address. A retry may count the attempt twice.
    async fn run<T: FromRedisValue + Send>(&self, script: &Script, attempt: &LoginAttempt) -> Result<T, Error> {
        let account = format!("{}failures:account:{}", self.prefix, attempt.account_key());
        let address = format!("{}failures:logins:{}", self.prefix, attempt.address);
        self.count(script, &[(account, self.limits.account()), (address, self.limits.address())]).await
    }

    async fn count<T: FromRedisValue + Send>(&self, script: &Script, counts: &[(String, Limit)]) -> Result<T, Error> {
        let mut call = script.prepare_invoke();
        for (key, limit) in counts {
            call.key(key).arg(limit.attempts).arg(millis(limit.window));
        }
        let call = &call;
        with_retry(&self.connection, RedisError::is_connection_dropped, |mut redis| async move {
            call.invoke_async(&mut redis).await
        })
        .await
    }
}

#[async_trait]
impl LoginAttempts for RedisLoginAttempts {
    async fn begin(&self, attempt: &LoginAttempt) -> Result<Decision, Error> {
        let reply: i64 = self.run(&self.scripts.begin, attempt).await?;
        Ok(match u64::try_from(reply) {
            Ok(0) => Decision::Verify,
            Ok(millis) => Decision::Limited(Duration::from_millis(millis)),
            Err(_) => Decision::Locked,
        })
    }

    async fn succeed(&self, attempt: &LoginAttempt) -> Result<(), Error> {
        self.run(&self.scripts.succeed, attempt).await
    }

    async fn take_back(&self, attempt: &LoginAttempt) -> Result<(), Error> {
        self.run(&self.scripts.take_back, attempt).await
    }

    async fn register(&self, address: IpAddr) -> Result<Option<Duration>, Error> {
        let key = format!("{}failures:registrations:{address}", self.prefix);
        let left: u64 = self.count(&self.scripts.register, &[(key, self.limits.registrations())]).await?;
        Ok((left > 0).then(|| Duration::from_millis(left)))
    }
}
