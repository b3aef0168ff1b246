//! The service's configuration.

use std::time::Duration;

use argon2::Params;
use platform::{
    config::{ConfigError, Host, Settings},
    server,
};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{SERVICE, model::Operators};

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub own: Own,
    pub hashing: Hashing,
    pub limits: Limits,
    pub sessions: SessionBackend,
    pub operators: Operators,
}

/// The store of sessions and of counts of failed attempts.
#[derive(Clone, Debug)]
pub enum SessionBackend {
    Redis {
        url: SecretString,
    },
    /// Sessions end with the process and are not shared with replicas.
    Memory,
}

/// The variables that only this service has.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// The prefix of every key in Redis, so that several systems can share a server.
    #[serde(default)]
    pub iam_redis_prefix: String,
    /// The lifetime of a session, from its login.
    #[serde(default = "session_ttl", with = "humantime_serde")]
    pub iam_session_ttl: Duration,
    /// The logins of the operators, separated by commas.
    #[serde(default)]
    pub iam_operators: String,
}

/// The cost of a hash: argon2id with one lane.
#[derive(Clone, Debug, Deserialize)]
pub struct Hashing {
    /// The memory of one hash, in KiB.
    #[serde(default = "argon2_memory_kib")]
    pub iam_argon2_memory_kib: u32,
    #[serde(default = "argon2_iterations")]
    pub iam_argon2_iterations: u32,
    /// Hashes computed at the same time; each takes its memory.
    #[serde(default = "hashing_threads")]
    pub iam_hashing_threads: usize,
    /// Hashes that may wait for a thread; more are refused at once.
    #[serde(default = "hashing_queue")]
    pub iam_hashing_queue: usize,
}

/// Limits on wrong passwords. A window begins with its first failure; 0 failures means no limit.
#[derive(Clone, Debug, Deserialize)]
pub struct Limits {
    /// A login with this many failures is locked out until the window ends.
    #[serde(default = "lockout_failures")]
    pub iam_lockout_failures: u32,
    #[serde(default = "lockout_window", with = "humantime_serde")]
    pub iam_lockout_window: Duration,
    /// An address with this many failures is refused until the window ends.
    #[serde(default = "address_failures")]
    pub iam_address_failures: u32,
    #[serde(default = "address_window", with = "humantime_serde")]
    pub iam_address_window: Duration,
}

fn session_ttl() -> Duration {
    Duration::from_hours(24)
}

fn argon2_memory_kib() -> u32 {
    Params::DEFAULT_M_COST
}

fn argon2_iterations() -> u32 {
    Params::DEFAULT_T_COST
}

fn hashing_threads() -> usize {
    2
}

fn hashing_queue() -> usize {
    64
}

fn lockout_failures() -> u32 {
    10
}

fn lockout_window() -> Duration {
    Duration::from_mins(15)
}

fn address_failures() -> u32 {
    100
}

fn address_window() -> Duration {
    Duration::from_mins(1)
}

impl Config {
    /// Reads and checks the variables; an error names the one that is wrong.
    ///
    /// Redis is required, except in the one process that runs all services.
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
        let config = Self {
            server: server::Config::load(&SERVICE, settings)?,
            operators: own.operators()?,
            own,
            hashing: settings.read()?,
            limits: settings.read()?,
            sessions,
        };
        // Expiry has a resolution of one millisecond.
        if config.own.iam_session_ttl < Duration::from_millis(1) {
            return Err(ConfigError::new("IAM_SESSION_TTL", "is too short for a session to be used"));
        }
        if config.hashing.iam_hashing_threads == 0 {
            return Err(ConfigError::new("IAM_HASHING_THREADS", "is 0; no password could be checked"));
        }
        if config.hashing.iam_argon2_memory_kib < Params::MIN_M_COST {
            let least = Params::MIN_M_COST;
            return Err(ConfigError::new("IAM_ARGON2_MEMORY_KIB", format!("is less than {least}")));
        }
        if config.hashing.iam_argon2_iterations < Params::MIN_T_COST {
            return Err(ConfigError::new("IAM_ARGON2_ITERATIONS", "is 0"));
        }
        Ok(config)
    }
}

impl Own {
    /// Parses the operators' logins.
    pub fn operators(&self) -> Result<Operators, ConfigError> {
        Operators::parse(&self.iam_operators).map_err(|error| ConfigError::new("IAM_OPERATORS", error))
    }
}
