//! The Redis implementations of the repositories. Each change is one script, so that it is atomic.

mod contact_codes;
mod login_attempts;
mod sessions;

use std::time::Duration;

use platform::redis::{Connection, answered_within};
use redis::{FromRedisValue, RedisError, RedisResult, ScriptInvocation};

pub use self::{contact_codes::RedisContactCodes, login_attempts::RedisLoginAttempts, sessions::RedisSessions};
use crate::error::Error;

/// The timeout of a command together with its retry.
const COMMAND_TIMEOUT: Duration = platform::redis::RESPONSE_TIMEOUT;

/// Runs a command, and retries it once if `is_retryable` returns true for the error.
async fn with_retry<T, F>(
    connection: &Connection,
    is_retryable: impl Fn(&RedisError) -> bool + Send,
    command: impl Fn(Connection) -> F + Send,
) -> Result<T, Error>
where
    F: Future<Output = RedisResult<T>> + Send,
{
    let reply = async {
        match command(connection.clone()).await {
            Err(error) if is_retryable(&error) => command(connection.clone()).await,
            outcome => outcome,
        }
    };
    answered_within(COMMAND_TIMEOUT, reply).await.map_err(Error::SessionsUnavailable)
}

/// Runs a script, and retries it once if the connection was dropped.
async fn run<T: FromRedisValue + Send>(connection: &Connection, call: &ScriptInvocation<'_>) -> Result<T, Error> {
    with_retry(
        connection,
        RedisError::is_connection_dropped,
        |mut redis| async move { call.invoke_async(&mut redis).await },
    )
    .await
}
