//! The whole system from outside: real processes over real servers, plain HTTP and gRPC clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod audit;
mod chaos;
mod connections;
mod counters;
mod crashes;
mod customer;
mod dlq;
mod flow;
mod idempotency;
mod logs;
mod one_process;
mod program;
mod republish;
mod retention;
mod system;
mod tools;
