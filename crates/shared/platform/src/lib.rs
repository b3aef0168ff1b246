//! The platform that all services share: servers, configuration, telemetry, PostgreSQL, Redis, Kafka, jobs.

pub mod auth;
pub mod cli;
pub mod config;
pub mod grpc;
pub mod http;
pub mod invalid;
pub mod jobs;
pub mod listener;
pub mod security_events;
pub mod server;
pub mod shared_layer;
pub mod slots;
pub mod telemetry;
pub mod tls;

pub use base::{
    circuit_breaker, clock, cursor, date, deadline, error_chain, es256, ids, number, outage, random, retry,
};
pub use events::kafka;
pub use store::{postgres, redis};

/// glibc's allocator took a sixth of the shop's processor time in the benchmark of Whoami (`perf`, release build,
/// 2026-11-22).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
