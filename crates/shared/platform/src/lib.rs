//! The platform of all services: servers, configuration, telemetry, PostgreSQL, Redis, Kafka, outbox, inbox, leases, jobs.

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
pub mod jobs;
pub mod kafka;
mod keep_alive;
pub mod lease;
mod observe;
pub mod outage;
pub mod outbox;
pub mod postgres;
pub mod problem;
pub mod redis;
pub mod retry;
pub mod server;
pub mod service;
pub mod shutdown;
pub mod telemetry;
