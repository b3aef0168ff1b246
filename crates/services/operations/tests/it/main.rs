//! Operators' reads and actions, on real servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backlogs;
mod books;
mod dead_letters;
mod restock;
