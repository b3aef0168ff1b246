//! The kinds of servers that tests need.

#[derive(Clone, Copy, Debug)]
pub enum Server {
    Postgres,
    Redis,
    /// A Redis whose memory a test may limit, since only such tests use it.
    SmallRedis,
    Kafka,
}

impl Server {
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::SmallRedis => "small-redis",
            Self::Kafka => "kafka",
        }
    }

    /// Returns the variable with the address of an existing server.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "TEST_DATABASE_URL",
            Self::Redis => "TEST_REDIS_URL",
            Self::SmallRedis => "TEST_SMALL_REDIS_URL",
            Self::Kafka => "TEST_KAFKA_BROKERS",
        }
    }
}
