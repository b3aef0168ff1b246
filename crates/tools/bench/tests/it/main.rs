//! The plans of the services' statements.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod plans;
