//! Black-box tests of the whole system: services as processes, with real PostgreSQL, Redis and Kafka, and HTTP and gRPC
//! clients; and of what `deploy/` makes of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alertmanager;
mod attacks;
mod audit;
mod collector;
mod commands;
mod compose;
mod console;
mod crashes;
mod customer;
mod dlq;
mod exporting;
mod gateway;
mod kubernetes;
mod leaks;
mod metrics;
mod observability;
mod one_process;
mod operator;
mod program;
mod receipt;
mod repository;
mod republish;
mod retention;
mod roll;
mod shared_tables;
mod signed_receipt;
mod store_memory;
mod system;
mod traces;
mod variables;
mod vault;
