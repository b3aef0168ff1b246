//! The service's configuration.

use std::time::Duration;

use argon2::Params;
use contracts::{events::Messaging, ports};
use platform::{
    config::{ConfigError, Host, Settings},
    server,
};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    SERVICE,
    model::{MAX_CHARACTERS, MIN_CHARACTERS, TrustedProxies},
    tokens::{self, AccessTokens},
};

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub messaging: Messaging,
    pub own: Own,
    pub hashing: Hashing,
    pub limits: Limits,
    pub bounds: SessionBounds,
    pub sessions: SessionBackend,
    pub proxies: TrustedProxies,
    pub tokens: AccessTokens,
}

/// The store of sessions, contact codes and counts of attempts.
#[derive(Clone, Debug)]
pub enum SessionBackend {
    Redis {
        url: SecretString,
    },
    /// Sessions end with the process and are not shared between replicas.
    Memory,
}

/// The variables that only this service has.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Own {
    /// The prefix of every key in Redis, so that several systems can share a server.
    pub iam_redis_prefix: String,
    /// The lifetime of a session, counted from the login.
    #[serde(deserialize_with = "platform::config::bounded::duration")]
    pub iam_session_ttl: Duration,
    /// The minimum length of a new password, in characters.
    pub iam_password_min: usize,
    /// The trusted proxies, as addresses or networks separated by commas. Only their `X-Forwarded-For` headers are
    /// used.
    pub iam_trusted_proxies: String,
    /// The number of proxies in front of a trusted proxy. Each of them appends one entry to `X-Forwarded-For`.
    pub iam_trusted_hops: usize,
    /// The address of order's gRPC API, `host:port`.
    pub order_address: String,
}

/// The maximum number of sessions of a user, and the idle timeout of a session.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub struct SessionBounds {
    /// The maximum number of sessions of a user. A further login ends the user's oldest session.
    pub iam_sessions_per_user: u32,
    /// The idle timeout: a session ends if it was not used for this long. With 0, a session ends only after
    /// `IAM_SESSION_TTL`.
    #[serde(deserialize_with = "platform::config::bounded::optional_duration")]
    pub iam_session_idle: Option<Duration>,
}

impl SessionBounds {
    /// The precision with which the store keeps the time of the last use. A finer precision would cause a write on
    /// every request.
    pub fn precision(&self) -> Duration {
        let minute = Duration::from_mins(1);
        self.iam_session_idle.map_or(minute, |idle| (idle / 10).min(minute))
    }
}

/// The cost parameters of password hashes (argon2id with one lane) and the limits on concurrent hashing.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Hashing {
    /// The memory of one hash, in KiB.
    pub iam_argon2_memory_kib: u32,
    pub iam_argon2_iterations: u32,
    /// The number of hashes computed concurrently. Each needs the memory of one hash.
    #[serde(deserialize_with = "platform::config::bounded::up_to::<MAX_THREADS, _>")]
    pub iam_hashing_threads: usize,
    /// The maximum number of hashes that wait for their turn. Further ones are refused at once. New hashes take at most
    /// half of the places.
    pub iam_hashing_queue: usize,
}

/// The limits on logins and registrations. 0 means no limit. A lock or refusal lasts 1/64 of the window at first; each
/// further admitted attempt doubles this time, up to the window.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// An account is locked after this number of failed attempts in a row.
    pub iam_lockout_failures: u32,
    #[serde(deserialize_with = "platform::config::bounded::duration")]
    pub iam_lockout_window: Duration,
    /// After this number of failed attempts in a row, an account is locked for all but its known devices, until one of
    /// these logs in or an operator unlocks the login. From the fifth on, failed attempts are remembered for 30 days.
    pub iam_lockout_total: u32,
    /// After this number of successful logins of an account within `IAM_ADDRESS_WINDOW`, further ones are refused.
    pub iam_account_logins: u32,
    /// An address is refused after this number of failed attempts. After as many failed throttled attempts within the
    /// window, the address is refused throttled attempts, too.
    pub iam_address_failures: u32,
    /// After this number of registrations from an address within `IAM_ADDRESS_WINDOW`, further ones are refused.
    pub iam_address_registrations: u32,
    #[serde(deserialize_with = "platform::config::bounded::duration")]
    pub iam_address_window: Duration,
    /// After this number of registrations from an address within `IAM_NEW_ACCOUNTS_WINDOW`, further ones are refused.
    /// Successful logins of accounts that are less than a day old are counted separately, with the same limit.
    pub iam_address_new_accounts: u32,
    #[serde(deserialize_with = "platform::config::bounded::duration")]
    pub iam_new_accounts_window: Duration,
}

