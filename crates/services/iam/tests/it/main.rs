//! The service's tests: each store's contract over memory and the real thing, and the API of a service that runs.

#![expect(clippy::unwrap_used, reason = "what helps a test may panic as the test may")]

mod accounts;
mod failures;
mod iam;
mod passwords;
mod sessions;
mod stores;
mod surroundings;
mod users;
