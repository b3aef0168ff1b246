//! What every service needs and no service is about: it has no word of spaceships in it.

pub mod auth;
mod circuit_breaker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deadline;
mod drain;
pub mod grpc;
pub mod health;
pub mod http;
pub mod ids;
pub mod inbox;
pub mod kafka;
mod keep_alive;
pub mod lease;
pub mod money;
mod observe;
pub mod outage;
pub mod outbox;
pub mod postgres;
mod postgres_errors;
pub mod problem;
pub mod redis;
pub mod retry;
pub mod shutdown;
pub mod sweeper;
pub mod telemetry;