/// The maximum of `IAM_HASHING_THREADS`.
const MAX_THREADS: usize = 256;

impl Default for Own {
    fn default() -> Self {
        Self {
            iam_redis_prefix: String::new(),
            iam_session_ttl: Duration::from_hours(24),
            iam_password_min: MIN_CHARACTERS,
            iam_trusted_proxies: String::new(),
            iam_trusted_hops: 0,
            order_address: ports::local(ports::ORDER_GRPC),
        }
    }
}

impl Default for SessionBounds {
    fn default() -> Self {
        Self { iam_sessions_per_user: 100, iam_session_idle: Some(Duration::from_hours(12)) }
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            iam_argon2_memory_kib: Params::DEFAULT_M_COST,
            iam_argon2_iterations: Params::DEFAULT_T_COST,
            iam_hashing_threads: 2,
            iam_hashing_queue: 64,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            iam_lockout_failures: 10,
            iam_lockout_window: Duration::from_mins(15),
            iam_lockout_total: 100,
            iam_account_logins: 100,
            iam_address_failures: 100,
            iam_address_registrations: 200,
            iam_address_window: Duration::from_mins(1),
            iam_address_new_accounts: 1_000,
            iam_new_accounts_window: Duration::from_hours(1),
        }
    }
}

impl Config {
    /// Reads and validates the variables. An error names the invalid variable.
    ///
    /// Redis is required, unless all services run in one process.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let sessions = match settings.get("REDIS_URL") {
            Some(url) => SessionBackend::Redis { url: url.into() },
            None if settings.host() == Host::SharedProcess => SessionBackend::Memory,
            None => {
                let problem = "is not set; sessions are kept in Redis, such as redis://127.0.0.1:6379";
                return Err(ConfigError::new("REDIS_URL", problem));
            }
        };
        let own: Own = settings.read()?;
        let mut bounds: SessionBounds = settings.read()?;
        bounds.iam_session_idle = bounds.iam_session_idle.filter(|idle| !idle.is_zero());
        let config = Self {
            server: server::Config::load(&SERVICE, settings)?,
            messaging: Messaging::load(settings)?,
            proxies: own.trusted_proxies()?,
            own,
            hashing: settings.read()?,
            limits: settings.read()?,
            bounds,
            sessions,
            tokens: tokens::load(settings)?,
        };
        // The expiry of Redis keys has a resolution of one millisecond.
        if config.own.iam_session_ttl < Duration::from_millis(1) {
            return Err(ConfigError::new("IAM_SESSION_TTL", "is too short for a session to be used"));
        }
        config.own.check_password_min()?;
        if config.bounds.iam_sessions_per_user == 0 {
            return Err(ConfigError::new("IAM_SESSIONS_PER_USER", "is 0; no user could log in"));
        }
        if config.bounds.iam_session_idle.is_some_and(|idle| idle < Duration::from_secs(1)) {
            return Err(ConfigError::new("IAM_SESSION_IDLE", "is too short for a session to be used"));
        }
        if config.hashing.iam_argon2_memory_kib < Params::MIN_M_COST {
            let minimum = Params::MIN_M_COST;
            return Err(ConfigError::new("IAM_ARGON2_MEMORY_KIB", format!("is less than {minimum}")));
        }
        if config.hashing.iam_argon2_iterations < Params::MIN_T_COST {
            return Err(ConfigError::new("IAM_ARGON2_ITERATIONS", "is 0"));
        }
        Ok(config)
    }
}

impl Own {
    fn trusted_proxies(&self) -> Result<TrustedProxies, ConfigError> {
        TrustedProxies::parse(&self.iam_trusted_proxies)
            .map_err(|error| ConfigError::new("IAM_TRUSTED_PROXIES", error.message))
    }

    /// Returns the minimum length of a new password in characters, if the setting is in range.
    pub fn check_password_min(&self) -> Result<usize, ConfigError> {
        let minimum = self.iam_password_min;
        if (MIN_CHARACTERS..=MAX_CHARACTERS).contains(&minimum) {
            return Ok(minimum);
        }
        let problem = format!("is not between {MIN_CHARACTERS} and {MAX_CHARACTERS}");
        Err(ConfigError::new("IAM_PASSWORD_MIN", problem))
    }
}
