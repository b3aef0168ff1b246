//! The parts of a service's runtime that need no connection: the clock, ids, randomness, errors, retries, circuit
//! breakers and the values of the configuration.
//!
//! This is the lowest of the five crates of which a service's runtime consists: `platform` → `edge`, `events` → `store`
//! → `base`. It opens no connection, reads no file and knows no protocol. It logs, counts, and waits on tokio's time,
//! which tests may pause. Services use it through `platform`, which names each of these modules as its own.
//!
//! - Time, ids and randomness: [`clock::now`], [`ids`] and [`random::Random`] are the only sources; clippy bans the
//!   others.
//! - Failures: [`retry::Budget`] and [`circuit_breaker::CircuitBreaker`] decide whether another call is made,
//!   [`outage::Outage`] logs the beginning and the end of an outage, [`deadline`] bounds the time of a request, and
//!   [`readiness::Readiness`] says whether a service can receive work.
//! - Input: [`config::Settings`] are the variables of a process; [`cursor`], [`date`] and [`number`] parse single
//!   values.
//! - [`trace`] carries the trace context of a span to calls and events; [`es256`] signs and verifies, and [`pem`] parses
//!   certificates.
//!
//! ```
//! use base::config::{ConfigError, Settings};
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     orders_per_user: u32,
//! }
//!
//! let settings = Settings::from_variables([("ORDERS_PER_USER", "64".to_owned())]);
//! let config: Config = settings.read()?;
//! assert_eq!(config.orders_per_user, 64);
//!
//! let wrong = settings.with([("ORDERS_PER_USER", "many".to_owned())]);
//! let error = wrong.read::<Config>().map(|_| ()).unwrap_err();
//! assert_eq!(error.variable, "ORDERS_PER_USER");
//! # Ok::<(), ConfigError>(())
//! ```

pub mod circuit_breaker;
pub mod clock;
pub mod config;
pub mod cursor;
pub mod date;
pub mod deadline;
pub mod es256;
pub mod ids;
pub mod memory_log;
pub mod number;
pub mod outage;
pub mod pem;
pub mod random;
pub mod readiness;
pub mod retry;
pub mod trace;

/// Formats an error and its causes in one line: `the database is unavailable: connection refused`.
pub fn error_chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}
