//! The Redis implementation of [`StatusCache`]. Each call is one round trip.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;
use platform::redis::{Connection, answered_within, millis};
use redis::{RedisResult, Script, Value};

use super::{CachedStatus, Lookup, StatusCache, StatusKey};

/// The timeout of a Redis command. It is far shorter than the timeout of the call that the cache saves. It is longer
/// than a busy machine delays a command, because bypassing the cache would add calls to that load.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);

pub struct RedisStatusCache {
    connection: Connection,
    find: Script,
    keep: Script,
    give_up: Script,
}

impl RedisStatusCache {
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            find: Script::new(include_str!("find.lua")),
            keep: Script::new(include_str!("keep.lua")),
            give_up: Script::new("return redis.call('del', KEYS[1])"),
        }
    }
}

/// Returns the Redis keys of the cached response and of the mark that a caller is calling the service. Both are in one
/// hash slot, as Redis Cluster requires for a script.
fn keys(StatusKey { kind, order }: StatusKey) -> [String; 2] {
    let response = format!("status:{{{order}}}:{}", kind.as_str());
    let asked = format!("{response}:asked");
    [response, asked]
}

async fn within_limit<T>(command: impl Future<Output = RedisResult<T>>) -> anyhow::Result<T> {
    Ok(answered_within(COMMAND_TIMEOUT, command).await?)
}

#[async_trait]
impl StatusCache for RedisStatusCache {
    async fn find(
        &self,
        key: StatusKey,
        owner: UserId,
        least_version: u64,
        max_wait: Duration,
    ) -> anyhow::Result<Lookup> {
        let [response, asked] = keys(key);
        let mut call = self.find.prepare_invoke();
        call.key(response).key(asked).arg(owner.to_string()).arg(least_version).arg(millis(max_wait));
        match within_limit(call.invoke_async(&mut self.connection.clone())).await? {
            Value::BulkString(response) => Ok(Lookup::Response(response)),
            Value::Int(1) => Ok(Lookup::Ask),
            _ => Ok(Lookup::Wait),
        }
    }

    async fn store(&self, key: StatusKey, cached: &CachedStatus, ttl: Duration) -> anyhow::Result<()> {
        let [response, asked] = keys(key);
        let mut call = self.keep.prepare_invoke();
        call.key(response)
            .key(asked)
            .arg(cached.owner.to_string())
            .arg(cached.version)
            .arg(&cached.response)
            .arg(millis(ttl));
        within_limit(call.invoke_async(&mut self.connection.clone())).await
    }

    async fn give_up(&self, key: StatusKey) -> anyhow::Result<()> {
        let [_, asked] = keys(key);
        let mut call = self.give_up.prepare_invoke();
        call.key(asked);
        within_limit(call.invoke_async(&mut self.connection.clone())).await
    }
}
