//! Tests by layer: contracts of the repositories, and the API of the whole service over real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod attempts;
mod caseless;
mod contact_codes;
mod contact_service;
mod failures;
mod figures;
mod fixture;
mod guesses;
mod operators;
mod passwords;
mod renewal;
mod server;
mod session_attacks;
mod session_bounds;
mod session_service;
mod session_upgrade;
mod sessions;
mod stores;
mod users;
