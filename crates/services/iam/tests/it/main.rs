//! Tests of the iam service: its repositories, and its API over PostgreSQL and Redis.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access_tokens;
mod account_end;
mod accounts;
mod caseless;
mod check;
mod contact_codes;
mod contact_service;
mod device_locks;
mod disabled_users;
mod failures;
mod fixture;
mod guesses;
mod login_attempts;
mod open_orders;
mod operators;
mod passwords;
mod redis_memory;
mod redis_restart;
mod renewal;
mod reserve;
mod server;
mod session_attacks;
mod session_bounds;
mod session_service;
mod session_tokens;
mod sessions;
mod stores;
mod users;
