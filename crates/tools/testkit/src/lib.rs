//! Test infrastructure: real servers, a fresh database or topics per test, and fakes that several services share.
//!
//! Servers are those in `TEST_DATABASE_URL`, `TEST_REDIS_URL` and `TEST_KAFKA_BROKERS` if set, otherwise containers if
//! there is a container engine, otherwise local programs. One of each serves a whole `cargo test` run.

mod containers;
mod database;
mod eventually;
mod gateway;
mod guarded_kafka;
mod guarded_redis;
mod http_response;
mod iam;
mod infrastructure;
mod kafka;
mod new_ids;
mod programs;
mod running;
mod settings;
mod sql_errors;
mod test_run;
mod tls_kafka;

pub use database::{Database, database, empty_database};
pub use eventually::eventually;
pub use gateway::{Gateway, GatewaySettings, Upstream};
pub use guarded_kafka::{GuardedKafka, guarded_kafka};
pub use guarded_redis::{GuardedRedis, guarded_redis};
pub use http_response::{HttpResponse, fetch};
pub use iam::{Attempt, BUSY_CHAT, Iam, LIMITED_CHAT, PASSWORD, iam};
pub use infrastructure::{Redis, redis, small_redis};
pub use kafka::{Kafka, kafka};
pub use new_ids::{new_cause, new_order, new_part, new_transaction, new_user};
pub use platform::telemetry::MemoryLog;
pub use running::{OwnProcess, Running, guard, run, serve, start};
pub use settings::{SERVICE_KEY, peer, peer_of, settings, with_session};
pub use sql_errors::{assert_only_the_permanent_is_poison, database_error};
pub use tls_kafka::{TlsKafka, tls_kafka};
