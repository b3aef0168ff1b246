//! `GET` of a small value in Redis, over one connection that all workers share, as in iam.

use platform::redis::{Connection, lazy_connection};

use crate::sample::Work;

const KEY: &str = "bench:value";
/// The length of a stored session, in bytes.
const LENGTH: usize = 200;

pub struct RedisGet(Connection);

impl RedisGet {
    pub async fn workers(url: &str, count: usize) -> anyhow::Result<Vec<Self>> {
        let mut connection = lazy_connection("REDIS_URL", &url.into(), None)?;
        redis::cmd("SET").arg(KEY).arg("x".repeat(LENGTH)).exec_async(&mut connection).await?;
        Ok((0..count).map(|_| Self(connection.clone())).collect())
    }
}

impl Work for RedisGet {
    async fn once(&mut self) -> anyhow::Result<()> {
        let value: Vec<u8> = redis::cmd("GET").arg(KEY).query_async(&mut self.0).await?;
        anyhow::ensure!(value.len() == LENGTH, "Redis answered {} bytes", value.len());
        Ok(())
    }
}
