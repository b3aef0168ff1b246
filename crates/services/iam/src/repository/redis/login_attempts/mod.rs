//! The Redis implementation of [`LoginAttempts`]: a key per account, known device and address. Accounts and devices are
//! named by digests.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use platform::redis::{Connection, millis};
use redis::{FromRedisValue, RedisError, Script};

use super::{run, with_retry};
use crate::{
    config::Limits,
    error::Error,
    model::{DeviceDigest, LoginAttempt, Origin, account_key},
    repository::{Decision, Judged, LoginAttempts, login_attempts::REMEMBERED_FOR, login_limits::Limit},
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

/// A key, its limit, and how long the number of attempts since the last success is remembered.
type Count = (String, Limit, Duration);

impl RedisLoginAttempts {
    /// Every Redis key begins with `prefix`.
    pub fn new(connection: Connection, prefix: String, limits: Limits) -> Self {
        let scripts = Scripts {
            begin: Script::new(concat!(include_str!("counts.lua"), include_str!("begin.lua"))),
            succeed: Script::new(concat!(include_str!("counts.lua"), include_str!("succeed.lua"))),
            take_back: Script::new(concat!(include_str!("counts.lua"), include_str!("take_back.lua"))),
            register: Script::new(concat!(include_str!("counts.lua"), include_str!("register.lua"))),
        };
        Self { connection, prefix, limits, scripts }
    }

    fn key(&self, kind: &str, name: impl std::fmt::Display) -> String {
        format!("{}failures:{kind}:{name}", self.prefix)
    }

    /// Returns the count of the account, or of the device if it is known. The number of attempts since the last success
    /// is remembered only for accounts that exist, because a stranger can invent any number of logins.
    fn subject(&self, attempt: &LoginAttempt) -> Count {
        let (key, remembered) = match &attempt.origin {
            Origin::NoAccount => (self.key("account", attempt.account_key()), Duration::ZERO),
            Origin::NewDevice => (self.key("account", attempt.account_key()), REMEMBERED_FOR),
            Origin::KnownDevice(device) => (self.key("device", device), REMEMBERED_FOR),
        };
        (key, self.limits.account(), remembered)
    }

    /// Returns the counts of an attempt: the account or device, the address, the successes of both, and the address'
    /// throttled attempts.
    fn counts(&self, attempt: &LoginAttempt) -> [Count; 5] {
        let count = |kind, name: String, limit| (self.key(kind, name), limit, Duration::ZERO);
        [
            self.subject(attempt),
            count("logins", attempt.address.to_string(), self.limits.address()),
            count("successes", attempt.account_key(), self.limits.successes()),
            count("new", attempt.address.to_string(), self.limits.new_accounts()),
            count("throttled", attempt.address.to_string(), self.limits.throttled()),
        ]
    }

    /// Returns the counts of a judged attempt. The second is the count of the address that includes the attempt: of
    /// throttled attempts, or of the others.
    fn counted(&self, attempt: &LoginAttempt, judged: Judged) -> [Count; 4] {
        let [subject, address, successes, new, throttled] = self.counts(attempt);
        [subject, if judged.decision == Decision::Throttle { throttled } else { address }, successes, new]
    }

    /// Runs a script. A retry may count the attempt twice.
    async fn run<T: FromRedisValue + Send>(
        &self,
        script: &Script,
        counts: &[Count],
        flags: &[bool],
    ) -> Result<T, Error> {
        let mut call = script.prepare_invoke();
        for (key, limit, remembered) in counts {
            let remembered = u64::try_from(remembered.as_millis()).unwrap_or(u64::MAX);
            call.key(key).arg(limit.attempts).arg(millis(limit.window)).arg(limit.total).arg(remembered);
        }
        for flag in flags {
            call.arg(u8::from(*flag));
        }
        run(&self.connection, &call).await
    }
}

#[async_trait]
impl LoginAttempts for RedisLoginAttempts {
    async fn begin(&self, attempt: &LoginAttempt) -> Result<Judged, Error> {
        let flags = [attempt.is_from_known_device()];
        let (code, left, is_crowded): (u8, u64, bool) =
            self.run(&self.scripts.begin, &self.counts(attempt), &flags).await?;
        let left = Duration::from_millis(left);
        // `begin.lua` defines these numbers.
        let decision = match code {
            0 | 1 => Decision::Verify,
            2 => Decision::Throttle,
            3 => Decision::Locked,
            4 => Decision::Limited(left),
            _ => Decision::Busy(left),
        };
        Ok(Judged { decision, is_crowded, is_counted: matches!(code, 0 | 2) })
    }

    async fn succeed(
        &self,
        attempt: &LoginAttempt,
        devices: &[DeviceDigest],
        judged: Judged,
        is_new: bool,
    ) -> Result<(), Error> {
        let count = |key| (key, self.limits.account(), Duration::ZERO);
        let mut counts = self.counted(attempt, judged).to_vec();
        counts.push(count(self.key("account", attempt.account_key())));
        counts.extend(devices.iter().map(|device| count(self.key("device", device))));
        self.run(&self.scripts.succeed, &counts, &[judged.is_counted, is_new]).await
    }

    async fn take_back(&self, attempt: &LoginAttempt, judged: Judged) -> Result<(), Error> {
        let [subject, address, ..] = self.counted(attempt, judged);
        self.run(&self.scripts.take_back, &[subject, address], &[judged.is_counted]).await
    }

    async fn register(&self, address: IpAddr) -> Result<Option<Duration>, Error> {
        let count = |kind, limit| (self.key(kind, address), limit, Duration::ZERO);
        let counts =
            [count("registrations", self.limits.registrations()), count("registered", self.limits.new_accounts())];
        let left: u64 = self.run(&self.scripts.register, &counts, &[]).await?;
        Ok((left > 0).then(|| Duration::from_millis(left)))
    }

    async fn unlock(&self, login: &str, devices: &[DeviceDigest]) -> Result<(), Error> {
        let mut keys = vec![self.key("account", account_key(login))];
        keys.extend(devices.iter().map(|device| self.key("device", device)));
        let keys = &keys;
        with_retry(&self.connection, RedisError::is_connection_dropped, |mut redis| async move {
            redis::cmd("DEL").arg(keys).exec_async(&mut redis).await
        })
        .await
    }
}
