//! Tests of the service over its API, of its parts, and of operators' reads and actions, with real PostgreSQL and
//! Kafka.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod action_chain;
mod actions;
mod backlogs;
mod books;
mod dead_letters;
mod fixture;
mod letters_over_grpc;
mod receipts;
mod resolved_letters;
mod restock;
mod work;
