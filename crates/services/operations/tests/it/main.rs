//! The service over its API, its parts, and operators' reads and actions, on real servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

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
