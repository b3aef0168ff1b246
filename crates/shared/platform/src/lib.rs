//! The platform that all services share: servers, configuration, telemetry, PostgreSQL, Redis, Kafka, jobs.

pub mod auth;
pub mod circuit_breaker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cursor;
pub mod date;
pub mod deadline;
pub mod es256;
pub mod grpc;
pub mod http;
pub mod ids;
pub mod invalid;
pub mod jobs;
pub mod kafka;
pub mod listener;
pub mod number;
pub mod outage;
pub mod postgres;
pub mod random;
pub mod redis;
pub mod retry;
pub mod security_events;
pub mod server;
pub mod shared_layer;
pub mod slots;
pub mod telemetry;
pub mod tls;

/// glibc's allocator took a sixth of the shop's processor time in the benchmark of Whoami (`perf`, release build,
/// 2026-11-22).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Formats an error and its causes in one line: `the database is unavailable: connection refused`.
pub fn error_chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}
